"""What `ksim doctor` tries from inside a worker: every function really does what is forbidden.

The text of this file is loaded as a student's plugin would be; its last line calls `report`. A
function that returns has got through; one that fails with an `OSError` has met a wall.

Every attempt is harmless where nothing stands in its way, for the superuser too: what it writes is
bait of its own, and of what would change the machine only the permission is asked for.
"""

import ctypes
import errno
import os
import signal
import socket
import time
from pathlib import Path
from threading import Thread
from typing import Final

MARK: Final = "probe answers: "
CHUNK: Final = 1 << 19


class Answer(Exception):  # noqa: N818 - how a probe answers
    """What came of an attempt: loading ends with it, and it is told."""


def report(name: str, words: list[str]) -> None:
    """Make the attempt ``name``.

    Raises:
        Answer: always.
    """
    try:
        said = globals()[name](*words)
    except (OSError, MemoryError) as error:
        raise Answer(f"{MARK}refused {getattr(error, 'strerror', None) or 'no memory'}") from None
    raise Answer(f"{MARK}worked {said}")


def read_file(path: str) -> str:
    """Read a file that everyone may read."""
    return Path(path).read_text(encoding="utf-8", errors="replace")[:20]


def write_file(path: str) -> str:
    """Write a new file."""
    Path(path).write_text("was here", encoding="utf-8")
    return path


def list_folder(path: str) -> str:
    """List a folder."""
    return f"{len(os.listdir(path))} entries"  # noqa: PTH208 - counted


def run_program(path: str) -> str:
    """Become another program; there is no answer if that works."""
    os.execv(path, [path])  # noqa: S606 - to be refused
    return path


def become_root(_: str = "") -> str:
    """Become the superuser."""
    os.setuid(0)
    return "uid 0"


def signal_process(number: str) -> str:
    """Ask whether a process of outside is there, by the right to send it signals."""
    os.kill(int(number), 0)
    return f"process {number}"


def open_memory(key: str) -> str:
    """Open System V shared memory that was made outside."""
    library = ctypes.CDLL(None, use_errno=True)
    return f"segment {_checked(library.shmget(int(key), 1, 0))}"


def connect_tcp(port: str) -> str:
    """Connect to a server on this machine."""
    with socket.create_connection(("127.0.0.1", int(port)), timeout=2):
        return f"port {port}"


def connect_unix(name: str) -> str:
    """Connect to a server in the abstract namespace of sockets."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(f"\0{name}")
    return name


def name_host(name: str) -> str:
    """Name the host as it is named already, which needs a capability."""
    library = ctypes.CDLL(None, use_errno=True)
    _checked(library.sethostname(name.encode(), len(name)))
    return name


def may_mount(kind: str) -> str:
    """Ask to mount a ``kind`` of file system that there is none of.

    The permission is looked at first: who has it hears that there is no such kind, and nothing is
    mounted.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.mount(b"none", b"/", kind.encode(), 0, None)
    if ctypes.get_errno() == errno.ENODEV:
        return "may mount"
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def gain_privileges(_: str = "") -> str:
    """Find that programs could gain privileges when executed."""
    if ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 1:
        raise PermissionError(1, "no new privileges")
    return "privileges"


def fork(_: str = "") -> str:
    """Start a process."""
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    return f"process {child}"


def start_thread(_: str = "") -> str:
    """Start a thread."""
    thread = Thread(target=time.sleep, args=(0,))
    try:
        thread.start()
    except RuntimeError as error:
        raise PermissionError(1, str(error)) from None
    thread.join()
    return "a thread"


def call_system(number: str) -> str:
    """Make a system call with arguments that mean nothing; only the filter answers EPERM."""
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    library.syscall(ctypes.c_long(int(number)), *map(ctypes.c_long, (-1, -1, -1, -1, -1)))
    if ctypes.get_errno() == 1:
        raise PermissionError(1, os.strerror(1))
    return f"call {number}: {os.strerror(ctypes.get_errno())}"


def eat_memory(megabytes: str) -> str:
    """Use memory."""
    return f"{len(bytearray(int(megabytes) << 20)) >> 20} MiB"


def fill_scratch(megabytes: str) -> str:
    """Write files to the folder for temporary ones."""
    folder = Path(os.environ.get("TMPDIR", "/tmp"))  # noqa: S108 - what a student would write to
    files = [folder / f"ksim-probe-{os.getpid()}-{number}" for number in range(2 * int(megabytes))]
    try:
        for file in files:
            file.write_bytes(b"x" * CHUNK)
    finally:
        for file in files:
            file.unlink(missing_ok=True)
    return f"{megabytes} MiB"


def write_long_file(megabytes: str) -> str:
    """Write one long file."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"ksim-probe-{os.getpid()}"  # noqa: S108
    try:
        path.write_bytes(b"x" * (int(megabytes) << 20))
    finally:
        path.unlink(missing_ok=True)
    return f"{megabytes} MiB"


def open_files(count: str) -> str:
    """Open many files at once."""
    files = []
    try:
        for _ in range(int(count)):
            files += [os.open("/dev/null", os.O_RDONLY)]
    finally:
        for file in files:
            os.close(file)
    return f"{count} files"


def spin(_: str = "") -> str:
    """Compute without an end, deaf to the clock of the plugin host."""
    signal.signal(signal.SIGPROF, signal.SIG_IGN)
    until = time.process_time() + 20
    while time.process_time() < until:
        pass
    return "20 seconds of computing"


def sleep(_: str = "") -> str:
    """Wait without an end."""
    time.sleep(60)
    return "60 seconds of waiting"


def _checked(answer: int) -> int:
    """What a function of the C library answers.

    Raises:
        OSError: it failed.
    """
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer
