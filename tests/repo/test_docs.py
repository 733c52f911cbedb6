"""The documentation: generated pages are what would be written, links lead somewhere."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"\]\((?!https?:|#|mailto:)([^)#]+)(?:#[^)]*)?\)")


def test_the_page_of_commands_is_up_to_date():
    script = ROOT / "docs" / "generate_cli.py"
    result = subprocess.run([sys.executable, script, "--check"], check=False)
    assert result.returncode == 0, "run make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_within_the_repository_leads_to_a_file(page):
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_every_page_is_reached_from_the_overview():
    overview = ROOT / "docs" / "README.md"
    linked = {overview.parent / target for target in LINK.findall(overview.read_text("utf-8"))}
    pages = {page for page in (ROOT / "docs").rglob("*.md") if page != overview}
    assert {page.relative_to(ROOT) for page in pages - linked} == set()
