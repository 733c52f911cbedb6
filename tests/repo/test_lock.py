"""The lock: one file of pinned and hashed packages, no addresses, and it covers what we declare."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCK = (ROOT / "requirements-dev.txt").read_text(encoding="utf-8")
ENTRIES = [
    Requirement(line.split("--hash")[0].strip())
    for line in LOCK.replace("\\\n", " ").splitlines()
    if line and not line.lstrip().startswith("#")
]


def project(folder: str) -> dict:
    text = (ROOT / folder / "pyproject.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def declared() -> list[Requirement]:
    """Everything that both packages, their extras and the developers ask for."""
    students, instructors = project("."), project("grader")
    lines = [*students["dependency-groups"]["dev"]]
    for data in (students, instructors):
        lines += data["project"]["dependencies"] + data["build-system"]["requires"]
        for extra in data["project"]["optional-dependencies"].values():
            lines += extra
    found = [Requirement(line) for line in lines]
    return [requirement for requirement in found if requirement.name != "kernel-sim"]


def test_the_lock_names_no_address_and_no_folder():
    for number, line in enumerate(LOCK.splitlines(), start=1):
        assert "://" not in line, number
        assert not re.match(r"\s*(-|[./])", line.replace("--hash=", "")), (number, line)


def test_every_package_is_pinned_and_hashed():
    lines = LOCK.replace("\\\n", " ").splitlines()
    packages = [line for line in lines if line and not line.lstrip().startswith("#")]
    assert len(packages) > 100
    for line in packages:
        assert re.match(r"[a-z0-9._-]+==[^ ]+ .*--hash=sha256:[0-9a-f]{64}", line), line


def test_the_lock_satisfies_everything_that_is_declared():
    pinned: dict[str, list[str]] = {}
    for entry in ENTRIES:
        version = next(iter(entry.specifier)).version
        pinned.setdefault(canonicalize_name(entry.name), []).append(version)
    for requirement in declared():
        versions = pinned.get(canonicalize_name(requirement.name), [])
        assert versions, f"{requirement} is not locked: make lock"
        for version in versions:
            assert requirement.specifier.contains(version), f"{requirement}: make lock"


def imported(folder: str) -> set[str]:
    """The distributions that Python files below ``folder`` import, by their canonical names."""
    distributions = packages_distributions()
    names: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    others = {name for name in names - sys.stdlib_module_names if name[:10] != "kernel_sim"}
    return {canonicalize_name(distributions.get(name, [name])[0]) for name in others}


def asked_for(folder: str, *, extras: bool) -> set[str]:
    """The canonical names of what a project declares."""
    data = project(folder)["project"]
    lines = [*data["dependencies"]]
    for extra in data["optional-dependencies"].values() if extras else ():
        lines += extra
    return {canonicalize_name(Requirement(line).name) for line in lines}


def test_the_packages_declare_what_they_import():
    plugins = [f"plugins/{path.name}" for path in (ROOT / "plugins").glob("kernel_sim_*")]
    students = set().union(*map(imported, ("kernel_sim", *plugins)))
    assert students <= asked_for(".", extras=True)
    assert imported("grader/kernel_sim_grader") <= asked_for("grader", extras=True)


def test_the_packages_need_nothing_that_they_do_not_import():
    assert asked_for(".", extras=False) <= imported("kernel_sim")
    needed = imported("grader/kernel_sim_grader") | {"kernel-sim"}
    assert asked_for("grader", extras=False) <= needed


def test_everything_that_the_tests_import_is_locked():
    pinned = {canonicalize_name(entry.name) for entry in ENTRIES}
    assert imported("tests") <= pinned


def test_both_packages_have_one_version():
    import kernel_sim  # noqa: PLC0415 - only here

    versions = {project(folder)["project"]["version"] for folder in (".", "grader")}
    assert versions == {kernel_sim.__version__}


def test_both_packages_are_built_by_the_same_backend():
    assert project(".")["build-system"] == project("grader")["build-system"]


def test_every_plugin_folder_is_in_the_students_package():
    packages = project(".")["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    folders = {f"plugins/{path.name}" for path in (ROOT / "plugins").glob("kernel_sim_*")}
    assert set(packages) == {"kernel_sim", *folders}
