"""MS-1 to MS-6: addresses, ranges, pages and permissions."""

import pytest

from kernel_sim.errors import KernelError
from kernel_sim.page_table import PageTableFlags as Flags
from kernel_sim_cyrius.addr import MemPerm, Page, PageSize, PhysAddr, VirtAddr, addr_range

P, V = PhysAddr(0x5000), VirtAddr(0x5000)


def test_ms_1_physical_and_virtual_addresses_do_not_mix():
    for mixed in (
        lambda: P + V,
        lambda: P - V,
        lambda: P < V,
        lambda: P <= V,
        lambda: V == P,
        lambda: P == 0x5001,
        lambda: addr_range(P, V),
    ):
        with pytest.raises(TypeError):
            mixed()
    assert PhysAddr(0x6000) - P == 0x1000
    assert PhysAddr(0x5010) == P + 0x10


def test_ms_2_alignment_helpers_panic_and_checked_add_answers_none():
    assert PhysAddr(0x5001).align_up(0x1000) == PhysAddr(0x6000)
    assert P.align_up(0x1000) == P
    assert P.is_aligned(0x1000)
    assert not P.is_aligned(0x2000)
    assert P.checked_add(0x1000) == PhysAddr(0x6000)
    assert PhysAddr(2**64 - 1).checked_add(1) is None
    for panics in (
        lambda: P.align_up(3),
        lambda: P.is_aligned(0),
        lambda: VirtAddr(2**64 - 1).align_up(0x1000),
    ):
        with pytest.raises(KernelError):
            panics()


def test_ms_3_only_a_virtual_address_becomes_a_pointer():
    assert V.into_ptr() == 0x5000
    assert not hasattr(P, "into_ptr")
    with pytest.raises(KernelError, match="canonical"):
        VirtAddr(0x0000_8000_0000_0000).into_ptr()


def test_ms_4_ranges_are_half_open_and_validated():
    found = addr_range(P, PhysAddr(0x7000))
    assert 0x5000 in found
    assert 0x7000 not in found
    assert not addr_range(P, P)
    with pytest.raises(KernelError):
        addr_range(P, PhysAddr(0x4000))


def test_ms_5_pages_have_three_sizes_and_an_aligned_start():
    assert list(PageSize) == [0x1000, 0x20_0000, 0x4000_0000]
    page = Page(V)
    assert VirtAddr(0x5FFF) in page
    assert VirtAddr(0x6000) not in page
    for start, size in ((0x5001, 0x1000), (0x1000, 0x20_0000), (0x3000, 0x3000)):
        with pytest.raises(KernelError):
            Page(VirtAddr(start), size)


def test_ms_6_permissions_have_their_bits_and_become_flags():
    assert [MemPerm.READ, MemPerm.WRITE, MemPerm.EXEC, MemPerm.USER] == [1, 2, 4, 8]
    assert MemPerm.KERNEL_RX.flags == Flags.PRESENT
    wanted = Flags.PRESENT | Flags.WRITABLE | Flags.USER_ACCESSIBLE | Flags.NO_EXECUTE
    assert MemPerm.USER_RW.flags == wanted


def test_ms_28_asserting_helpers_panic_on_overflow():
    with pytest.raises(KernelError):
        PhysAddr(2**64 - 1) + 1
    with pytest.raises(KernelError):
        PhysAddr(-1)
