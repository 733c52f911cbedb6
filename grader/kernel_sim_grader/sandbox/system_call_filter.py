"""The wall "system calls": a filter in the kernel that lets through what an interpreter needs.

The filter is a program for the kernel's packet-filter machine; no library is needed to write it::

    seccomp_data    offset 0 number │ 4 architecture │ 8 instruction pointer │ 16 six arguments
    instruction     code, 16 bits │ jump if true, 8 │ jump if false, 8 │ constant, 32

A call that is not allowed answers EPERM; one numbered for another architecture ends the process.
"""

import ctypes
import errno
import struct
from collections.abc import Iterable
from typing import Final

from kernel_sim_grader.sandbox.system_call_numbers import HARMLESS_IOCTLS, IOCTL, allowed_numbers
from kernel_sim_grader.sandbox.system_calls import call, machine
from kernel_sim_grader.sandbox.wall_error import refused

WALL: Final = "system calls"
PR_SET_SECCOMP: Final = 22
MODE_FILTER: Final = 2
ARCHITECTURES: Final = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
LOAD: Final = 0x20
JUMP_IF_EQUAL: Final = 0x15
RETURN: Final = 0x06
NUMBER: Final = 0
ARCHITECTURE: Final = 4
SECOND_ARGUMENT: Final = 24
ALLOW: Final = 0x7FFF_0000
REFUSE: Final = 0x0005_0000 | errno.EPERM
KILL_PROCESS: Final = 0x8000_0000
"""References: Linux, ``include/uapi/linux/{seccomp,filter,audit}.h``; seccomp(2)."""
_INSTRUCTION: Final = struct.Struct("=HBBI")

Instruction = tuple[int, int, int, int]


class _Program(ctypes.Structure):
    """What the kernel takes: how many instructions, and where they are."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def install_filter() -> None:
    """Let this process, for the rest of its life, make no system call but the allowed ones.

    Privileges must be given up before (`capabilities`).

    Raises:
        WallError: the operating system refused.
    """
    code = assembled(machine())
    program = _Program(len(code) // _INSTRUCTION.size, code)
    try:
        call("prctl", PR_SET_SECCOMP, MODE_FILTER, ctypes.byref(program), 0, 0)
    except OSError as error:
        raise refused(WALL, "to install the filter", error) from None


def assembled(machine_name: str) -> bytes:
    """The filter for a machine as the kernel reads it."""
    return b"".join(_INSTRUCTION.pack(*line) for line in instructions(machine_name))


def instructions(machine_name: str) -> list[Instruction]:
    """The filter: architecture, plain numbers, then ``ioctl`` by what it asks."""
    numbers = sorted(allowed_numbers(machine_name).values())
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (JUMP_IF_EQUAL, 1, 0, ARCHITECTURES[machine_name]),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, NUMBER),
        *_allow(numbers),
        (JUMP_IF_EQUAL, 1, 0, IOCTL[machine_name]),
        (RETURN, 0, 0, REFUSE),
        (LOAD, 0, 0, SECOND_ARGUMENT),
        *_allow(HARMLESS_IOCTLS.values()),
        (RETURN, 0, 0, REFUSE),
    ]


def _allow(values: Iterable[int]) -> list[Instruction]:
    """Allow the call if what was loaded last is one of ``values``."""
    return [
        line for value in values for line in ((JUMP_IF_EQUAL, 0, 1, value), (RETURN, 0, 0, ALLOW))
    ]
