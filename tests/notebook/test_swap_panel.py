"""The panel without a browser: what it offers, boots and says."""

import threading

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.host.running_notebook import RunningNotebook
from kernel_sim.notebook import show_frames, show_screen, swap_panel, widgets
from kernel_sim.notebook.boot_choice import OWN, BootChoice, bootable_machines
from kernel_sim.notebook.booting import boot
from kernel_sim.notebook.machine_lock import MACHINE_LOCK
from kernel_sim.notebook.session import own_notebook
from kernel_sim.notebook.swap_panel import BUSY, CHANGED, SwapPanel


@hookimpl
def parse_memory_map():
    return [MemoryRegion(0x100000, 0x700000, RegionKind.AVAILABLE, 1)]


@pytest.fixture
def panel() -> SwapPanel:
    return SwapPanel(RunningNotebook(globals()), "pc128", "lab1")


def said(panel: SwapPanel) -> str:
    return str(panel.status.value)


def test_a_role_that_the_notebook_fills_is_the_notebooks_at_first(panel: SwapPanel):
    assert panel.choice.plugins["memmap"] == OWN
    assert panel.choice.plugins["pmm"] == "reference"
    assert "kernel_v_memmap" in panel.roles["memmap"].options


def test_booting_shows_screen_regions_and_what_the_checks_say(panel: SwapPanel):
    panel.boot()
    assert panel.booted is not None
    assert [r.base for r in panel.booted.regions] == [0x100000]
    assert "memmap from this notebook" in said(panel)
    assert "regions-pc128: failed" in said(panel)
    screen, regions = panel.output.children
    assert screen.cells == panel.booted.machine.vga.cells()
    assert "<svg" in regions.value


def test_another_choice_boots_another_machine_with_another_plugin(panel: SwapPanel):
    panel.boot()
    panel.machine.value = "pc-nasty"
    panel.roles["memmap"].value = "kernel_v_memmap"
    assert CHANGED in panel.hint.value
    panel.frames.value = True
    panel.button.click()
    assert panel.hint.value == ""
    assert "everything firmware gets wrong" in said(panel)
    assert "45 of 45 points" in said(panel)
    assert len(panel.output.children) == 3
    assert not panel.button.disabled


def test_a_panel_whose_machine_is_in_use_says_so_and_boots_nothing(panel: SwapPanel):
    with MACHINE_LOCK:
        pressed = threading.Thread(target=panel.boot)
        pressed.start()
        pressed.join()
    assert BUSY in said(panel)
    assert panel.booted is None


def test_a_plugin_that_is_no_file_is_answered_in_one_line(panel: SwapPanel):
    panel.roles["pmm"].options = ["nothing.py"]
    panel.boot()
    assert "there is no such file" in said(panel)
    assert panel.booted is None


def test_only_machines_that_boot_are_offered():
    offered = bootable_machines("kernel-v")
    assert {"pc4", "pc128", "pc-nasty", "map-44"} <= set(offered)
    for name in offered[::10]:
        plugins = {"memmap": "reference"}
        assert BootChoice(name, "kernel-v", plugins).boot(own_notebook()).oops is None


def test_a_profile_brings_its_own_machines_and_roles(panel: SwapPanel):
    panel.roles["memmap"].value = "reference"
    panel.profile.value = "bulldog"
    assert panel.machine.value == "boot512"
    assert panel.roles["guard"].disabled
    panel.boot()
    assert panel.booted is not None
    assert panel.booted.result.roles["memmap"] == "bulldog_memmap"
    assert "points" not in said(panel)
    panel.profile.value = "kernel-v"
    assert not panel.roles["guard"].disabled
    assert panel.machine.value in panel.machine.options


def test_where_there_is_no_notebook_each_view_is_text(capsys: pytest.CaptureFixture[str]):
    booted = boot("pc128", memmap="reference", show=False)
    swap_panel()
    show_screen(booted)
    show_frames(booted)
    shown = capsys.readouterr().out
    assert "boot('pc128', memmap='this notebook', pmm='reference'" in shown
    assert "booting on pc128" in shown
    assert "32768 frames of 4 KiB" in shown


def test_what_is_missing_is_named_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(widgets, "find_spec", lambda _name: None)
    assert widgets.why_no_widgets() == (
        "Without anywidget and ipywidgets this is text; "
        'for the widget: pip install "kernel-sim[notebook]"'
    )
