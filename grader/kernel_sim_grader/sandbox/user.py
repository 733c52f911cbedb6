"""The wall "user": the superuser becomes nobody before it forks a worker."""

import os
from pathlib import Path
from typing import Final

from kernel_sim_grader.sandbox.system_calls import call
from kernel_sim_grader.sandbox.wall_error import refused

WALL: Final = "user"
NOBODY: Final = 65534
PR_SET_DUMPABLE: Final = 4


def is_superuser() -> bool:
    """Whether this process can become nobody, and so must.

    User 0 of a namespace that knows no other user is an ordinary user of outside.
    """
    if os.geteuid() != 0:
        return False
    try:
        lines = Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines()
    except OSError as error:
        raise refused(WALL, "to read the map of users", error) from None
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(inside <= NOBODY < inside + count for inside, _, count in ranges)


def become_nobody() -> None:
    """Give up the superuser's user and groups for ever.

    Its own entry in ``/proc`` stays its own, so that its forks can map their ids.

    Raises:
        WallError: the operating system refused.
    """
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)
    except OSError as error:
        raise refused(WALL, "to become nobody", error) from None
