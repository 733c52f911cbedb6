"""The wall "capabilities": a process that holds none and can't gain any.

A new user namespace gives its first process every capability inside it; what had to be mounted is
mounted by now.
"""

import ctypes
from pathlib import Path
from typing import Final

from kernel_sim_grader.sandbox.system_calls import call, system_call
from kernel_sim_grader.sandbox.wall_error import refused

WALL: Final = "capabilities"
PR_CAPBSET_DROP: Final = 24
PR_SET_SECUREBITS: Final = 28
PR_SET_NO_NEW_PRIVS: Final = 38
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
CAPABILITY_VERSION_3: Final = 0x2008_0522
HIGHEST: Final = 63
SECURE_BITS: Final = 0b1110_1111
"""No privileges for user 0, no retention over a change of user, no ambient set; all locked.

::

    bit 0 NOROOT            1 locked   2 NO_SETUID_FIXUP    3 locked
        4 KEEP_CAPS (off)   5 locked   6 NO_CAP_AMBIENT     7 locked
"""


def drop_capabilities() -> None:
    """Give up every capability, for this process and whatever it might execute.

    Raises:
        WallError: the operating system refused.
    """
    try:
        call("prctl", PR_SET_NO_NEW_PRIVS, *_numbers(1, 0, 0, 0))
        for number in range(_last_capability() + 1):
            call("prctl", PR_CAPBSET_DROP, *_numbers(number, 0, 0, 0))
        call("prctl", PR_CAP_AMBIENT, *_numbers(PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        call("prctl", PR_SET_SECUREBITS, *_numbers(SECURE_BITS, 0, 0, 0))
        clear_sets()
    except OSError as error:
        raise refused(WALL, "to give them up", error) from None


def clear_sets() -> None:
    """Empty the effective, permitted and inheritable sets.

    Raises:
        OSError: the operating system refused.
    """
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    system_call("capset", ctypes.byref(header), ctypes.byref(nothing))


def _numbers(*values: int) -> tuple[ctypes.c_ulong, ...]:
    return tuple(map(ctypes.c_ulong, values))


_known: list[int] = []


def _last_capability() -> int:
    """The highest capability that this kernel knows; asked once, while its files can be seen."""
    if not _known:
        try:
            text = Path("/proc/sys/kernel/cap_last_cap").read_text(encoding="ascii")
            _known.append(min(int(text), HIGHEST))
        except (OSError, ValueError) as error:
            raise OSError(2, f"no list of capabilities: {error}") from None
    return _known[0]


def look_up() -> None:
    """Ask how many capabilities there are, as long as that can be asked.

    Raises:
        WallError: it can't.
    """
    try:
        _last_capability()
    except OSError as error:
        raise refused(WALL, "to read how many there are", error) from None
