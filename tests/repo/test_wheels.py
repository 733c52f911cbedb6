"""Both wheels: what is in them, what must not be, and that they work outside the repository."""

import subprocess
import sys
import zipfile
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def build(folder: Path, target: Path) -> Path:
    """The wheel of the project in ``folder``, built by the locked hatchling."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(target)],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def students(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, tmp_path_factory.mktemp("students"))


@pytest.fixture(scope="module")
def instructors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT / "grader", tmp_path_factory.mktemp("instructors"))


def files(wheel: Path) -> set[str]:
    """The names of all files in the wheel except its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def tree(*packages: str) -> set[str]:
    """The files of packages as they lie in the repository, by their names in a wheel."""
    found: set[str] = set()
    for package in packages:
        top = (ROOT / package).parent
        for path in (ROOT / package).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found.add(path.relative_to(top).as_posix())
    return found


def test_the_students_wheel_holds_the_packages_and_nothing_more(students):
    plugins = [f"plugins/{path.name}" for path in (ROOT / "plugins").glob("kernel_sim_*")]
    assert files(students) == tree("kernel_sim", *plugins)


def test_the_students_wheel_holds_the_data_that_the_packages_read(students):
    wanted = {"data/course.json", "data/firmware_maps.json", "py.typed", "notebook/hints/lab1.md"}
    assert {f"kernel_sim/{name}" for name in wanted} <= files(students)


def test_no_solution_and_no_grader_is_in_the_students_wheel(students):
    with zipfile.ZipFile(students) as archive:
        for name in archive.namelist():
            assert not name.endswith(("lab.md", ".ipynb", "course.yml")), name
            assert b"BEGIN SOLUTION" not in archive.read(name), name
            assert "kernel_sim_grader" not in name


def test_the_instructors_wheel_holds_its_package_and_the_course(instructors):
    carried = {"course.yml"} | tree("labs") | tree("grader/corpus")
    course = {f"kernel_sim_grader/course_data/{name}" for name in carried}
    wanted = tree("grader/kernel_sim_grader") | course | {"kernel_sim_grader/LICENSE"}
    assert files(instructors) == wanted


def entry_points(wheel: Path) -> list[EntryPoint]:
    """The entry points that installing the wheel would register."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("/entry_points.txt"))
        lines = archive.read(name).decode().splitlines()
    points, group = [], ""
    for line in filter(None, lines):
        if line.startswith("["):
            group = line.strip("[]")
        else:
            key, value = line.split(" = ")
            points.append(EntryPoint(key, value, group))
    return points


@pytest.mark.parametrize("kind", ["students", "instructors"])
def test_every_entry_point_of_a_wheel_can_be_loaded(kind, request):
    points = entry_points(request.getfixturevalue(kind))
    assert points
    for point in points:
        assert point.load() is not None


def test_a_course_is_built_and_a_machine_boots_from_the_wheels_alone(
    students, instructors, tmp_path
):
    site = tmp_path / "site"
    for wheel in (students, instructors):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)
    program = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import kernel_sim, kernel_sim_grader.course as course\n"
        "assert kernel_sim.__file__.startswith(sys.argv[1]), kernel_sim.__file__\n"
        "from pathlib import Path\n"
        "from kernel_sim.machine import Machine, machine_spec\n"
        "from kernel_sim_grader.course_folder import build_course\n"
        "assert Machine(machine_spec('pc128')).power_on().count == 6\n"
        "found = course.find_course(Path.cwd())\n"
        "assert str(found).startswith(sys.argv[1]), found\n"
        "print(*build_course(course.read_course(found), Path('course')), sep='\\n')\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(site)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert str(Path("course", "source", "lab1", "lab1.ipynb")) in result.stdout
