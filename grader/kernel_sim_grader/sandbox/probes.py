"""The walls, and what is tried against each: the table behind `ksim doctor`."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel_sim_grader.sandbox.outside import Outside
from kernel_sim_grader.sandbox.system_calls import NUMBERS

REFUSED_CALLS: Final = {
    "ptrace": (101, 117),
    "mount": (165, 40),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "keyctl": (250, 219),
    "io_uring_setup": (425, 425),
    "perf_event_open": (298, 241),
    "memfd_create": (319, 279),
    "socket": (41, 198),
    "execve": (59, 221),
    "clone3": (435, 435),
}
"""System call → number on x86_64, on aarch64; References: as `system_call_numbers`."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One attempt against one wall.

    Args:
        wall: what it is made against.
        tried: the attempt in a few words.
        attempt: a function of `kernel_sim_grader.sandbox.attempts`.
        words: its arguments.
        filtered: whether the filter of system calls is in place; without it the wall is alone.
    """

    wall: str
    tried: str
    attempt: str
    words: tuple[str, ...] = ()
    filtered: bool = False


def probes(outside: Outside, machine: str, secrets: list[Path]) -> Iterator[Probe]:
    """Every attempt, wall by wall.

    Args:
        outside: what a worker must not reach.
        machine: whose numbers system calls have.
        secrets: files of the grader's own.
    """
    yield Probe("user namespace", "become the superuser", "become_root")
    yield Probe("pid namespace", "signal the grader", "signal_process", (str(outside.process),))
    yield Probe("pid namespace", "list all processes", "list_folder", ("/proc",))
    yield Probe("ipc namespace", "open shared memory", "open_memory", (str(outside.memory_key),))
    yield Probe("net namespace", "connect to a port", "connect_tcp", (str(outside.port),))
    yield Probe("net namespace", "connect to a socket", "connect_unix", (outside.socket_name,))
    yield Probe("file system", "read a file of outside", "read_file", (str(outside.file),))
    yield Probe("file system", "write beside it", "write_file", (str(outside.new_file),))
    yield Probe("file system", "write to the root", "write_file", (outside.root_file,))
    yield Probe("file system", "run a program", "run_program", (outside.program,))
    for secret in secrets:
        yield Probe("file system", f"read {secret.name}", "read_file", (str(secret),))
    yield Probe("capabilities", "name the host", "name_host", (outside.host_name,))
    yield Probe("capabilities", "mount", "may_mount", ("ksim-no-such",))
    yield Probe("no new privileges", "ask for them", "gain_privileges")
    for name, numbers in REFUSED_CALLS.items():
        number = numbers[list(NUMBERS).index(machine)]
        yield Probe("system calls", name, "call_system", (str(number),), filtered=True)
    yield Probe("system calls", "fork", "fork", filtered=True)
    yield Probe("system calls", "start a thread", "start_thread", filtered=True)
    yield Probe("limits", "start a process", "fork")
    yield Probe("limits", "use 1 GiB of memory", "eat_memory", ("1024",), filtered=True)
    yield Probe("limits", "write a file of 4 MiB", "write_long_file", ("4",), filtered=True)
    yield Probe("limits", "fill 32 MiB of scratch", "fill_scratch", ("32",), filtered=True)
    yield Probe("limits", "open 200 files", "open_files", ("200",), filtered=True)
    yield Probe("limits", "compute for 20 seconds", "spin", filtered=True)
    yield Probe("limits", "wait for a minute", "sleep", filtered=True)
