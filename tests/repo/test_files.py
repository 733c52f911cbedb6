"""The files of the repository: no path of anybody's machine, no overlong module, no leftovers."""

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_OURS = frozenset(
    {".git", ".venv", "build", "dist", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
    | {".hypothesis", "__pycache__", ".ipynb_checkpoints", "node_modules"}
)
LONGEST_MODULE = 300
PACKAGES = ("kernel_sim", "plugins", "grader")
HOME = re.compile(r"(?<![\w.])/(?:home|Users|root|work|workspace)/[\w.-]+|[A-Z]:\\Users\\")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def repository_files(folder: Path = ROOT) -> Iterator[Path]:
    """Every file below ``folder`` that is not built, cached or installed."""
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS:
            continue
        if path.is_dir():
            yield from repository_files(path)
        else:
            yield path


def texts() -> Iterator[tuple[str, int, str]]:
    """Name, line number and line of every text file except this one, which holds the patterns."""
    for path in repository_files():
        if path == Path(__file__).resolve():
            continue
        text = path.read_bytes().decode("utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            yield path.relative_to(ROOT).as_posix(), number, line


def test_no_file_names_a_path_of_somebodys_machine():
    found = [f"{name}:{number}: {line}" for name, number, line in texts() if HOME.search(line)]
    assert found == []


def test_no_file_is_unfinished():
    found = [f"{name}:{number}" for name, number, line in texts() if UNFINISHED.search(line)]
    assert found == []


def test_modules_longer_than_300_lines_are_those_that_the_style_page_lists():
    modules = [path for package in PACKAGES for path in repository_files(ROOT / package)]
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in modules
        if path.suffix == ".py"
    }
    assert len(lengths) > 100
    longer = {name for name, length in lengths.items() if length > LONGEST_MODULE}
    style = (ROOT / "STYLE.md").read_text(encoding="utf-8")
    assert longer == set(re.findall(r"^- `([\w/]+\.py)`: ", style, re.MULTILINE))


def test_no_module_has_a_name_that_says_nothing():
    names = {path.stem for package in PACKAGES for path in repository_files(ROOT / package)}
    assert names.isdisjoint({"utils", "util", "common", "base", "helpers", "misc"})


def test_no_notebook_is_committed():
    assert [path for path in repository_files() if path.suffix == ".ipynb"] == []


def test_every_python_package_is_typed():
    plugins = sorted((ROOT / "plugins").glob("kernel_sim_*"))
    assert len(plugins) > 1
    for package in (ROOT / "kernel_sim", *plugins, ROOT / "grader/kernel_sim_grader"):
        assert (package / "py.typed").is_file()


def test_changelog_fragments_are_named_for_towncrier():
    allowed = re.compile(r"(\d+|\+[a-z0-9-]+)\.(feature|bugfix|doc|removal|misc)\.md|\.gitignore")
    names = [path.name for path in (ROOT / "changelog.d").iterdir()]
    assert [name for name in names if not allowed.fullmatch(name)] == []
