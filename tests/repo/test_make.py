"""The recipes: what the README promises is there, and each is one line."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z]+):", MAKEFILE, re.MULTILINE))


def test_the_first_screen_of_the_readme_names_the_two_commands():
    first_screen = "\n".join(README.splitlines()[:40])
    assert "make demo" in first_screen
    assert "make test" in first_screen
    assert ".ci/set_up.py" in first_screen


def test_every_make_target_that_a_document_names_exists():
    for name in ("README.md", "CONTRIBUTING.md", "STYLE.md", ".ci/run"):
        text = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"`make ([a-z]+)`", text))
        assert named <= TARGETS, name


def test_every_target_is_listed_and_has_one_line():
    for target in TARGETS:
        rule = re.search(rf"^{target}:.*## .+\n((?:\t.*\n)*)", MAKEFILE, re.MULTILINE)
        assert rule, target
        assert rule[1].count("\n") == 1, target


def test_no_target_that_is_not_a_file_is_missing_from_phony():
    phony = re.search(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)
    assert phony
    assert set(phony[1].split()) == TARGETS


@pytest.mark.parametrize("name", re.findall(r"\]\(([\w./-]+)\)", README))
def test_every_file_that_the_readme_links_to_exists(name):
    assert (ROOT / name).exists()
