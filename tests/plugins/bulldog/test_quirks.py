"""The quirks of Bulldog's code: off by default, and what each of them breaks."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import InputError
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.profiles import profile
from kernel_sim.values import RegionKind

KERNEL_SPACE = 0xFFFF_8000_0000_0000


def quirky(name, **arguments):
    return boot("bulldog", config={"quirks": name}, **arguments)


def may_not_be_used(booted, frame):
    """Whether the frame is reserved, or not wholly usable."""
    reserved = reserved_ranges(booted.machine.boot_info)
    usable = [r for r in booted.regions if r.kind is RegionKind.AVAILABLE]
    inside = any(r.base <= frame and frame + 4096 <= r.end for r in usable)
    return not inside or any(r.start <= frame < r.end for r in reserved)


def test_bd_u2_init_temp_hands_out_what_is_in_use():
    booted = quirky("init_temp_ignores_kind", until="init_temp")
    frames = [booted.call("pmm_alloc_frame") for _ in range(512)]
    assert frames[0] == 0x1_0000
    assert any(may_not_be_used(booted, frame) for frame in frames)
    plain = boot("bulldog", until="init_temp")
    assert not any(may_not_be_used(plain, plain.call("pmm_alloc_frame")) for _ in range(512))


def test_bd_u2_the_bitmap_is_kept_but_not_consulted():
    booted = quirky("bitmap_not_consulted", until="init_heap")
    earlier = set(booted.first_frames)
    later = [booted.call("pmm_alloc_frame") for _ in range(2000)]
    assert earlier & set(later), "a frame of the array is handed out again"
    assert any(may_not_be_used(booted, frame) for frame in later)
    plain = boot("bulldog", until="init_heap")
    again = [plain.call("pmm_alloc_frame") for _ in range(2000)]
    assert not set(plain.first_frames) & set(again)


def test_bd_u3_the_heap_lies_where_user_space_belongs():
    booted = quirky("heap_in_lower_half", until="init_heap")
    assert booted.ok, booted.oops
    assert 0x4444_4444_0000 <= booted.call("kmalloc", 64, 8) < KERNEL_SPACE
    low = [r for r in sweep(AddressSpace.of(booted.machine)) if r.start < KERNEL_SPACE]
    assert low
    assert all(0x4444_4444_0000 <= item.start < 0x4444_4454_0000 for item in low)


def test_none_is_on_by_default():
    plain, named = boot("bulldog"), quirky("")
    assert plain.machine.trace.hash() == named.machine.trace.hash()
    assert all("(BD-U" in sentence for sentence in profile("bulldog").quirks.values())


def test_a_kernel_without_quirks_says_so():
    with pytest.raises(InputError, match="no quirk of bulldog-early is called 'x'"):
        boot("bulldog-early", config={"quirks": "x"})
