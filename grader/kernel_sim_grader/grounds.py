"""What a grade rests on, as digests: what was handed in, and all else that decides it."""

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from kernel_sim_grader.submission import TrustedCell

PACKAGES: Final = ("kernel_sim", "kernel_sim_grader")
NO_GROUNDS: Final = frozenset({"cli", "views", "__pycache__", "course_data"})
"""Folders of packages that decide no grade."""
SUFFIXES: Final = frozenset({".py", ".json", ".rep"})


def files_digest(folder: Path) -> str:
    """The SHA-256 of all files in a submission's ``folder``: their names and contents."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix().encode("utf-8", "surrogateescape")
        digest.update(b"%d:%s" % (len(name), name))
        digest.update(_file_digest(path))
    return digest.hexdigest()


def grounds_digest(
    lab: str, seed: int, cells: list[TrustedCell] | tuple[TrustedCell, ...], kernelspec: str | None
) -> str:
    """The SHA-256 of the seed, the released cells, the checks and the code that runs them."""
    facts = msgspec.json.encode([lab, seed, cells, kernelspec])
    return hashlib.sha256(facts + code_digest()).hexdigest()


@cache
def code_digest() -> bytes:
    """The SHA-256 of the packages whose code and data decide grades, as they are installed here."""
    digest = hashlib.sha256()
    for package in sorted(_packages()):
        for path in _sources(package):
            digest.update(f"{package}:{path.name}:".encode())
            digest.update(_file_digest(path))
    return digest.digest()


def _packages() -> set[str]:
    """The packages of the machine, the checks, the grader and the reference plugins."""
    points = (*entry_points(group="kernel_sim"), *entry_points(group="kernel_sim.checks"))
    return {*PACKAGES, *(point.module.partition(".")[0] for point in points)}


def _sources(package: str) -> Iterator[Path]:
    spec = find_spec(package)
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place)
        for path in sorted(folder.rglob("*")):
            inside = path.relative_to(folder).parts[:-1]
            if path.suffix in SUFFIXES and not NO_GROUNDS.intersection(inside):
                yield path


def _file_digest(path: Path) -> bytes:
    try:
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError:
        return b"unreadable"
