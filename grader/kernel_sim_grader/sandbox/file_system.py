"""The wall "file system": a root with nothing in it but what is visible, and an empty scratch.

::

    /                     in memory, read-only
    ├── …/lib/python3.11  shown, read-only; its site-packages empty but for what may be imported
    ├── …/kernel_sim      copies, without what is graded
    ├── dev/null zero urandom
    └── tmp               each worker's own, in memory, gone with it

There is no ``/proc``, no ``/etc``, no program, no home.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from kernel_sim_grader.sandbox import mounts
from kernel_sim_grader.sandbox.visible import DEVICES, WALL, Visible
from kernel_sim_grader.sandbox.wall_error import WallError, refused

OUTSIDE: Final = ".outside"
"""Where the old root is until the new one is done."""
BUILT_ON: Final = "/tmp"  # noqa: S108 - only mounted on, in a namespace of our own
SCRATCH_FOLDERS: Final = ("/tmp", "/scratch")  # noqa: S108 - the worker's own
ROOT_BYTES: Final = 64 * 1024 * 1024
ROOT_FILES: Final = 20_000
SCRATCH_BYTES: Final = 16 * 1024 * 1024
SCRATCH_FILES: Final = 1024


def build_root(visible: Visible) -> str:
    """Move this process, alone in its mount namespace, into a root that shows ``visible``.

    Returns:
        The folder on which each worker mounts its own scratch.

    Raises:
        WallError: the operating system refused.
    """
    scratch = scratch_folder(visible.every_path())
    sources = {path: os.path.realpath(path) for path in visible.every_path()}
    _stands("to turn the root", _turn)
    for path in visible.shared:
        _stands(f"to show {path}", _show, sources[path], path)
    for path in visible.emptied:
        _stands(f"to empty {path}", _empty, path)
    for path in visible.within:
        _stands(f"to show {path}", _show, sources[path], path)
    for path, left_out in visible.copied.items():
        _stands(f"to copy {path}", _copy, sources[path], path, left_out)
    Path(scratch).mkdir(exist_ok=True)
    _stands("to leave the old root", _close)
    return scratch


def scratch_folder(paths: Iterable[str]) -> str:
    """The first of `SCRATCH_FOLDERS` below which none of ``paths`` has to be seen."""
    seen = {path.split("/")[1] for path in paths}
    free = [folder for folder in SCRATCH_FOLDERS if folder[1:] not in seen]
    if not free:
        raise WallError(WALL, "no name is free for the scratch folder")
    return free[0]


def mount_scratch(place: str) -> None:
    """Give this process an empty folder of its own to write to.

    Raises:
        WallError: the operating system refused.
    """
    _stands("to mount the scratch folder", mounts.mount_memory, place, SCRATCH_BYTES, SCRATCH_FILES)
    os.chdir(place)


def _turn() -> None:
    mounts.make_private()
    mounts.mount_memory(BUILT_ON, ROOT_BYTES, ROOT_FILES)
    Path(BUILT_ON, OUTSIDE).mkdir()
    mounts.turn_root(BUILT_ON, OUTSIDE)


def _show(source: str, path: str) -> None:
    """Bind ``source`` at ``path``, unless it can be seen there already."""
    outside = Path(f"/{OUTSIDE}{source}")
    place = Path(path)
    if place.exists() or not outside.exists():
        return
    if outside.is_dir():
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    mounts.bind(str(outside), path)


def _empty(path: str) -> None:
    """Make the folder at ``path`` one that is empty and can be filled."""
    if Path(path).exists():
        mounts.mount_memory(path, ROOT_BYTES, ROOT_FILES)


def _copy(source: str, path: str, left_out: frozenset[str]) -> None:
    """Copy the package at ``source`` without the modules ``left_out``, sources or compiled."""
    outside = f"/{OUTSIDE}{source}"

    def ignored(folder: str, names: list[str]) -> set[str]:
        inside = os.path.relpath(folder, outside).removesuffix("__pycache__").strip("./")
        prefix = f"{inside.replace('/', '.')}." if inside else ""
        return {name for name in names if f"{prefix}{name.partition('.')[0]}" in left_out}

    shutil.copytree(outside, path, ignore=ignored, copy_function=shutil.copyfile)


def _close() -> None:
    mounts.detach(f"/{OUTSIDE}")
    Path(f"/{OUTSIDE}").rmdir()
    mounts.make_read_only()
    for device in DEVICES:
        if Path(device).exists():
            mounts.allow_devices(device)


def _stands(what: str, function: Callable[..., None], *arguments: object) -> None:
    """Call ``function``.

    Raises:
        WallError: it failed.
    """
    try:
        function(*arguments)
    except OSError as error:
        raise refused(WALL, what, error) from None
