"""KV-19 to KV-26: two-level tables, the enable sequence, and the page-fault stub."""

import pytest

from kernel_sim import (
    AddrRange,
    MachineStopped,
    MapError,
    NotMapped,
    PageFault,
    PageFaultErrorCode,
    PageTableFlags,
    UnmapError,
)
from kernel_sim.boot import boot
from kernel_sim_kernel_v.fault_words import fault_lines

PRESENT, WRITABLE, USER = (
    PageTableFlags.PRESENT,
    PageTableFlags.WRITABLE,
    PageTableFlags.USER_ACCESSIBLE,
)
RW = PRESENT | WRITABLE
SPARE = 0xD000_0000
"""A page that nothing maps at boot."""


def start(machine="pc128", **options):
    """A boot with paging on, its hooks and its processor."""
    run = boot(machine=machine, until="paging", **options)
    return run, run.kernel.hooks, run.machine.cpu


def entry(run, root, page):
    """The directory entry and the table entry of ``page``, read from memory."""
    above = run.machine.ram.load(root + (page >> 22) * 4, 4)
    table = above & 0xFFFF_F000
    return above, run.machine.ram.load(table + (page >> 12 & 0x3FF) * 4, 4) if above & 1 else 0


def table_frames(run):
    """The frames of the directory and of all tables."""
    root, ram = run.kernel.root, run.machine.ram
    directory = [ram.load(root + 4 * i, 4) for i in range(1024)]
    return [root, *(e & 0xFFFF_F000 for e in directory if e & 1 and not e & 0x80)]


def test_kv_19_an_address_splits_into_ten_ten_and_twelve_bits():
    run, hooks, _ = start()
    frame = hooks.pmm_alloc_frame()
    page = 0xD5_557 << 12
    hooks.map_page(run.kernel.root, page, frame, RW)
    above, leaf = entry(run, run.kernel.root, page)
    assert above & 0xFFF == int(RW)
    assert leaf == frame | int(RW)
    assert hooks.translate(run.kernel.root, page + 0xABC).physical == frame + 0xABC


def test_kv_20_image_stack_bitmap_and_tables_are_mapped_one_to_one():
    run, hooks, _ = start()
    info, stats = run.machine.boot_info, hooks.pmm_stats()
    for part in (
        info.kernel,
        info.stack,
        AddrRange(stats.bitmap_base, stats.bitmap_base + stats.bitmap_bytes),
        *(AddrRange(t, t + 0x1000) for t in table_frames(run)),
    ):
        for address in (part.start, part.end - 1):
            assert hooks.translate(run.kernel.root, address).physical == address


