"""The map of a booted machine: right where it can be checked, and looking changes nothing."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.values import FrameStats
from kernel_sim.views.frame_survey import survey
from kernel_sim.views.frame_use import FrameUse


@pytest.mark.parametrize("machine", ["pc4", "pc128", "pc-nasty", "map-31"])
def test_used_and_free_are_what_the_allocator_says(machine: str):
    result = boot(machine=machine)
    stats = result.call("pmm_stats")
    frames = survey(result).now()
    free = sum(
        span.end - span.first - taken
        for span in frames.spans
        if (taken := frames.used_in(span)) is not None
    )
    assert free == stats.free


def test_memory_that_the_allocator_has_no_bits_for_is_not_said_to_be_free():
    frames = survey(boot(machine="pc-nasty")).now()
    assert frames.frame(0x1_0000_0000 // 4096).use is FrameUse.AVAILABLE


def test_looking_changes_nothing():
    result = boot(machine="pc128")
    before = result.machine.trace.hash()
    survey(result).now()
    assert result.machine.trace.hash() == before


def test_frames_that_are_taken_are_seen_without_asking_the_kernel_again():
    result = boot(machine="pc128")
    looked = survey(result)
    frame = result.call("pmm_alloc_frame") // 4096
    assert looked.map.frame(frame).use is FrameUse.FREE
    assert looked.now().frame(frame).use is FrameUse.USED


def test_owners_come_from_the_tags():
    result = boot(machine="pc128")
    frames = survey(result).now()
    image = result.machine.boot_info.kernel.start // 4096
    assert str(frames.frame(image)) == (
        "frame 16, address 0x10000: kernel image, kernel-image, tags dma-safe"
    )
    assert frames.frame(result.kernel.root // 4096).use is FrameUse.PAGE_TABLE


def test_before_there_is_an_allocator_nothing_is_said_to_be_free():
    frames = survey(boot(machine="pc128", until="memmap")).now()
    assert frames.bits is None
    assert frames.frame(0x200).use is FrameUse.AVAILABLE


def test_before_there_is_a_table_the_firmware_is_believed():
    frames = survey(boot(machine="pc128", until="console")).now()
    assert frames.frame(0x200).use is FrameUse.AVAILABLE
    assert frames.frame(0xB8).use is FrameUse.HOLE


class Boasting:
    """An allocator whose statistics can't be true."""

    @hookimpl
    def pmm_init(self, kernel):
        kernel.state.next = 0x400000

    @hookimpl
    def pmm_alloc_frame(self, kernel):
        kernel.state.next += 0x1000
        return kernel.state.next

    @hookimpl
    def pmm_free_frame(self, frame):
        assert frame

    @hookimpl
    def pmm_stats(self):
        return FrameStats(10, 5, 5, 1 << 60, 1 << 50, "lsb", 1, 0)


def test_an_allocator_that_lies_is_not_believed_and_breaks_nothing():
    looked = survey(boot(machine="pc128", roles={"pmm": Boasting()}, until="pmm"))
    assert looked.stats is None
    assert looked.now().frame(0x200).use is FrameUse.AVAILABLE
