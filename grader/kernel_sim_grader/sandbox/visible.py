"""What of this machine's files a worker may read: a list of what is allowed, and nothing else.

- the standard library, and the folders of the shared libraries that the interpreter has loaded;
- the distributions that students may import, with what those require;
- copies of kernel-sim's own packages, without the modules that are graded or judge.

Neither the course folder, nor the grader, nor a home, nor any other program is among them.
"""

import os
import re
import site
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from kernel_sim.loading import ENTRY_POINT_GROUP
from kernel_sim_grader.sandbox.wall_error import WallError

WALL: Final = "file system"
OURS: Final = "kernel-sim"
IMPORTABLE: Final = (OURS, "numpy", "matplotlib", "ipython", "ipywidgets", "anywidget")
"""Distributions that students may import where they are installed; what they require comes along.
"""
LINKER_CACHE: Final = "/etc/ld.so.cache"
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/urandom")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Visible:
    """Where to find what a worker may read; every path is absolute.

    Args:
        shared: files and folders that are shown as they are, read-only.
        emptied: folders inside of those which are shown empty.
        within: files and folders that are put into emptied ones, or anywhere.
        copied: package folder → names of modules below it that are left out.
    """

    shared: tuple[str, ...]
    emptied: tuple[str, ...]
    within: tuple[str, ...]
    copied: dict[str, frozenset[str]]

    def every_path(self) -> Iterator[str]:
        """All that can be seen."""
        yield from (*self.shared, *self.within, *self.copied)


def visible_files(forbidden: Iterable[str]) -> Visible:
    """What may be seen by a worker that must not import ``forbidden`` modules.

    Raises:
        WallError: a part of this installation is where it can't be found.
    """
    library = sysconfig.get_path("stdlib")
    sites = {*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    bases = {f"{library}/site-packages", f"{library}/dist-packages"}
    shared = (library, *_shared_libraries(library, sites), LINKER_CACHE, *DEVICES)
    copied = {folder: frozenset(left_out) for folder, left_out in _own_packages(forbidden)}
    return Visible(
        tuple(path for path in shared if os.path.exists(path)),  # noqa: PTH110 - they are strings
        tuple(sorted(path for path in sites | bases if Path(path).is_dir())),
        tuple(sorted(_distribution_files() - copied.keys())),
        copied,
    )


def _shared_libraries(library: str, sites: set[str]) -> Iterator[str]:
    """The folders of the loaded shared libraries; of a folder that holds more, the file alone."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise WallError(WALL, f"the loaded libraries can't be listed: {error.strerror}") from None
    files = {line.split(maxsplit=5)[-1] for line in lines if ".so" in line and "/" in line}
    inside = (library, *sites)
    for folder in sorted({os.path.dirname(file) for file in files}):  # noqa: PTH120
        if any(_is_below(folder, other) for other in inside):
            continue
        if any(_is_below(other, folder) for other in inside):
            yield from sorted(file for file in files if file.startswith(f"{folder}/"))
        else:
            yield folder


def _distribution_files() -> set[str]:
    """The top files and folders of every distribution that may be imported."""
    found: set[str] = set()
    waiting, seen = list(IMPORTABLE), set()
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in seen:
            continue
        seen.add(name)
        try:
            item = distribution(name)
        except PackageNotFoundError:
            continue
        found |= _top_files(item)
        waiting += _requirements(item)
    return found


def _requirements(item: Distribution) -> list[str]:
    """The names of what a distribution requires, extras apart."""
    lines = [line for line in item.requires or () if "extra ==" not in line.replace("'", '"')]
    return [match[0] for line in lines if (match := _NAME.match(line))]


def _top_files(item: Distribution) -> set[str]:
    """What a distribution has put directly into its site folder."""
    record = item.read_text("RECORD") or ""
    tops = {line.partition("/")[0].partition(",")[0] for line in record.splitlines()}
    tops -= {"", "..", "__pycache__"}
    return {os.path.abspath(str(item.locate_file(top))) for top in tops}  # noqa: PTH100


def _own_packages(forbidden: Iterable[str]) -> Iterator[tuple[str, set[str]]]:
    """The folders of kernel-sim's packages, each with the modules that are left out."""
    points = distribution(OURS).entry_points.select(group=ENTRY_POINT_GROUP)
    hidden = set(forbidden)
    for package in sorted({"kernel_sim", *(point.module.partition(".")[0] for point in points)}):
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise WallError(WALL, f"the package {package} can't be found")
        inside = {name.partition(".")[2] for name in hidden if name.startswith(f"{package}.")}
        yield os.path.abspath(spec.submodule_search_locations[0]), inside  # noqa: PTH100


def _is_below(path: str, folder: str) -> bool:
    """Whether ``path`` is ``folder`` or inside it."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")
