"""KV-1 to KV-8: the firmware's table becomes the memory descriptor table."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel_sim import KernelError, MemoryRegion, RegionKind
from kernel_sim.boot import boot
from kernel_sim.machine import FirmwareEntry, MachineSpec, machine_spec
from kernel_sim_kernel_v import memmap

AVAILABLE = RegionKind.AVAILABLE
LOW = FirmwareEntry(0, 0x9_FC00, 1)
HIGH = FirmwareEntry(0x10_0000, 0x100_0000, 1)


def machine(*entries, entry_size=24):
    return MachineSpec("test", 64 << 20, "raw", (LOW, HIGH, *entries), entry_size=entry_size)


def parse(*entries, entry_size=24):
    return boot(machine=machine(*entries, entry_size=entry_size), until="memmap").regions


def kind_at(regions, address):
    found = [r.kind for r in regions if r.base <= address < r.end]
    assert len(found) <= 1
    return found[0] if found else None


def test_kv_1_the_parser_reads_the_table_where_boot_info_says_it_is():
    run = boot(machine="pc128", until="memmap")
    info, cpu = run.machine.boot_info, run.machine.cpu
    cpu.store(info.table + 3 * 24 + 8, 8, 0x40_0000)  # the fourth entry becomes 4 MiB long
    shorter = run.kernel.hooks.parse_memory_map(info)
    assert MemoryRegion(0x10_0000, 0x40_0000, AVAILABLE, 1) in shorter


def test_kv_2_every_entry_yields_base_length_and_type():
    entries = machine_spec("pc128").entries
    regions = boot(machine="pc128", until="memmap").regions
    assert [(r.base, r.length, r.type) for r in regions] == [
        (e.base, e.length, e.type) for e in entries
    ]


def test_kv_2_entries_of_twenty_bytes_are_read_at_their_own_stride():
    regions = parse(FirmwareEntry(0x200_0000, 0x1000, 3), entry_size=20)
    assert kind_at(regions, 0x200_0FFF) is RegionKind.ACPI_RECLAIMABLE
    assert [r.base for r in regions] == [0, 0x10_0000, 0x200_0000]


def test_kv_2_a_stride_too_small_for_an_entry_is_refused():
    run = boot(machine="pc128", until="memmap")
    info = run.machine.boot_info
    narrow = type(info)(info.kind, info.table, info.count, 16, info.kernel, info.stack)
    with pytest.raises(KernelError, match="stride of 20"):
        run.kernel.hooks.parse_memory_map(narrow)


def test_kv_3_the_allocator_gets_the_exported_table():
    run = boot(machine="pc128", until="pmm")
    assert run.kernel.regions == run.regions
    assert run.kernel.hooks.pmm_stats().total == 32_639


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (0, RegionKind.RESERVED),
        (1, RegionKind.AVAILABLE),
        (2, RegionKind.RESERVED),
        (3, RegionKind.ACPI_RECLAIMABLE),
        (4, RegionKind.ACPI_NVS),
        (5, RegionKind.UNUSABLE),
        (6, RegionKind.RESERVED),
        (7, RegionKind.PERSISTENT),
        (12, RegionKind.PERSISTENT),
        (0xEFFF_FFFF, RegionKind.RESERVED),
        (0xFFFF_FFFF, RegionKind.RESERVED),
    ],
)
def test_kv_4_type_numbers_are_classified_and_unknown_ones_are_not_available(number, kind):
    assert kind_at(parse(FirmwareEntry(0x200_0000, 0x1000, number)), 0x200_0000) is kind


def test_kv_5_each_region_is_shown_with_base_length_and_type():
    run = boot(machine="pc128", until="memmap")
    screen = "\n".join(run.machine.vga.lines())
    words = ["Available", "Reserved", "Reserved", "Available", "Reserved", "Reserved"]
    for region, word in zip(run.regions, words, strict=True):
        numbers = (f"{region.base:016x},", f"{region.length:016x},")
        assert any(all(n in s for n in numbers) and word in s for s in screen.split("\n"))


def test_kv_5_a_described_region_fits_one_row_of_the_screen():
    widest = MemoryRegion((1 << 64) - 2, 1, RegionKind.ACPI_RECLAIMABLE, 3)
    run = boot(machine="pc128", until="memmap")
    line = run.kernel.hooks.describe_region(widest)
    assert len(line) <= 80
    assert "0xfffffffffffffffe" in line


def test_kv_6_bases_and_lengths_beyond_four_gib_keep_all_their_bits():
    regions = parse(FirmwareEntry(0x1_2345_6000, 0x1_0000_1000, 2))
    assert MemoryRegion(0x1_2345_6000, 0x1_0000_1000, RegionKind.RESERVED, 2) in regions


def test_kv_6_an_entry_that_wraps_is_cut_at_the_end_of_the_address_space():
    regions = parse(FirmwareEntry((1 << 64) - 0x1000, 0x20_0000, 2))
    assert regions[-1].end == 1 << 64
    assert kind_at(regions, 0) is AVAILABLE


def test_kv_6_an_entry_without_length_yields_no_region():
    assert parse(FirmwareEntry(0x50_0000, 0, 2)) == parse()


def test_kv_6_an_entry_that_the_firmware_disabled_is_ignored():
    assert parse(FirmwareEntry(0x50_0000, 0x1000, 2, attributes=0)) == parse()


entries_in_16_mib = st.lists(
    st.builds(
        FirmwareEntry,
        st.integers(0x10_0000, 0x100_0000),
        st.integers(0, 0x40_0000),
        st.integers(0, 7),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(entries_in_16_mib)
def test_kv_7_regions_are_sorted_disjoint_and_the_strictest_kind_wins(entries):
    everything = [LOW, HIGH, *entries]
    spec = MachineSpec("test", 64 << 20, "raw", tuple(reversed(everything)))
    if spec.bootable():
        return
    regions = boot(machine=spec, until="memmap").regions
    ends = [0, *(r.end for r in regions)]
    assert all(end <= r.base for end, r in zip(ends, regions, strict=False))
    edges = {e.base for e in everything} | {e.end - 1 for e in everything if e.length}
    for address in edges | {edge - 1 for edge in edges if edge}:
        kinds = [
            memmap.KINDS.get(e.type, RegionKind.RESERVED)
            for e in everything
            if e.base <= address < e.end
        ]
        assert kind_at(regions, address) is (max(kinds) if kinds else None)


def test_kv_7_touching_regions_of_one_kind_are_joined_and_others_are_not():
    regions = parse(
        FirmwareEntry(0x110_0000, 0x1000, 2),
        FirmwareEntry(0x110_1000, 0x1000, 2),
        FirmwareEntry(0x110_2000, 0x1000, 3),
    )
    assert [(r.base, r.length) for r in regions[-2:]] == [
        (0x110_0000, 0x2000),
        (0x110_2000, 0x1000),
    ]


def test_kv_8_a_flood_of_entries_fits_the_table_and_frees_nothing_restricted():
    holes = [FirmwareEntry(0x10_0000 + 0x4000 * n, 0x1000, 2) for n in range(900)]
    regions = parse(*holes)
    assert len(regions) == memmap.CAPACITY
    free = [r for r in regions if r.kind is AVAILABLE]
    assert not any(r.base < hole.end and hole.base < r.end for r in free for hole in holes)
    assert max(r.length for r in regions) == 0x100_0000 - 899 * 0x4000 - 0x1000


def test_kv_8_an_efi_map_of_250_entries_loses_no_memory():
    parts = [FirmwareEntry(0x10_0000 + 0x4000 * n, 0x1000, 2) for n in range(250)]
    regions = parse(*parts)
    available = sum(r.length for r in regions if r.kind is AVAILABLE)
    assert available == LOW.length + HIGH.length - 250 * 0x1000
