"""In a running notebook: what is shown, once, and which hooks count after a cell was run again."""

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from kernel_sim.notebook import session

SETUP = (
    "from kernel_sim import MemoryRegion, RegionKind, hookimpl\nfrom kernel_sim.notebook import *"
)
HOOK = "@hookimpl\ndef {name}(kernel, boot_info):\n    return [{region}]"
REGION = "MemoryRegion(0x100000, 0x700000, RegionKind.AVAILABLE, 1)"
BOOT = (
    "booted = boot('pc128', until='memmap', show=False)\nprint(len(booted.regions), booted.notes)"
)


class Notebook:
    """A shell in this process whose cells have ids, as a front end gives them."""

    def __init__(self) -> None:
        InteractiveShell.clear_instance()
        settings = Config()
        settings.HistoryManager.enabled = False
        self.shell = InteractiveShell.instance(config=settings)
        session.SESSION.notebook = None
        session.begin()

    def run(self, source: str, cell_id: str) -> tuple[str, list[dict[str, str]]]:
        """What a cell prints, and the pictures that it shows."""
        with capture_output() as captured:
            result = self.shell.run_cell(source, store_history=True, cell_id=cell_id)
        result.raise_error()
        return captured.stdout, [output.data for output in captured.outputs]


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    running = Notebook()
    running.run(SETUP, "setup")
    yield running
    session.SESSION.notebook = None
    InteractiveShell.clear_instance()


def test_a_picture_at_the_end_of_a_cell_is_shown_once(notebook: Notebook):
    _, pictures = notebook.run("show_map('pc128')", "a")
    assert [sorted(p) for p in pictures] == [["image/svg+xml", "text/plain"]]


def test_a_picture_that_a_later_cell_ends_with_is_shown_again(notebook: Notebook):
    notebook.run("picture = show_map('pc128')", "a")
    _, pictures = notebook.run("picture", "b")
    assert len(pictures) == 1


def test_each_call_of_a_cell_shows_its_own(notebook: Notebook):
    _, pictures = notebook.run("boot('pc128'); boot('pc4'); None", "a")
    assert ["pc128" in p["text/plain"] for p in pictures] == [True, False]
    assert all("VGA text screen" in p["text/html"] for p in pictures)


def test_a_cell_that_is_run_again_replaces_its_hook(notebook: Notebook):
    notebook.run(HOOK.format(name="parse_memory_map", region=REGION), "task")
    assert notebook.run(BOOT, "boot")[0] == "1 []\n"
    notebook.run(HOOK.format(name="parse_memory_map", region=""), "task")
    assert notebook.run(BOOT, "boot")[0] == "0 []\n"


def test_a_misspelt_hook_is_named_and_gone_once_its_cell_is_corrected(notebook: Notebook):
    notebook.run(HOOK.format(name="parse_memory_mpa", region=REGION), "task")
    assert "did you mean parse_memory_map" in notebook.run(BOOT, "boot")[0]
    notebook.run(HOOK.format(name="parse_memory_map", region=REGION), "task")
    assert notebook.run(BOOT, "boot")[0] == "1 []\n"


def test_a_failing_map_is_drawn_in_the_verdict(notebook: Notebook):
    notebook.run(HOOK.format(name="parse_memory_map", region=REGION), "task")
    _, (picture,) = notebook.run("check('lab1', 'regions-pc128')", "check")
    assert "<svg" in picture["text/html"]
    assert "failed" in picture["text/plain"]
