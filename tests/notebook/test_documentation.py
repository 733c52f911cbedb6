"""The page on what can be called names every call, with its exact signature."""

import inspect
import re
from pathlib import Path

import pytest

from kernel_sim import notebook

DOCS = Path(__file__).parents[2] / "docs"
CALLS = [name for name in notebook.__all__ if name != "Booted"]


def plain_signature(name: str) -> str:
    """The signature without annotations."""
    signature = inspect.signature(getattr(notebook, name))
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return name + str(inspect.Signature(bare))


@pytest.mark.parametrize("name", CALLS)
def test_each_call_is_documented_with_its_signature(name: str):
    page = (DOCS / "how-to" / "notebook-calls.md").read_text(encoding="utf-8")
    assert f"\n`{plain_signature(name)}`\n: " in page


def test_the_links_of_the_pages_for_students_lead_somewhere():
    pages = [DOCS / "tutorial" / "student.md", *(DOCS / "how-to").glob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#:]+\.md)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).is_file(), f"{page.name}: {target}"
