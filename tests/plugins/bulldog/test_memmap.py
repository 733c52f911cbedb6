"""BD-U6: the boot loader's region list, and what of it may be used."""

import random
from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import KernelError
from kernel_sim.machine import FirmwareEntry, machine_spec, random_spec
from kernel_sim.machine.control_bits import CR0_WP, EFER_NXE
from kernel_sim.machine.firmware.bootinfo import BootRegion, BootRegionKind, encode_regions
from kernel_sim.values import AddrRange, RegionKind

MIB = 1 << 20


def parsed(*regions):
    """What the parser makes of a list that is put in the place of the boot loader's."""
    booted = boot("bulldog", until="memmap")
    table = booted.machine.boot_info.table
    booted.machine.cpu.write(table, encode_regions(regions))
    info = replace(booted.kernel.boot_info, count=len(regions))
    return [(r.base, r.end, r.kind.name) for r in booted.call("parse_memory_map", info)]


def region(start, end, kind=BootRegionKind.USABLE, value=0):
    return BootRegion(start, end, kind, value)


def test_bd_u6_usable_is_available_and_what_the_boot_loader_holds_is_not():
    assert parsed(
        region(0, MIB), region(MIB, 2 * MIB, BootRegionKind.BOOTLOADER), region(2 * MIB, 3 * MIB)
    ) == [(0, MIB, "AVAILABLE"), (MIB, 2 * MIB, "RESERVED"), (2 * MIB, 3 * MIB, "AVAILABLE")]


@pytest.mark.parametrize(
    ("kind", "value", "name"),
    [
        (BootRegionKind.UNKNOWN_BIOS, 2, "RESERVED"),
        (BootRegionKind.UNKNOWN_BIOS, 3, "ACPI_RECLAIMABLE"),
        (BootRegionKind.UNKNOWN_BIOS, 4, "ACPI_NVS"),
        (BootRegionKind.UNKNOWN_BIOS, 5, "UNUSABLE"),
        (BootRegionKind.UNKNOWN_BIOS, 12, "PERSISTENT"),
        (BootRegionKind.UNKNOWN_BIOS, 1, "RESERVED"),
        (BootRegionKind.UNKNOWN_UEFI, 8, "UNUSABLE"),
        (BootRegionKind.UNKNOWN_UEFI, 9, "ACPI_RECLAIMABLE"),
        (BootRegionKind.UNKNOWN_UEFI, 10, "ACPI_NVS"),
        (BootRegionKind.UNKNOWN_UEFI, 14, "PERSISTENT"),
        (BootRegionKind.UNKNOWN_UEFI, 11, "RESERVED"),
        (77, 0, "RESERVED"),
    ],
)
def test_bd_u6_a_type_that_the_boot_loader_did_not_know_is_named_and_never_used(kind, value, name):
    assert parsed(region(0, MIB, kind, value)) == [(0, MIB, name)]


def test_bd_u6_the_order_of_the_list_is_the_firmwares_and_does_not_matter():
    regions = [
        region(number * MIB, (number + 1) * MIB, BootRegionKind(number % 2)) for number in range(8)
    ]
    shuffled = regions[:]
    random.Random(1).shuffle(shuffled)
    assert shuffled != regions
    assert parsed(*shuffled) == parsed(*regions)
    assert parsed(*regions)[0] == (0, MIB, "AVAILABLE")


def test_bd_u6_where_regions_overlap_the_strictest_counts_and_holes_stay_holes():
    assert parsed(
        region(0, 4 * MIB),
        region(MIB, 2 * MIB, BootRegionKind.UNKNOWN_BIOS, 2),
        region(5 * MIB, 5 * MIB),
        region(6 * MIB, 7 * MIB),
    ) == [
        (0, MIB, "AVAILABLE"),
        (MIB, 2 * MIB, "RESERVED"),
        (2 * MIB, 4 * MIB, "AVAILABLE"),
        (6 * MIB, 7 * MIB, "AVAILABLE"),
    ]


def test_bd_u6_a_stride_of_another_boot_loader_is_refused():
    booted = boot("bulldog", until="memmap")
    with pytest.raises(KernelError, match="a stride of 24 bytes"):
        booted.call("parse_memory_map", replace(booted.kernel.boot_info, entry_size=32))


@pytest.mark.parametrize("seed", range(6))
def test_bd_u6_the_table_says_of_every_byte_what_the_list_says(seed):
    booted = boot("bulldog", random_spec(seed, firmware="bootinfo"), until="memmap")
    info = booted.machine.boot_info
    tables = AddrRange(info.symbols["page_tables"], info.symbols["page_tables_end"])
    used = [info.kernel, info.stack, tables]
    usable = [item.range for item in booted.regions if item.kind is RegionKind.AVAILABLE]
    assert usable
    assert not any(item.overlaps(held) for item in usable for held in used)
    entries = [e for e in booted.machine.spec.entries if e.length]
    for item in usable:
        for byte in (item.start, item.end - 1):
            kinds = [entry.type for entry in entries if entry.base <= byte < entry.end]
            assert kinds == [1]


def test_bd_u6_every_region_is_shown_on_the_screen():
    booted = boot("bulldog", until="memmap")
    screen = "\n".join(booted.transcript)
    assert "Bootloader provided 14 entries" in screen
    for item in booted.regions:
        line = f"Base: {item.base:#018x}, Length: {item.length:#018x}"
        assert line in screen
    assert screen.count("Type: Usable") == 3


def test_bd_u6_the_boot_loader_sets_no_execute_write_protect_and_a_guard_below_the_stack():
    booted = boot("bulldog", until="console")
    cpu, symbols = booted.machine.cpu, booted.machine.boot_info.symbols
    assert cpu.efer & EFER_NXE
    assert cpu.cr0 & CR0_WP
    assert symbols["stack_top"] - symbols["stack_bottom"] == 100 * 1024
    assert len(cpu.mmu.walk_path(symbols["guard_page"])) == 4
    assert not cpu.mmu.walk_path(symbols["guard_page"])[-1].entry & 1


def test_bd_u2_no_frame_is_taken_from_what_is_not_usable_whatever_the_map():
    reserved = FirmwareEntry(0x30_0000, 0x80_0000, 2)
    entries = (FirmwareEntry(0x10_0000, 0x180_0000, 1), reserved)
    spec = replace(machine_spec("boot512"), name="islands", entries=entries)
    booted = boot("bulldog", spec)
    assert booted.ok, booted.oops
    frames = []
    while (frame := booted.call("pmm_alloc_frame")) is not None:
        frames.append(frame)
    assert frames
    assert not any(reserved.base <= frame < reserved.end for frame in frames)
    assert min(booted.first_frames) >= 0x10_0000
