"""A PostgreSQL server for a test, run by a user without privileges."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

NAME = "gradebook"


def programs():
    """The folder of Debian's newest PostgreSQL, or of the one on the path; None without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else (Path(on_path).parent if on_path else None)


PROGRAMS = programs()
MISSING = "" if PROGRAMS and hasattr(os, "getuid") else "PostgreSQL is not installed"
"""Why there can be no server, or nothing."""


class Server:
    """A cluster in ``folder`` that only its own socket leads to."""

    def __init__(self, folder):
        self.folder = folder
        self.user = "nobody" if os.getuid() == 0 else None
        if self.user:
            shutil.chown(folder, self.user)
        self.data = folder / "data"
        self.run("initdb", "-D", self.data, "-U", "ksim", "-A", "trust", "--no-sync", "-E", "UTF8")
        options = ("-F", "-c", "listen_addresses=", "-c", "shared_buffers=8MB")
        command = [PROGRAMS / "postgres", "-D", self.data, "-k", folder, *options]
        self.process = subprocess.Popen(
            command, user=self.user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.wait()
        self.run("createdb", "-h", folder, "-U", "ksim", NAME)

    def run(self, program, *arguments):
        """What a program of the server's says.

        Raises:
            RuntimeError: it fails.
        """
        done = subprocess.run(
            [PROGRAMS / program, *arguments],
            user=self.user,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        if done.returncode:
            raise RuntimeError(done.stderr)
        return done.stdout

    def wait(self):
        """Until it takes connections."""
        until = time.monotonic() + 30
        while time.monotonic() < until:
            ready = [PROGRAMS / "pg_isready", "-h", self.folder, "-q"]
            if subprocess.run(ready, check=False).returncode == 0:
                return
            time.sleep(0.05)
        raise RuntimeError("the server does not start")

    def ask(self, statement):
        """The rows of an answer, a line each."""
        return self.run("psql", "-h", self.folder, "-U", "ksim", "-AtX", "-c", statement, NAME)

    def connections(self):
        """The process ids of the server's side of each connection."""
        words = self.ask(
            "select pid from pg_stat_activity"
            " where pid <> pg_backend_pid() and backend_type = 'client backend'"
        )
        return [int(word) for word in words.split()]

    @property
    def url(self):
        """Where the gradebook is."""
        return f"postgresql://ksim@/{NAME}?host={self.folder}"

    def stop(self):
        """End it."""
        self.process.send_signal(signal.SIGINT)
        self.process.wait(30)
