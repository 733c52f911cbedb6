"""The documentation: generated pages are what would be written, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from kernel_sim.profiles import profile, profile_names

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


GENERATORS = sorted((ROOT / "docs").glob("generate_*.py"))


@pytest.mark.parametrize("script", GENERATORS, ids=lambda path: path.stem)
def test_generated_pages_are_up_to_date_and_no_cell_is_empty(script):
    command = [sys.executable, script, "--check"]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, f"run make docs; {result.stderr}"


@pytest.mark.parametrize("name", profile_names())
def test_the_page_of_a_profile_names_its_quirks_and_settings(name):
    text = (ROOT / "docs" / "reference" / f"{name}.md").read_text(encoding="utf-8")
    assert [quirk for quirk in profile(name).quirks if f"`{quirk}`" not in text] == []


def test_make_docs_runs_every_generator():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert [script.name for script in GENERATORS if f"docs/{script.name}" not in makefile] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_within_the_repository_leads_to_a_file(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_overview():
    overview = ROOT / "docs" / "README.md"
    linked = {overview.parent / target for target in LINK.findall(overview.read_text("utf-8"))}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page != overview}
    assert {page.relative_to(ROOT) for page in pages - linked} == set()
