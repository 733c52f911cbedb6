"""The wall "user": the superuser becomes nobody before it forks a worker."""

import os
from typing import Final

from kernel_sim_grader.sandbox.system_calls import call
from kernel_sim_grader.sandbox.wall_error import refused

WALL: Final = "user"
NOBODY: Final = 65534
PR_SET_DUMPABLE: Final = 4


def become_nobody() -> None:
    """Give up user and groups for ever; a process that is not the superuser's stays as it is.

    Its own entry in ``/proc`` stays its own, so that its forks can map their ids.

    Raises:
        WallError: the operating system refused.
    """
    if os.geteuid() != 0:
        return
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        call("prctl", PR_SET_DUMPABLE, 1, 0, 0, 0)
    except OSError as error:
        raise refused(WALL, "to become nobody", error) from None
