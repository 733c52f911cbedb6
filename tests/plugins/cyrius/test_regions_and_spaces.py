"""MS-20 to MS-26, MS-30 to MS-32: DMA regions, address spaces, user copies, and what is to come."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import KernelError, MachineStopped
from kernel_sim.machine import random_spec
from kernel_sim.page_table import PageTableFlags as Flags
from kernel_sim_cyrius import address_space, user
from kernel_sim_cyrius.addr import MemPerm, Page, PhysAddr, VirtAddr
from kernel_sim_cyrius.dma import DmaErrorReason, DmaRegionError, DmaRegionProvider
from kernel_sim_cyrius.future import FUTURE
from kernel_sim_cyrius.layout import static

USER_PAGE = 0x7000_0000_0000


@pytest.fixture
def booted():
    return boot("cyrius", random_spec(3, firmware="bootinfo"))


def free(booted):
    return booted.call("pmm_stats").free


def with_user_page(booted, perm=MemPerm.USER_RW):
    """A handle of a new space with one user page in it."""
    handle, frame = address_space.new_space(booted.kernel), booted.call("pmm_alloc_frame")
    page = Page(VirtAddr(USER_PAGE))
    handle.with_table(lambda table, frames: table.map(page, PhysAddr(frame), perm.flags, frames))
    return handle, frame


def test_ms_20_a_region_is_one_run_of_frames_of_the_global_allocator(booted):
    before = free(booted)
    region = DmaRegionProvider(booted.kernel).allocate(3 * 0x1000)
    assert free(booted) == before - 3
    frames = region.provider.book[region.base]
    assert [frame - region.base for frame in frames] == [0, 0x1000, 0x2000]


def test_ms_21_device_and_kernel_see_the_same_bytes(booted):
    region = DmaRegionProvider(booted.kernel).allocate(0x2000)
    booted.machine.cpu.write(region.alias.into_ptr() + 0xFFE, b"ring")
    assert booted.machine.dma.read(region.base.raw + 0xFFE, 4) == b"ring"
    booted.machine.dma.write(region.base.raw, b"done")
    assert booted.machine.cpu.read(region.alias.into_ptr(), 4) == b"done"


def test_ms_22_size_and_alignment_are_honoured_or_refused(booted):
    provider = DmaRegionProvider(booted.kernel)
    assert provider.allocate(0x1001, 64).length == 0x2000
    for size, align, reason in (
        (0, 0, DmaErrorReason.INVALID_SIZE),
        (8, 3, DmaErrorReason.INVALID_ALIGNMENT),
        (8, 0x2000, DmaErrorReason.ALIGNMENT_TOO_LARGE),
        (1 << 40, 0, DmaErrorReason.ALLOCATION_FAILED),
    ):
        with pytest.raises(DmaRegionError) as refused:
            provider.allocate(size, align)
        assert refused.value.reason == reason


def test_ms_22_a_run_that_came_back_is_tried_first(booted):
    provider = DmaRegionProvider(booted.kernel)
    first = provider.allocate(0x4000)
    base = first.base
    first.drop()
    assert provider.allocate(0x4000).base <= base


def test_ms_23_each_frame_goes_back_once_also_when_the_set_up_fails(booted):
    provider, before = DmaRegionProvider(booted.kernel), free(booted)
    region = provider.allocate(0x3000)
    region.drop()
    region.drop()
    assert free(booted) == before

    def fails(_):
        raise KernelError("device")

    with pytest.raises(KernelError, match="device"):
        provider.allocate(0x3000, prepare=fails)
    assert free(booted) == before
    assert provider.book == {}


def test_ms_24_tables_are_changed_under_a_lock_with_the_global_allocator(booted):
    handle = address_space.new_space(booted.kernel)
    word = static(booted.kernel, "TABLE_LOCK").start
    assert handle.with_table(lambda *_: booted.machine.cpu.load(word, 8)) == 1
    with pytest.raises(KernelError, match="wait for itself"):
        handle.with_table(lambda *_: handle.with_table(lambda *_: None))
    assert booted.machine.cpu.load(word, 8) == 0


def test_ms_25_who_switches_does_it_with_a_handle(booted):
    kernel, (handle, frame) = address_space.kernel_space(booted.kernel), with_user_page(booted)
    other = handle.clone()
    assert other.root == handle.root != kernel.root
    other.switch()
    user.copy_to_user(booted.kernel, VirtAddr(USER_PAGE), b"hello")
    kernel.switch()
    assert booted.machine.ram.read(frame, 5) == b"hello"


def test_ms_26_the_last_owner_gives_the_frames_back_and_the_kernel_keeps_its_own(booted):
    before = free(booted)
    handle, frame = with_user_page(booted)
    other = handle.clone()
    handle.drop()
    assert free(booted) == before - 5
    other.drop()
    booted.call("pmm_free_frame", frame)
    assert free(booted) == before
    with pytest.raises(KernelError, match="not dropped"):
        other.switch()
    address_space.kernel_space(booted.kernel).drop()
    assert free(booted) == before


def test_ms_26_the_active_space_is_not_dropped(booted):
    handle, _ = with_user_page(booted)
    handle.switch()
    with pytest.raises(KernelError, match="not active"):
        handle.drop()


LIMIT = 0x8000_0000_0000


@pytest.mark.parametrize(
    ("start", "length", "reason"),
    [
        (0, 1, "NULL_POINTER"),
        (LIMIT, 1, "OUT_OF_RANGE"),
        (0xFFFF_8000_0000_0000, 8, "OUT_OF_RANGE"),
        (LIMIT - 4, 2**64 - 1, "ADDRESS_OVERFLOW"),
        (LIMIT - 4, 5, "OUT_OF_RANGE"),
    ],
)
def test_ms_30_a_bad_range_is_refused_before_memory_is_touched(booted, start, length, reason):
    with pytest.raises(user.UserAccessError) as refused:
        user.copy_from_user(booted.kernel, VirtAddr(start), length)
    assert refused.value.reason == reason
    assert booted.faults == []


def test_ms_30_slices_are_judged_for_size_and_alignment(booted):
    handle, frame = with_user_page(booted)
    booted.machine.ram.write(frame, bytes(range(16)))
    handle.switch()
    assert user.UserSlice(booted.kernel, VirtAddr(USER_PAGE), 2, 4).read() == [
        0x03020100,
        0x07060504,
    ]
    for start, size, reason in (
        (USER_PAGE + 1, 4, "MISALIGNED"),
        (USER_PAGE, 0, "ZERO_SIZED_TYPE"),
    ):
        with pytest.raises(user.UserAccessError) as refused:
            user.UserSlice(booted.kernel, VirtAddr(start), 1, size)
        assert refused.value.reason == reason


def test_ms_31_judging_touches_nothing_and_a_good_range_may_fault_all_the_same(booted):
    before = booted.machine.trace.hash()
    user.validate(VirtAddr(LIMIT - 4), 4)
    user.validate(VirtAddr(0), 0)
    assert booted.machine.trace.hash() == before
    with pytest.raises(MachineStopped):
        user.copy_from_user(booted.kernel, VirtAddr(USER_PAGE), 8)
    assert booted.faults[-1].fields["vector"] == 14


def test_ms_32_what_is_to_come_is_absent_and_has_its_lab(booted):
    assert all(lab.startswith("Lab E") for lab in FUTURE.values())
    assert len(FUTURE) == 6
    read_only = MemPerm.READ | MemPerm.USER
    handle, frame = with_user_page(booted, read_only)
    content = booted.machine.ram.read(frame, 8)
    handle.switch()
    with pytest.raises(MachineStopped):
        user.copy_to_user(booted.kernel, VirtAddr(USER_PAGE), b"no copy on write")
    assert booted.machine.ram.read(frame, 8) == content
    assert not booted.call("translate", handle.root.raw, USER_PAGE).flags & Flags.WRITABLE
