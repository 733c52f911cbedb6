"""Kill what is not the grader's own at random moments: ``kills_elsewhere.py WHAT MOMENTS [SEED]``.

WHAT is ``dask``, a worker of a cluster that judges, or ``postgres``, the server's side of the
gradebook's connection. After each kill every grade has to be there once and equal the undisturbed
run's. Linux only.
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import threading
import time
from importlib import import_module
from pathlib import Path

from kernel_sim.errors import InputError
from kernel_sim_grader.class_grading import Means, grade_class
from kernel_sim_grader.gradebook_url import keep_url
from kernel_sim_grader.grading import end_workers

CLASS = import_module("class_folder")  # beside this script
SANDBOX = os.environ.get("KSIM_SANDBOX", "auto")
REAL = ("wrong/acpi_available",)
QUICK = ("raise SystemExit", "import os\nos._exit(3)", "1 / 0")


class DaskWorkers:
    """A cluster of two workers, one of which is killed; it comes back by itself."""

    gradebook = None

    def __init__(self, folder):
        self.folder = folder
        self.start()

    def start(self):
        from distributed import LocalCluster  # noqa: PLC0415 - an optional extra

        options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0", "host": "127.0.0.1"}
        self.cluster = LocalCluster(
            n_workers=2, silence_logs=50, local_directory=self.folder, **options
        )
        self.means = Means(2, cluster=self.cluster.scheduler_address)

    def pids(self):
        return [nanny.pid for nanny in self.cluster.workers.values() if nanny.pid]

    def wait(self):
        """Until both workers are back; Dask gives one up that is killed as it starts."""
        until = time.monotonic() + 15
        while len(self.cluster.scheduler.workers) < 2:
            if time.monotonic() > until:
                self.stop()
                self.start()
            time.sleep(0.1)

    def stop(self):
        self.cluster.close()


class Connections:
    """A gradebook on a PostgreSQL server; the connection to it is killed."""

    def __init__(self, folder):
        folder.mkdir()
        folder.chmod(0o755)
        self.server = import_module("postgres_server").Server(folder)
        self.means = Means(1)
        self.gradebook = self.server

    def pids(self):
        with contextlib.suppress(RuntimeError):
            return self.server.connections()
        return []

    def wait(self):
        self.server.wait()

    def stop(self):
        self.server.stop()


KINDS = {"dask": DaskWorkers, "postgres": Connections}


def make_class(folder, gradebook):
    """One answer whose checks take half a second, and some that are judged at once."""
    if gradebook is not None:
        keep_url(folder, gradebook.url)
    room, released = CLASS.released_class(folder)
    CLASS.hand_in_corpus(room, released, REAL)
    for number, source in enumerate(QUICK):
        CLASS.hand_in_text(room, released, f"quick-{number}", source)
    return room


def one_moment(room, kind, longest, chance):
    """One disturbed run, and what is needed after it; how often something was killed, and when."""
    moment, killed = chance.uniform(0, longest), []

    def kill():
        pids = kind.pids()
        for pid in chance.sample(pids, min(1, len(pids))):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    timer = threading.Timer(moment, kill)
    timer.start()
    try:
        unfinished = bool(grade_class(room, kind.means, sandbox=SANDBOX, force=True).errored)
    except InputError:
        unfinished = True
    timer.join()
    kind.wait()
    if unfinished:
        grade_class(room, kind.means, sandbox=SANDBOX)
    again = ", graded again" if unfinished else ""
    return f"after {moment:4.2f} s: {len(killed)} killed{again}", len(killed)


def main(what, moments, seed):
    """Kill ``moments`` times; 1 if something came out otherwise than undisturbed."""
    wrong = total = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        kind = KINDS[what](folder / "elsewhere")
        try:
            (folder / "course").mkdir()
            room = make_class(folder / "course", kind.gradebook)
            grade_class(room, kind.means, sandbox=SANDBOX)  # warms up
            started = time.monotonic()
            grade_class(room, kind.means, sandbox=SANDBOX, force=True)
            longest = 0.9 * (time.monotonic() - started)
            expected = CLASS.snapshot(room.course, kind.gradebook)
            chance = random.Random(seed)
            for _ in range(moments):
                said, killed = one_moment(room, kind, longest, chance)
                found = CLASS.snapshot(room.course, kind.gradebook)
                problems = [f"{part} differ" for part in expected if found[part] != expected[part]]
                sys.stdout.write(f"{what} {said}: {'; '.join(problems) or 'as undisturbed'}\n")
                sys.stdout.flush()
                wrong += len(problems)
                total += killed
        finally:
            end_workers()
            kind.stop()
    return bool(wrong) or total < moments // 2


if __name__ == "__main__":
    what, moments, *rest = sys.argv[1:]
    sys.exit(main(what, int(moments), int(rest[0]) if rest else 0))
