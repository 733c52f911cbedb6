"""Mounting: the few forms of it that a sandbox needs, by way of the C library."""

import ctypes
import os
import struct
from typing import Final

from kernel_sim_grader.sandbox.system_calls import call, system_call

NO_SUID: Final = 2
NO_DEVICES: Final = 4
NO_EXECUTION: Final = 8
BIND: Final = 0x1000
RECURSIVE: Final = 0x4000
PRIVATE: Final = 0x4_0000
DETACH: Final = 2
AT_FDCWD: Final = -100
AT_RECURSIVE: Final = 0x8000
READ_ONLY_ATTRIBUTES: Final = 0x1 | 0x2 | 0x4
"""Read-only, no set-user-id, no devices."""
NO_DEVICES_ATTRIBUTE: Final = 0x4
"""References: Linux, ``include/uapi/linux/mount.h``; mount(2), mount_setattr(2), pivot_root(2)."""
_ATTRIBUTES: Final = struct.Struct("=QQQQ")


def mount_memory(place: str, size_bytes: int, files: int, mode: int = 0o755) -> None:
    """Mount an empty file system in memory that holds so many bytes and files.

    Raises:
        OSError: the operating system refused.
    """
    options = f"size={size_bytes},nr_inodes={files},mode={mode:o}"
    _mount("tmpfs", place, "tmpfs", NO_SUID | NO_DEVICES | NO_EXECUTION, options)


def bind(source: str, place: str) -> None:
    """Show ``source``, with what is mounted below it, at ``place`` as well.

    Raises:
        OSError: the operating system refused.
    """
    _mount(source, place, None, BIND | RECURSIVE, None)


def make_private() -> None:
    """Tell nobody about mounts, and hear of nobody's.

    Raises:
        OSError: the operating system refused.
    """
    _mount(None, "/", None, PRIVATE | RECURSIVE, None)


def make_read_only() -> None:
    """Make all that is mounted read-only, at once.

    Raises:
        OSError: the operating system refused; before Linux 5.12 it knows no such call.
    """
    _set_attributes("/", AT_RECURSIVE, READ_ONLY_ATTRIBUTES, 0)


def allow_devices(place: str) -> None:
    """Let the device that is mounted at ``place`` be one.

    Raises:
        OSError: the operating system refused.
    """
    _set_attributes(place, 0, 0, NO_DEVICES_ATTRIBUTE)


def turn_root(new_root: str, old_root: str) -> None:
    """Make the mount at ``new_root`` the root, and show the root before at ``old_root`` in it.

    Raises:
        OSError: the operating system refused.
    """
    system_call("pivot_root", os.fsencode(new_root), os.fsencode(f"{new_root}/{old_root}"))
    os.chdir("/")


def detach(place: str) -> None:
    """Take away what is mounted at ``place`` and below.

    Raises:
        OSError: the operating system refused.
    """
    call("umount2", os.fsencode(place), DETACH)


def _mount(
    source: str | None, place: str, kind: str | None, flags: int, options: str | None
) -> None:
    words = [None if word is None else os.fsencode(word) for word in (source, place, kind)]
    data = None if options is None else options.encode("ascii")
    call("mount", *words, ctypes.c_ulong(flags), data)


def _set_attributes(place: str, how: int, to_set: int, to_clear: int) -> None:
    attributes = _ATTRIBUTES.pack(to_set, to_clear, 0, 0)
    size = ctypes.c_size_t(len(attributes))
    system_call("mount_setattr", AT_FDCWD, os.fsencode(place), how, attributes, size)
