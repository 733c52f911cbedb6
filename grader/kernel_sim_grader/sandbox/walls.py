"""All walls together: what the zygote does once, and each worker's fork before it serves."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, NoReturn

from kernel_sim_grader.sandbox import capabilities, namespaces
from kernel_sim_grader.sandbox.file_system import build_root, mount_scratch
from kernel_sim_grader.sandbox.system_call_filter import install_filter
from kernel_sim_grader.sandbox.user import become_nobody, is_superuser
from kernel_sim_grader.sandbox.visible import visible_files
from kernel_sim_grader.sandbox.wall_error import WallError, refused

HOST_NAME: Final = b"worker"
STANDS: Final = b"stands"


@dataclass(frozen=True, slots=True)
class Walls:
    """What a zygote inside its walls needs to isolate its forks.

    ``processes`` is the open ``/proc`` of outside, through which a fork maps its ids and which it
    closes before it serves; ``scratch`` is where it mounts a folder of its own.
    """

    processes: int
    scratch: str

    def isolate(self, user: int, group: int) -> None:
        """Put up this fork's own walls, but for the last, which forbids putting up walls.

        Raises:
            WallError: one does not stand.
        """
        namespaces.map_ids(self.processes, user, group)
        namespaces.name_host(HOST_NAME)
        mount_scratch(self.scratch)
        capabilities.drop_capabilities()
        os.environ["TMPDIR"] = self.scratch


def wall_in(forbidden: Iterable[str]) -> Walls:
    """Move this process, a zygote that has imported all it needs, into a root of its own.

    Args:
        forbidden: modules of which not even the file is to be there.

    Raises:
        WallError: a wall does not stand.
    """
    visible = visible_files(forbidden)
    capabilities.look_up()
    try:
        processes = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise refused(namespaces.WALL, "to open /proc", error) from None
    user, group = os.geteuid(), os.getegid()
    privileged = is_superuser()
    if privileged:
        namespaces.enter(namespaces.NEW_MOUNT)
    else:
        namespaces.enter(namespaces.NEW_MOUNT | namespaces.NEW_USER)
        namespaces.map_ids(processes, user, group)
    scratch = build_root(visible)
    if privileged:
        become_nobody()
    return Walls(processes, scratch)


@dataclass(frozen=True, slots=True)
class LastWall:
    """What is left to do in a worker once it holds only what it serves with.

    ``tell`` is the open file on which its zygote hears that all walls stand.
    """

    tell: int

    def put_up(self, *, filtered: bool = True) -> None:
        """Refuse all system calls that serving does not need, and say that all walls stand.

        Args:
            filtered: whether to refuse; else it is only said.

        Raises:
            WallError: the wall does not stand.
        """
        if filtered:
            install_filter()
        os.write(self.tell, STANDS)
        os.close(self.tell)


def fork_isolated(walls: Walls, serve: Callable[[LastWall], None]) -> int:
    """Fork a worker; returns its process id once it has said that all its walls stand.

    Args:
        walls: of this zygote.
        serve: called in the worker, which ends when it returns; it puts up the last wall before it
            runs a line of a student's.

    Raises:
        WallError: a wall does not stand; there is no worker then.
    """
    told, tell = os.pipe()
    user, group = os.geteuid(), os.getegid()
    try:
        child = namespaces.fork_into_namespaces()
        if child == 0:
            _be_worker(walls, user, group, tell, serve)
    finally:
        os.close(tell)
    try:
        return _await(child, told)
    finally:
        os.close(told)


def _be_worker(
    walls: Walls, user: int, group: int, tell: int, serve: Callable[[LastWall], None]
) -> NoReturn:
    status = 1
    try:
        walls.isolate(user, group)
        serve(LastWall(tell))
        status = 0
    except WallError as error:
        os.write(tell, f"{error.wall}: {error.reason}".encode())
    finally:
        os._exit(status)


def _await(child: int, told: int) -> int:
    """The number of a child that has said that its walls stand.

    Raises:
        WallError: it has said something else.
    """
    said = os.read(told, 4096)
    if said == STANDS:
        return child
    os.waitpid(child, 0)
    wall, _, reason = said.decode("utf-8", "replace").partition(": ")
    raise WallError(wall or "worker", reason or "it ended before its walls stood")
