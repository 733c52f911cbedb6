"""The quirks of Theseus's code: off by default, and what each of them breaks."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped
from kernel_sim.inspection import AddressSpace, table_frames
from kernel_sim.machine import machine_spec
from kernel_sim.machine.control_bits import CR4_PGE
from kernel_sim.page_table import PageTableFlags
from kernel_sim.profiles import profile
from kernel_sim.values import RegionKind
from kernel_sim_theseus import layout, phys_offset
from kernel_sim_theseus.layout import TEMP_WINDOW_VA
from kernel_sim_theseus.temporary_window import temporary_window

PAGE = 0x1000
HEAP = 0xFFFF_FFFF_B000_0000


def quirky(name, spec=None, **arguments):
    return boot("theseus", spec, config={"quirks": name}, **arguments)


def view(result, role):
    return next(r.view for r in result.host.registrations if role in r.roles)


def described(result, frame):
    return any(r.base <= frame < r.end for r in result.regions)


def test_align_down_gives_away_a_frame_that_is_half_somebody_else_s():
    def first(result):
        state = view(result, "pmm").state
        return [item.first * PAGE for item in state.boot.ranges]

    spec = machine_spec("ovmf256")
    plain = first(boot("theseus", spec, until="pmm"))
    wrong = quirky("align_down", spec, until="pmm")
    assert first(wrong) == plain, "descriptors are whole pages: no harm on this machine"
    regions = [replace(r, base=r.base + 0x800, length=r.length - 0x800) for r in wrong.regions]
    from kernel_sim_theseus.boot_frame_allocator import usable  # noqa: PLC0415 - only here

    ranges = usable(view(wrong, "pmm"), regions, [])
    halves = [r.base for r in regions if r.kind is RegionKind.AVAILABLE]
    assert any(item.first * PAGE == base - 0x800 for item in ranges for base in halves)


def test_a_second_boot_allocator_issues_frames_that_have_an_owner():
    def owners(result):
        """The frames of the bitmap, and those that `pmm_alloc_frame` gave to somebody."""
        events = [e.fields for e in result.machine.trace.events]
        (stored,) = (fields for fields in events if fields.get("event") == "bitmap_storage")
        bitmap = range(stored["start"], stored["start"] + stored["bytes"], PAGE)
        taken = {fields["result"] for fields in events if fields.get("hook") == "pmm_alloc_frame"}
        return set(bitmap), taken

    bitmap, taken = owners(quirky("second_boot_allocator"))
    assert bitmap <= taken
    bitmap, taken = owners(boot("theseus"))
    assert not bitmap & taken


def test_holes_are_free_hands_out_what_nobody_described():
    whole = machine_spec("ovmf256")
    spec = replace(whole, descriptors=tuple(d for d in whole.descriptors if d.base != 0x90_0000))
    result = quirky("holes_are_free", spec)
    frames = [result.call("pmm_alloc_frame") for _ in range(1500)]
    assert not all(described(result, frame) for frame in frames)
    plain = boot("theseus", spec)
    assert all(described(plain, plain.call("pmm_alloc_frame")) for _ in range(1500))


def test_unmap_ignores_large_leaves_the_image_in_the_identity_map():
    result = quirky("unmap_ignores_large")
    image = result.machine.boot_info.kernel.start
    assert result.ok
    assert result.call("translate", result.kernel.root, image).physical == image


def test_link_before_zero_shows_garbage_for_a_moment():
    def order(result):
        """Whether a table is cleared after an entry leads to it."""
        tables = table_frames(AddressSpace.of(result.machine))
        linked, late = set(), 0
        for store in result.machine.trace.store_log:
            page = store.physical & ~0xFFF
            value = int.from_bytes(store.new, "little")
            late += page in linked and value == 0 and len(store.new) == PAGE
            target = value & 0xF_FFFF_F000 if value & 1 and len(store.new) == 8 else None
            if page in tables and target in tables:
                linked.add(target)
        return late

    assert order(boot("theseus", until="paging", stores=True)) == 0
    assert order(quirky("link_before_zero", until="paging", stores=True)) > 0


def test_mask_keeps_nx_makes_addresses_of_what_is_a_flag():
    result = quirky("mask_keeps_nx")
    assert result.call("translate", result.kernel.root, HEAP).physical >> 63
    plain = boot("theseus")
    assert not plain.call("translate", plain.kernel.root, HEAP).physical >> 63


@pytest.mark.parametrize(("quirks", "verdict"), [("", False), ("last_page_unchecked", True)])
def test_last_page_unchecked_trusts_a_page_that_is_absent(quirks, verdict):
    result = quirky(quirks)
    end = HEAP + (1 << 20)
    rights = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
    kernel = view(result, "paging")
    assert phys_offset.virt_range_has_flags(kernel, end - 0x800, PAGE, rights) is verdict


@pytest.mark.parametrize(("quirks", "verdict"), [("", False), ("leaf_flags_only", True)])
def test_leaf_flags_only_trusts_a_page_that_a_level_above_protects(quirks, verdict):
    result = quirky(quirks)
    rights = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
    page = 0xFFFF_C000_0000_0000
    result.call("map_page", result.kernel.root, page, 0xE40_0000, rights)
    above = result.machine.cpu.mmu.walk_path(page)[2]
    result.machine.ram.store(above.entry_address, 8, above.entry & ~int(PageTableFlags.WRITABLE))
    kernel = view(result, "paging")
    assert phys_offset.virt_range_has_flags(kernel, page, PAGE, rights) is verdict
    with pytest.raises(MachineStopped):
        result.machine.cpu.store(page, 8, 1)


@pytest.mark.parametrize("quirks", ["", "window_follows_physical"])
def test_window_follows_physical_needs_the_tables_in_the_identity_map(quirks):
    result = quirky(quirks)
    kernel, cpu = view(result, "paging"), result.machine.cpu
    with temporary_window(kernel, 0xE40_0000):
        cpu.store(TEMP_WINDOW_VA, 8, 1)
    table = cpu.mmu.walk_path(TEMP_WINDOW_VA)[3].entry_address & -PAGE
    result.machine.ram.store(cpu.mmu.walk_path(table)[2].entry_address, 8, 0)
    cpu.cr4 &= ~CR4_PGE
    if quirks:
        with pytest.raises(MachineStopped), temporary_window(kernel, 0xE50_0000):
            pass
    else:
        with temporary_window(kernel, 0xE50_0000):
            cpu.store(TEMP_WINDOW_VA, 8, 2)
        assert result.machine.ram.load(0xE50_0000, 8) == 2


def test_stacks_by_virtual_address_are_missing_from_the_consumed_log():
    def drained(result):
        events = [e.fields for e in result.machine.trace.events]
        return [(e["start"], e["end"]) for e in events if e.get("event") == "boot_consumed"]

    plain, wrong = drained(boot("theseus")), drained(quirky("stacks_by_virtual_address"))
    assert max(end for _, end in plain) < 1 << 52, "physical addresses have 52 bits"
    assert max(end for _, end in wrong) > 0xFFFF_FFFF_8000_0000
    result = boot("theseus")
    stack = layout.stack(result.kernel, layout.KERNEL_STACK).start
    frame = result.call("translate", result.kernel.root, stack).physical
    assert any(start <= frame < end for start, end in plain)
    assert not any(start <= frame < end for start, end in wrong)


def test_none_is_on_by_default_and_each_has_a_test():
    plain, named = boot("theseus"), quirky("")
    assert plain.machine.trace.hash() == named.machine.trace.hash()
    assert len(profile("theseus").quirks) == 10
