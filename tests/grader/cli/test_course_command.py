"""``ksim course``: what people see, what programs read, and how mistakes end."""

import json
import shutil
from pathlib import Path

import pytest

from kernel_sim.cli.main import run

ROOT = Path(__file__).parents[3]


def test_build_shows_each_lab_and_what_was_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert run(["course", "build", "--course", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "The memory map" in shown
    assert str(tmp_path / "source" / "lab1" / "lab1.ipynb") in shown
    assert run(["course", "build", "--course", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().out


def test_build_as_json_lists_labs_and_files(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT / "labs")
    assert run(["course", "build", "lab1", "--course", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["labs"] == ["lab1"]
    assert str(tmp_path / "nbgrader_config.py") in document["written"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["build", "lab9"], "there is no lab 'lab9'; did you mean lab"),
        (["release", "lab9"], "there is no lab 'lab9'; did you mean lab"),
        (["build", "--file", "no.yml"], "no.yml: No such file or directory"),
    ],
)
def test_a_mistake_ends_with_status_2_and_one_line(arguments, line, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert run(["course", *arguments, "--course", str(tmp_path)]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1
    assert line in output.err


def test_the_course_is_built_beside_its_file_wherever_one_stands(tmp_path, monkeypatch, capsys):
    shutil.copy(ROOT / "course.yml", tmp_path)
    shutil.copytree(ROOT / "labs", tmp_path / "labs")
    (tmp_path / "below").mkdir()
    monkeypatch.chdir(tmp_path / "below")
    assert run(["course", "build", "--json"]) == 0
    written = json.loads(capsys.readouterr().out)["written"]
    assert str(tmp_path / "build" / "course" / "nbgrader_config.py") in written