@pytest.mark.parametrize("machine", ["pc4", "pc128", "pc-nasty", "map-02"])
def test_kv_20_all_memory_below_the_limit_is_mapped_one_to_one(machine):
    run, hooks, _ = start(machine)
    limit = run.kernel.config.physical_limit
    for address in [*range(0x1000, limit, max(0x1000, limit // 64 & -0x1000)), limit - 0x1000]:
        assert hooks.translate(run.kernel.root, address).physical == address


@pytest.mark.parametrize(("machine", "size"), [("pc128", 4 << 10), ("pc-nasty", 4 << 20)])
def test_kv_20_four_mib_pages_are_used_where_the_firmware_turned_them_on(machine, size):
    run, hooks, cpu = start(machine)
    assert bool(cpu.cr4 & 0x10) == (size == 4 << 20)
    assert hooks.translate(run.kernel.root, 8 << 20).size == size


def test_kv_21_the_screen_and_the_heap_can_be_used():
    run = boot(machine="pc128")
    run.machine.cpu.write(0xB_8000, b"V\x07G\x07A\x07")
    assert run.machine.vga.lines()[0].startswith("VGA")
    block = run.kernel.hooks.kmalloc(64)
    run.machine.cpu.store(block, 4, 0x1234_5678)
    assert run.machine.cpu.load(block, 4) == 0x1234_5678


def test_kv_22_cr3_is_written_before_cr0_and_protection_stays_on():
    run, _, cpu = start()
    moves = [
        e.fields["register"]
        for e in run.machine.trace.events
        if e.kind == "control" and e.fields["operation"] == "mov"
    ]
    assert moves[-2:] == ["cr3", "cr0"]
    assert cpu.cr0 >> 31 == 1
    assert cpu.cr0 & 1 == 1


def test_kv_22_building_the_tables_writes_no_control_register():
    run, _, _ = start()
    events = run.machine.trace.events
    built = next(i for i, e in enumerate(events) if e.fields.get("hook") == "init_paging")
    first_move = next(
        i for i, e in enumerate(events) if e.kind == "control" and e.fields["operation"] == "mov"
    )
    assert built < first_move


def test_kv_23_the_kernel_goes_on_after_paging_is_on():
    run, _, cpu = start()
    assert run.oops is None
    cpu.push(0xCAFE_BABE)
    assert cpu.pop() == 0xCAFE_BABE
    assert cpu.fetch(cpu.ip) == 0x90


def test_kv_24_a_write_to_an_unmapped_address_is_reported_in_words():
    run, _, cpu = start()
    with pytest.raises(MachineStopped):
        cpu.store(0xDEAD_BEEF, 1, 0)
    fault = next(e for e in run.machine.trace.events if e.kind == "fault")
    assert (fault.fields["address"], fault.fields["error_code"]) == (0xDEAD_BEEF, 2)
    screen = "\n".join(run.machine.vga.lines())
    assert "0xdeadbeef" in screen
    assert "Page not present, Write access, Supervisor mode" in screen


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (0, "Page not present, Read access, Supervisor mode"),
        (1, "Protection violation, Read access, Supervisor mode"),
        (3, "Protection violation, Write access, Supervisor mode"),
        (4, "Page not present, Read access, User mode"),
        (9, "Reserved bit set in a table, Read access, Supervisor mode"),
        (16, "Page not present, Instruction fetch, Supervisor mode"),
    ],
)
def test_kv_24_each_bit_of_the_error_code_is_decoded(code, words):
    assert words in fault_lines(PageFault(0x1000, code, 0, 0, 0, 0))[1]


def test_kv_25_tables_are_frames_of_the_allocator_that_nobody_else_gets():
    run, hooks, _ = start("pc4")
    tables = set(table_frames(run))
    others = set()
    while (frame := hooks.pmm_alloc_frame()) is not None:
        others.add(frame)
    assert tables
    assert not tables & others


def test_kv_25_a_new_table_is_zeroed_before_it_is_linked():
    run, hooks, _ = start(stores=True)
    trace = run.machine.trace
    begin = len(trace.store_log)
    hooks.map_page(run.kernel.root, SPARE, 0x10_0000, RW)
    stores = trace.store_log[begin:]
    table = entry(run, run.kernel.root, SPARE)[0] & 0xFFFF_F000
    linked = [i for i, s in enumerate(stores) if s.physical == run.kernel.root + (SPARE >> 22) * 4]
    zeroed = [i for i, s in enumerate(stores) if table <= s.physical < table + 0x1000]
    assert zeroed[0] < linked[0]
    assert all(
        run.machine.ram.load(table + 4 * i, 4) == 0 for i in range(1024) if i != SPARE >> 12 & 0x3FF
    )


def test_kv_25_a_table_can_be_made_far_above_four_mib():
    run, hooks, cpu = start()
    while hooks.pmm_alloc_frame() < 0x700_0000:
        pass
    hooks.map_page(run.kernel.root, SPARE, 0x10_0000, RW)
    assert entry(run, run.kernel.root, SPARE)[0] & 0xFFFF_F000 > 0x700_0000
    cpu.store(SPARE, 4, 7)
    assert run.machine.ram.load(0x10_0000, 4) == 7


def test_kv_25_without_a_frame_for_a_table_nothing_is_mapped():
    run, hooks, _ = start("pc4")
    while hooks.pmm_alloc_frame() is not None:
        pass
    with pytest.raises(MapError) as refused:
        hooks.map_page(run.kernel.root, SPARE, 0x10_0000, RW)
    assert refused.value.reason == "FRAME_ALLOCATION_FAILED"
    assert entry(run, run.kernel.root, SPARE) == (0, 0)


def test_kv_26_a_user_program_cannot_read_the_kernel():
    run, _, cpu = start()
    with pytest.raises(MachineStopped), cpu.user():
        cpu.load(run.machine.boot_info.kernel.start, 4)
    fault = next(e for e in run.machine.trace.events if e.kind == "fault")
    wanted = PageFaultErrorCode.PROTECTION_VIOLATION | PageFaultErrorCode.USER_MODE
    assert fault.fields["error_code"] == wanted


def test_kv_26_an_unmapped_page_faults_at_once_although_it_was_used_before():
    run, hooks, cpu = start()
    frame = hooks.pmm_alloc_frame()
    hooks.map_page(run.kernel.root, SPARE, frame, RW)
    cpu.store(SPARE, 4, 1)
    assert hooks.unmap_page(run.kernel.root, SPARE) == frame
    with pytest.raises(MachineStopped):
        cpu.load(SPARE, 4)


def test_kv_26_a_page_made_read_only_refuses_the_next_write():
    run, hooks, cpu = start()
    hooks.map_page(run.kernel.root, SPARE, hooks.pmm_alloc_frame(), RW)
    cpu.store(SPARE, 4, 1)
    hooks.protect_page(run.kernel.root, SPARE, PRESENT)
    assert cpu.load(SPARE, 4) == 1
    with pytest.raises(MachineStopped):
        cpu.store(SPARE, 4, 2)


def test_kv_26_unmapping_clears_the_entry_before_it_drops_the_translation():
    run, hooks, cpu = start(stores=True)
    hooks.map_page(run.kernel.root, SPARE, hooks.pmm_alloc_frame(), RW)
    cpu.load(SPARE, 4)
    hooks.unmap_page(run.kernel.root, SPARE)
    dropped = next(e for e in run.machine.trace.events if e.fields.get("operation") == "invlpg")
    cleared = run.machine.trace.store_log[-1]
    assert cleared.before_event <= dropped.number
    assert dropped.fields["address"] == SPARE


def test_user_access_needs_the_flag_at_both_levels():
    run, hooks, cpu = start()
    root = run.kernel.root
    hooks.map_page(root, SPARE, hooks.pmm_alloc_frame(), RW)
    hooks.map_page(root, SPARE + 0x1000, hooks.pmm_alloc_frame(), RW | USER)
    assert not hooks.translate(root, SPARE).flags & USER
    assert hooks.translate(root, SPARE + 0x1000).flags & USER
    with cpu.user():
        cpu.store(SPARE + 0x1000, 4, 5)


def test_translate_reports_only_rights_that_both_levels_give():
    run, hooks, _ = start()
    root, ram = run.kernel.root, run.machine.ram
    hooks.map_page(root, SPARE, hooks.pmm_alloc_frame(), RW | USER)
    assert hooks.translate(root, SPARE).flags == RW | USER
    above = root + (SPARE >> 22) * 4
    ram.store(above, 4, ram.load(above, 4) & ~int(WRITABLE | USER))
    assert hooks.translate(root, SPARE).flags == PRESENT


@pytest.mark.parametrize(
    ("page", "frame", "flags", "reason"),
    [
        (SPARE + 8, 0x10_0000, RW, "MISALIGNED_FRAME"),
        (SPARE, 0x10_0010, RW, "MISALIGNED_FRAME"),
        (1 << 32, 0x10_0000, RW, "NON_CANONICAL"),
        (SPARE, 1 << 32, RW, "NON_CANONICAL"),
        (SPARE, 0x10_0000, RW | PageTableFlags.HUGE_PAGE, "UNSUPPORTED_PAGE_SIZE"),
        (0x20_0000, 0x20_0000, RW, "ALREADY_MAPPED"),
    ],
)
@pytest.mark.parametrize("machine", ["pc128", "pc-nasty"])
def test_a_mapping_that_makes_no_sense_is_refused(machine, page, frame, flags, reason):
    run, hooks, _ = start(machine)
    free = hooks.pmm_stats().free
    with pytest.raises(MapError) as refused:
        hooks.map_page(run.kernel.root, page, frame, flags)
    assert refused.value.reason == reason
    assert hooks.pmm_stats().free == free


def test_no_execute_has_no_place_in_a_32_bit_entry():
    run, hooks, _ = start()
    hooks.map_page(run.kernel.root, SPARE, 0x10_0000, RW | PageTableFlags.NO_EXECUTE)
    assert entry(run, run.kernel.root, SPARE)[1] == 0x10_0000 | int(RW)


def test_what_is_not_mapped_can_be_neither_unmapped_nor_protected_nor_translated():
    run, hooks, _ = start()
    with pytest.raises(UnmapError):
        hooks.unmap_page(run.kernel.root, SPARE)
    with pytest.raises(UnmapError):
        hooks.unmap_page(run.kernel.root, SPARE + 1)
    with pytest.raises(MapError):
        hooks.protect_page(run.kernel.root, SPARE, RW)
    with pytest.raises(NotMapped):
        hooks.translate(run.kernel.root, SPARE)
    with pytest.raises(NotMapped):
        hooks.translate(run.kernel.root, 1 << 32)


def test_a_large_page_is_named_when_it_is_in_the_way():
    run, hooks, _ = start("pc-nasty")
    large = 8 << 20
    assert hooks.translate(run.kernel.root, large).size == 4 << 20
    with pytest.raises(UnmapError) as refused:
        hooks.unmap_page(run.kernel.root, large)
    assert refused.value.reason == "HUGE_PAGE"
    with pytest.raises(MapError) as unsupported:
        hooks.protect_page(run.kernel.root, large, RW)
    assert unsupported.value.reason == "UNSUPPORTED_PAGE_SIZE"


@pytest.mark.parametrize("machine", ["pc128", "pc-nasty"])
def test_a_range_is_mapped_as_a_whole_or_not_at_all(machine):
    run, hooks, _ = start(machine)
    root, taken = run.kernel.root, SPARE + 0x80_1000
    hooks.map_page(root, taken, 0x10_0000, RW)
    pages = AddrRange(SPARE, taken + 0x2000)
    with pytest.raises(MapError):
        hooks.map_range(root, pages, 0x40_0000, RW)
    for page in (SPARE, SPARE + 0x40_0000, SPARE + 0x80_0000, taken + 0x1000):
        with pytest.raises(NotMapped):
            hooks.translate(root, page)
    hooks.map_range(root, AddrRange(SPARE, taken), 0x40_0000, RW)
    assert hooks.translate(root, taken - 1).physical == 0x40_0000 + 0x80_0FFF
