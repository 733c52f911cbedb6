"""What a worker gives up on every platform, before it runs a line of a student's.

That is: an own session and process group, resource limits, no open files but the channel, the same
environment and command line everywhere, no new privileges by exec, death with its parent, and no
way to import what is graded. The walls that need namespaces are put up round it by
`kernel_sim_grader.sandbox`. Without those (``--sandbox none``) code in a worker can read what its
user can read and can reach the network; it can't change a grade, which is computed on the other
side of the channel.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
PR_SET_CHILD_SUBREAPER: Final = 36
KEPT_VARIABLES: Final = ("SYSTEMROOT", "TEMP", "TMP", "TMPDIR")
"""Where temporary files go, in the sandbox a folder of the worker's own; Windows needs its root."""
VARIABLES: Final = {
    "LANG": "C.UTF-8",
    "PATH": os.defpath,
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}
"""The same for every worker; numeric libraries start no threads, which a worker may not."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one worker may use."""

    cpu_seconds: int = 60
    """Processor time of the whole worker; past it the kernel ends the process."""
    request_seconds: float = 10.0
    """Wall time of one request, for code that sleeps instead of working."""
    load_seconds: float = 40.0
    """Wall time of loading the plugin, whose cells have budgets of their own."""
    memory_bytes: int = 384 * 1024 * 1024
    """Private memory; simulated RAM on a shared file is not counted in it."""
    resident_bytes: int = 1536 * 1024 * 1024
    """All memory that is in use, simulated RAM included; looked at while the grader waits."""
    file_bytes: int = 1024 * 1024
    """Longest file that can be written."""
    open_files: int = 64
    processes: int = 0
    """Further processes and threads; does not bind the superuser."""


def isolate(keep: Collection[int], limits: Limits, forbidden: Iterable[str]) -> None:
    """Give up everything but the open files ``keep``.

    Args:
        keep: numbers of open files: the channel's, first of all.
        limits: what may be used from now on.
        forbidden: modules that can't be imported from now on: graded references and hidden checks.
    """
    if hasattr(os, "setsid") and os.getsid(0) != os.getpid():
        os.setsid()
    _close_files(keep)
    _reset_signals()
    _forget_who_started_it()
    for name in forbidden:
        sys.modules[name] = None  # type: ignore[assignment] # the import system's mark for "not there"
    if sys.platform == "linux":
        process_control(PR_SET_PDEATHSIG, signal.SIGKILL)
        process_control(PR_SET_NO_NEW_PRIVS, 1)
    _limit_resources(limits)


def _forget_who_started_it() -> None:
    """Leave an environment and a command line that are the same on every machine."""
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    os.environ.clear()
    os.environ.update(VARIABLES | kept)
    os.environ["HOME"] = kept.get("TMPDIR", os.sep)
    sys.argv[:] = sys.orig_argv[:] = ["worker"]


def process_control(option: int, value: int) -> bool:
    """Linux's ``prctl(option, value)``; False when the kernel refuses or there is none."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) == 0)


def _close_files(keep: Collection[int]) -> None:
    """Close all open files but ``keep``; input is empty and output goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    first = 3
    for number in sorted(keep):
        os.closerange(first, number)
        first = number + 1
    os.closerange(first, max(first, _highest_file()) + 1)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - replaced for the rest of the process
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False)  # noqa: SIM115


def _highest_file() -> int:
    try:
        return max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    except OSError:
        return 4096


def _reset_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)


def _limit_resources(limits: Limits) -> None:
    """Set the limits; a platform without one of them goes without.

    Processor time has a second between SIGXCPU, which names the reason in the exit status, and
    SIGKILL.
    """
    try:
        import resource  # noqa: PLC0415 - Unix only
    except ImportError:
        return
    wanted = {
        "RLIMIT_CPU": limits.cpu_seconds,
        "RLIMIT_DATA": limits.memory_bytes,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_NPROC": limits.processes,
        "RLIMIT_CORE": 0,
    }
    for name, value in wanted.items():
        if (kind := getattr(resource, name, None)) is None:
            continue
        hard = resource.getrlimit(kind)[1]
        grace = 1 if name == "RLIMIT_CPU" else 0
        most = value + grace if hard == resource.RLIM_INFINITY else min(value + grace, hard)
        resource.setrlimit(kind, (min(value, most), most))
