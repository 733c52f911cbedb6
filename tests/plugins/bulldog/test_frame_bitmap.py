"""BD-20 to BD-24: one static bitmap of one size, in which bits are only ever set."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import NotSupported
from kernel_sim.machine import FirmwareEntry, machine_spec, random_spec
from kernel_sim_bulldog.discovery import FrameRange
from kernel_sim_bulldog.frame_bitmap import FrameBitmap
from kernel_sim_bulldog.layout import static

FRAME = 0x1000
BASE, END = 0x10_0000, 0x4010_0000
BEYOND = replace(
    machine_spec("boot512"),
    name="beyond",
    entries=(
        FirmwareEntry(0, 0x9_FC00, 1),
        FirmwareEntry(0x10_0000, 0x40_0000, 1),
        FirmwareEntry(0x4000_0000, 0x30_0000, 1),
        FirmwareEntry(0x1_0000_0000, 0x10_0000, 1),
    ),
)
"""Usable memory that the bitmap covers in part: 0x40100000 is where it ends."""


def bits_of(booted):
    stats = booted.call("pmm_stats")
    return int.from_bytes(booted.machine.ram.read(stats.bitmap_base, stats.bitmap_bytes), "little")


def test_bd_20_the_bitmap_is_32768_bytes_for_262144_frames_of_1_gib():
    booted = boot("bulldog")
    stats = booted.call("pmm_stats")
    assert stats.bitmap_bytes == 32_768
    assert stats.bitmap_bytes * 8 == 262_144
    assert stats.bitmap_bytes * 8 * FRAME == 1 << 30
    bitmap = static(booted.kernel, "FRAME_BITMAP")
    found = booted.call("translate", booted.kernel.root, bitmap.start)
    assert (bitmap.length, found.physical) == (32_768, stats.bitmap_base)
    assert stats.bitmap_base in booted.machine.boot_info.kernel


@pytest.mark.parametrize("name", ["boot512", "numa2", "pc128+bootinfo"])
def test_bd_21_bit_0_stands_for_the_frame_at_1_mib_on_every_machine(name):
    booted = boot("bulldog", name)
    stats = booted.call("pmm_stats")
    assert (stats.first_frame, stats.bit_order, stats.used_bit) == (0x10_0000, "lsb", 1)
    assert bits_of(booted) & 1
    bitmap = FrameBitmap(booted.kernel, static(booted.kernel, "FRAME_BITMAP").start)
    booted.machine.cpu.fill(bitmap.base, 32_768, 0)
    assert bitmap.mark_used(BASE)
    assert bitmap.mark_used(BASE + 9 * FRAME)
    assert bits_of(booted) == 1 << 0 | 1 << 9


def test_bd_22_only_used_frames_are_recorded_and_no_bit_is_ever_cleared():
    booted = boot("bulldog", random_spec(0, firmware="bootinfo"), stores=True)
    stats = booted.call("pmm_stats")
    done = len(booted.machine.trace.store_log)
    before = bits_of(booted)
    frames = []
    while (frame := booted.call("pmm_alloc_frame")) is not None:
        frames.append(frame)
    assert frames == [BASE + FRAME * n for n in range(32_768 * 8) if not before >> n & 1]
    ours = [
        record
        for record in booted.machine.trace.store_log[done:]
        if stats.bitmap_base <= record.physical < stats.bitmap_base + stats.bitmap_bytes
    ]
    assert len(ours) == len(frames)
    assert all(record.old[0] & ~record.new[0] == 0 for record in ours)


def test_bd_23_no_frame_is_taken_back_and_the_refusal_names_the_lab():
    booted = boot("bulldog")
    frame = booted.call("pmm_alloc_frame")
    stats, bits = booted.call("pmm_stats"), bits_of(booted)
    with pytest.raises(NotSupported, match="frame deallocation, which Lab E1 adds"):
        booted.call("pmm_free_frame", frame)
    assert (booted.call("pmm_stats"), bits_of(booted)) == (stats, bits)
    assert booted.call("pmm_alloc_frame") != frame


@pytest.mark.parametrize("frame", [0, BASE - FRAME, END, END + 5 * FRAME, 1 << 40])
def test_bd_24_a_frame_outside_is_reported_and_not_tracked(frame):
    booted = boot("bulldog")
    bitmap = FrameBitmap(booted.kernel, static(booted.kernel, "FRAME_BITMAP").start)
    before = bits_of(booted)
    assert not bitmap.mark_used(frame)
    assert not bitmap.is_used(frame)
    assert bits_of(booted) == before
    (note,) = [e for e in booted.machine.trace.events if _is_out_of_bounds(e)]
    assert note.fields["frame"] == frame


def _is_out_of_bounds(event):
    return event.fields.get("event") == "frame_out_of_bounds"


def test_bd_24_frames_past_the_bitmap_are_never_handed_out_and_their_number_is_logged():
    booted = boot("bulldog", BEYOND)
    assert booted.ok, booted.oops
    last = None
    while (frame := booted.call("pmm_alloc_frame")) is not None:
        last = frame
    assert last == END - FRAME
    (note,) = [
        event.fields["frame_count"]
        for event in booted.machine.trace.events
        if event.fields.get("event") == "frames_untracked"
    ]
    assert note == 0x20_0000 // FRAME + 0x10_0000 // FRAME


def test_bd_24_marking_ranges_sets_the_bits_of_everything_else():
    booted = boot("bulldog")
    bitmap = FrameBitmap(booted.kernel, static(booted.kernel, "FRAME_BITMAP").start)
    for free in ([], [(0x100, 0x101)], [(0x103, 0x123), (0x140, 0x141)], [(0x400, 0x4_0100)]):
        booted.machine.cpu.fill(bitmap.base, 32_768, 0)
        bitmap.mark_all_but([FrameRange(*item) for item in free])
        clear = {number for first, end in free for number in range(first, end)}
        bits = bits_of(booted)
        assert bitmap.count_clear() == len(clear)
        assert all(not bits >> number - 0x100 & 1 for number in clear)
