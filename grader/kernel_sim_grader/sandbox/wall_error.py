"""What is raised when a wall of the sandbox can't be put up."""

import os


class WallError(Exception):
    """A wall does not stand.

    Args:
        wall: its name, as `ksim doctor` lists it.
        reason: what stood in the way, in a few words.
    """

    def __init__(self, wall: str, reason: str) -> None:
        super().__init__(f"{wall}: {reason}")
        self.wall = wall
        self.reason = reason


def refused(wall: str, what: str, error: OSError) -> WallError:
    """The error of a ``wall`` for which the operating system refused to do ``what``."""
    return WallError(wall, f"{what}: {os.strerror(error.errno or 0)}")
