"""System calls that Python 3.11 has no function for, by way of the C library.

Those are made while the interpreter's lock is held: there is one thread, and a fork must not lose
the lock.
"""

import ctypes
import os
import platform
import sys
from functools import cache
from typing import Any, Final

from kernel_sim_grader.sandbox.wall_error import WallError

NUMBERS: Final = {
    "x86_64": {"clone": 56, "capset": 126, "pivot_root": 155, "mount_setattr": 442},
    "aarch64": {"clone": 220, "capset": 91, "pivot_root": 41, "mount_setattr": 442},
}
"""Machine → system call → number; References: Linux, unistd_64.h and asm-generic/unistd.h."""


def machine() -> str:
    """The machine that system calls are numbered for.

    Raises:
        WallError: their numbers on this one are not known.
    """
    name = platform.machine()
    if sys.platform != "linux" or name not in NUMBERS or ctypes.sizeof(ctypes.c_void_p) != 8:
        raise WallError("platform", f"no table of system calls for {sys.platform} on {name}")
    return name


@cache
def libc() -> Any:  # noqa: ANN401 - a library
    """The C library; its functions keep Python's lock."""
    library = ctypes.PyDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def call(function: str, *arguments: object) -> int:
    """The answer of the C library's ``function``.

    Raises:
        OSError: it failed.
    """
    answer: int = libc()[function](*arguments)
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return answer


def system_call(name: str, *arguments: object) -> int:
    """The answer of the system call ``name``, one of `NUMBERS`.

    Raises:
        OSError: it failed.
    """
    library = libc()
    library.syscall.restype = ctypes.c_long
    return call("syscall", ctypes.c_long(NUMBERS[machine()][name]), *arguments)
