"""``ksim plugin new`` writes a project that works at once, and overwrites nothing."""

import json
import subprocess
import sys
import tomllib

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.cli.plugin_project import plugin_project
from kernel_sim.errors import InputError
from kernel_sim.loading import load_plugin
from kernel_sim.profiles import profile, profile_names

PARTS = [(name, role) for name in profile_names() for role in profile(name).roles]


@pytest.mark.parametrize(("name", "role"), PARTS)
def test_the_plugin_fills_its_role_and_the_kernel_boots_with_it(name, role, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(plugin_project("mine", role, name)["mine.py"], encoding="utf-8")
    assert load_plugin(path).problems == ()
    result = boot(name, roles={role: path})
    assert result.oops is None, result.oops
    assert [test for test in result.selftests if not test.passed] == []
    assert result.as_json()["roles"][role] == "mine"


@pytest.mark.slow
def test_the_project_passes_its_own_tests(tmp_path, capsys):
    assert run(["plugin", "new", "my-heap", "--role", "heap", "--in", str(tmp_path), "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert sorted(written) == sorted(str(path) for path in (tmp_path / "my-heap").iterdir())
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path / "my-heap")],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert result.returncode == 0, result.stdout
    assert "3 passed" in result.stdout


def test_the_project_names_its_entry_point():
    files = plugin_project("my-frames", "pmm", "kernel-v")
    project = tomllib.loads(files["pyproject.toml"])["project"]
    assert project["name"] == "my-frames"
    assert project["entry-points"] == {"kernel_sim": {"my_frames": "my_frames"}}


def test_a_folder_that_is_there_is_left_alone(tmp_path, capsys):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.py").write_text("precious", encoding="utf-8")
    assert run(["plugin", "new", "mine", "--in", str(tmp_path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["mine.py"]


@pytest.mark.parametrize(
    ("name", "role", "kernel", "message"),
    [
        ("2fast", "pmm", "kernel-v", "no name for a plugin"),
        ("mine", "pmn", "kernel-v", "did you mean pmm"),
        ("mine", "guard", "bulldog", "leaves the role guard empty"),
        ("mine", "pmm", "kernel-w", "did you mean kernel-v"),
    ],
)
def test_what_can_not_be_written_is_one_clear_line(name, role, kernel, message):
    with pytest.raises(InputError, match=message):
        plugin_project(name, role, kernel)
