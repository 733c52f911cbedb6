"""What a worker must not reach, set up for `ksim doctor`: a file, servers, memory, a process."""

import ctypes
import os
import secrets
import socket
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Final, Self

IPC_CREATE: Final = 0o1000
IPC_REMOVE: Final = 0


class Outside:
    """Bait: real, and open to everyone on this machine while this is entered.

    ``process`` is a process that may be signalled, ``program`` one that may be run; the other
    attributes say where a file, servers and shared memory are.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ksim-doctor-")
        name = secrets.token_hex(8)
        self.folder = Path(self._folder.name)
        self.file = self.folder / "bait"
        self.new_file = self.folder / "written"
        self.root_file = f"/ksim-doctor-{name}"
        self.host_name = os.uname().nodename
        self.program = "/bin/true"
        self.process = os.getpid()
        self.socket_name = f"ksim-doctor-{name}"
        self.memory_key = secrets.randbelow(1 << 30) + 1

    def __enter__(self) -> Self:
        self.folder.chmod(0o777)
        self.file.write_text("to be read by nobody", encoding="utf-8")
        self._tcp = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._tcp.getsockname()[1])
        self._unix = socket.socket(socket.AF_UNIX)
        self._unix.bind(f"\0{self.socket_name}")
        self._unix.listen(1)
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._memory = self._libc.shmget(self.memory_key, 1, IPC_CREATE | 0o666)
        return self

    def remove_traces(self) -> bool:
        """Whether anything was written outside; it is removed."""
        written = [path for path in (self.new_file, Path(self.root_file)) if path.exists()]
        for path in written:
            path.unlink()
        return bool(written)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._libc.shmctl(self._memory, IPC_REMOVE, None)
        self._unix.close()
        self._tcp.close()
        self.remove_traces()
        self._folder.cleanup()
