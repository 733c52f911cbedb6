"""The widgets without a browser: traits, patches, messages, and what stands for them elsewhere."""

import gc
import re
import time
import weakref
from pathlib import Path

import pytest

from kernel_sim.boot import Boot, boot
from kernel_sim.views import frame_map_widget
from kernel_sim.views.cell_end import run_calls
from kernel_sim.views.frame_map import Window
from kernel_sim.views.frame_map_widget import FrameMapWidget, within
from kernel_sim.views.frame_use import FrameUse
from kernel_sim.views.screen_widget import ScreenWidget, cursor_of

VIEWS = Path(frame_map_widget.__file__).parent


@pytest.fixture
def booted() -> Boot:
    return boot(machine="pc128")


@pytest.mark.parametrize("name", ["screen.js", "frame_map.js", "own_keys.js"])
def test_a_script_stands_alone(name: str):
    text = (VIEWS / name).read_text(encoding="utf-8")
    assert (
        re.findall(r"^import|\bimport\(|\bfetch\(|https?://(?!www\.w3\.org/2000/svg)", text) == []
    )
    assert "export default { render }" in text
    assert "stopPropagation" in text


def test_the_screen_shows_the_cells_and_its_label_is_the_text(booted: Boot):
    widget = ScreenWidget(booted.machine)
    assert widget.cells == booted.machine.vga.cells()
    assert "booting on pc128" in widget.label
    assert widget.cursor == -1


def test_the_screen_follows_at_the_end_of_a_cell(booted: Boot):
    widget = ScreenWidget(booted.machine)
    booted.machine.cpu.store(0xB8000, 2, 0x1E41)
    assert widget.cells[:2] != b"\x41\x1e"
    run_calls()
    assert widget.cells[:2] == b"\x41\x1e"
    assert "│ Aernel-sim" in widget.label


def test_the_cursor_is_where_the_crt_controller_was_told():
    writes = [(0x3D4, 14), (0x3D5, 1), (0x3D4, 15), (0x3D5, 0x40), (0x70, 9)]
    assert cursor_of(writes) == 0x140
    assert cursor_of([(0x3D4, 9), (0x3D5, 1)]) == -1


def test_a_busy_cell_sends_few_patches_and_ends_with_everything(booted: Boot):
    widget = FrameMapWidget(booted)
    began = time.monotonic()
    frames = [booted.call("pmm_alloc_frame") // 4096 for _ in range(5000)]
    seconds = time.monotonic() - began
    assert 1 <= widget.patch_count <= 30 * seconds + 2
    widget.refresh()
    assert {widget.cells[frame] for frame in frames} == {FrameUse.USED}


def test_a_view_that_is_gone_is_not_told_any_more(booted: Boot):
    widget = ScreenWidget(booted.machine)
    gone = weakref.ref(widget)
    widget.close()
    del widget
    gc.collect()
    assert gone() is None
    booted.machine.trace.emit("log", event="after")
    run_calls()


def test_the_browser_zooms_and_asks_by_messages(booted: Boot):
    chosen = []
    widget = FrameMapWidget(booted, chosen.append)
    widget._receive(widget, {"kind": "window", "first": 512, "bits": 9}, [])
    assert (widget.first, widget.columns, widget.shift) == (512, 32, 0)
    assert len(widget.cells) == 512
    widget._receive(widget, {"kind": "choose", "frame": 16}, [])
    assert [info.owner for info in chosen] == ["kernel-image"]
    assert widget.answer == "frame 16, address 0x10000: kernel image, kernel-image, tags dma-safe"


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"kind": "choose", "frame": 1 << 40},
        {"kind": "choose", "frame": "1"},
        {"kind": "window"},
    ],
)
def test_a_message_that_makes_no_sense_changes_nothing(booted: Boot, message: dict[str, object]):
    widget = FrameMapWidget(booted)
    before = (widget.first, widget.bits, widget.cells, widget.answer)
    widget._receive(widget, message, [])
    assert (widget.first, widget.bits, widget.cells, widget.answer) == before


def test_a_window_stays_in_the_map(booted: Boot):
    frames = FrameMapWidget(booted).frame_map()
    assert within(Window(10**9, 3), frames) == Window(32768 - 512, 9)
    assert within(Window(-5, 60), frames) == Window(0, 15)


def test_what_is_said_of_a_chosen_frame_can_be_ones_own(booted: Boot):
    widget = FrameMapWidget(booted, lambda info: f"that is {info.owner}")
    widget.choose(16)
    assert widget.answer == "that is kernel-image"


def test_where_no_widget_can_be_there_is_a_picture_and_text(booted: Boot):
    frames, _ = FrameMapWidget(booted).bundle()
    screen, _ = ScreenWidget(booted.machine).bundle()
    assert frames["image/png"].startswith("iVBORw0KGgo")
    assert "32768 frames" in frames["text/plain"]
    assert "<pre" in screen["text/html"]
    assert "booting on pc128" in screen["text/plain"]
