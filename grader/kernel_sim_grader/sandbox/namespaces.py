"""The wall "namespaces": a fork that is born into namespaces of its own.

::

    user    its only user and group; capabilities that count nowhere else
    mount   changes to its file system are seen by nobody else
    pid     it is process 1: it sees and signals nobody else, and what it forks dies with it
    ipc     no message queues or shared memory of others
    net     no interface, not even a loopback that is up
    uts     a host name of its own
    cgroup  the tree of control groups begins at its own
"""

import ctypes
import os
import signal
from typing import Final

from kernel_sim_grader.sandbox.system_calls import call, libc, system_call
from kernel_sim_grader.sandbox.wall_error import refused

WALL: Final = "namespaces"
NEW_MOUNT: Final = 0x0002_0000
NEW_CGROUP: Final = 0x0200_0000
NEW_UTS: Final = 0x0400_0000
NEW_IPC: Final = 0x0800_0000
NEW_USER: Final = 0x1000_0000
NEW_PID: Final = 0x2000_0000
NEW_NET: Final = 0x4000_0000
ALL: Final = NEW_MOUNT | NEW_CGROUP | NEW_UTS | NEW_IPC | NEW_USER | NEW_PID | NEW_NET
"""References: Linux, ``include/uapi/linux/sched.h``; clone(2)."""
INSIDE_ID: Final = 1000
"""User and group of a worker as it sees itself."""


def fork_into_namespaces() -> int:
    """Fork into `ALL` namespaces at once; like `os.fork` the child's number, or 0 in the child.

    Python's own functions before and after a fork are called, so that the child is as sound as one
    of `os.fork`. The process must have one thread only.

    Raises:
        WallError: the operating system refused; no child was made.
    """
    python = ctypes.pythonapi
    libc()  # loaded in the parent, for both
    python.PyOS_BeforeFork()
    try:
        child = system_call("clone", *map(ctypes.c_ulong, (ALL | signal.SIGCHLD, 0, 0, 0, 0)))
    except OSError as error:
        python.PyOS_AfterFork_Parent()
        raise refused(WALL, "to make them", error) from None
    if child == 0:
        python.PyOS_AfterFork_Child()
    else:
        python.PyOS_AfterFork_Parent()
    return child


def enter(flags: int) -> None:
    """Move this process into new namespaces.

    Raises:
        WallError: the operating system refused.
    """
    try:
        call("unshare", flags)
    except OSError as error:
        raise refused(WALL, "to make them", error) from None


def map_ids(processes: int, user: int, group: int) -> None:
    """Call the ``user`` and ``group`` of outside `INSIDE_ID` in this new user namespace.

    Args:
        processes: an open folder: the ``/proc`` of outside.
        user: effective user of this process before it entered.
        group: effective group.

    Raises:
        WallError: the operating system refused.
    """
    lines = {
        "setgroups": "deny",
        "uid_map": f"{INSIDE_ID} {user} 1",
        "gid_map": f"{INSIDE_ID} {group} 1",
    }
    try:
        for name, line in lines.items():
            file = os.open(f"self/{name}", os.O_WRONLY, dir_fd=processes)
            try:
                os.write(file, line.encode("ascii"))
            finally:
                os.close(file)
    except OSError as error:
        raise refused(WALL, "to map user and group", error) from None


def name_host(name: bytes) -> None:
    """Call this machine ``name`` in its own uts namespace.

    Raises:
        WallError: the operating system refused.
    """
    try:
        call("sethostname", name, ctypes.c_size_t(len(name)))
    except OSError as error:
        raise refused(WALL, "to name the host", error) from None
