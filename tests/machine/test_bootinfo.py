import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import FirmwareEntry, Machine, machine_spec, random_spec
from kernel_sim.machine.firmware.bootinfo import (
    BOOTINFO_BYTES,
    REGION_BYTES,
    BootBlock,
    BootRegion,
    BootRegionKind,
    boot_regions,
    decode_regions,
)
from kernel_sim.values import AddrRange

USABLE, BOOTLOADER = BootRegionKind.USABLE, BootRegionKind.BOOTLOADER
BIOS, UEFI = BootRegionKind.UNKNOWN_BIOS, BootRegionKind.UNKNOWN_UEFI


def handed_over(spec):
    machine = Machine(spec)
    info = machine.power_on()
    block = BootBlock.decode(machine.cpu.read(info.handoff, BOOTINFO_BYTES))
    regions = decode_regions(machine.cpu.read(info.table, info.count * REGION_BYTES))
    return machine, block, regions


def test_usable_regions_are_split_around_what_is_in_use_and_empty_pieces_dropped():
    firmware_map = [FirmwareEntry(0x1000, 0x9000, 1), FirmwareEntry(0x2_0000, 0x1000, 2)]
    used = [AddrRange(0x1000, 0x3000), AddrRange(0x4000, 0x5000), AddrRange(0x9000, 0xA000)]
    assert boot_regions(firmware_map, used, uefi=False) == [
        BootRegion(0x1000, 0x3000, BOOTLOADER),
        BootRegion(0x3000, 0x4000, USABLE),
        BootRegion(0x4000, 0x5000, BOOTLOADER),
        BootRegion(0x5000, 0x9000, USABLE),
        BootRegion(0x9000, 0xA000, BOOTLOADER),
        BootRegion(0x2_0000, 0x2_1000, BIOS, 2),
    ]


def test_of_uefi_maps_boot_services_loader_and_runtime_memory_is_usable():
    firmware_map = [FirmwareEntry(kind << 12, 0x1000, kind) for kind in range(16)]
    regions = boot_regions(firmware_map, [], uefi=True)
    assert [r.value for r in regions if r.kind == UEFI] == [0, 8, 9, 10, 11, 12, 13, 14, 15]
    assert [r.start >> 12 for r in regions if r.kind == USABLE] == [1, 2, 3, 4, 5, 6, 7]


def test_edges_that_are_not_page_aligned_stay_as_they_are():
    _, _, regions = handed_over(machine_spec("boot512"))
    assert regions[0] == BootRegion(0, 0x9_FC00, USABLE)
    assert [r.start for r in regions if r.start % 4096] == [0x9_FC00, 0xF10_0800]


def test_the_order_is_the_firmwares():
    for name in ("boot512", "boot512-shuffled"):
        spec = machine_spec(name)
        _, _, regions = handed_over(spec)
        starts = [region.start for region in regions]
        assert [s for s in starts if s in {e.base for e in spec.entries}] == [
            entry.base for entry in spec.entries
        ]
    assert starts != sorted(starts)


def test_the_shuffled_machine_holds_the_same_memory():
    plain, shuffled = (handed_over(machine_spec(n))[2] for n in ("boot512", "boot512-shuffled"))
    assert plain != shuffled
    assert sorted(plain, key=lambda r: r.start) == sorted(shuffled, key=lambda r: r.start)


@pytest.mark.parametrize("seed", range(30))
def test_the_bootloaders_own_memory_is_never_called_usable(seed):
    machine, block, regions = handed_over(random_spec(seed, "bootinfo"))
    info, offset = machine.boot_info, machine.boot_info.physical_memory_offset
    for address in (
        info.kernel.start,
        info.kernel.end - 1,
        info.stack.start,
        info.stack.end - 1,
        machine.cpu.cr3,
        info.table - offset,
        info.handoff - offset,
    ):
        (kind,) = [r.kind for r in regions if r.start <= address < r.end]
        assert kind == BOOTLOADER
    assert all(r.start >= 0x10_0000 for r in regions if r.kind == BOOTLOADER)
    assert all(r.start < r.end for r in regions)
    assert (block.kernel_addr, block.kernel_len) == (info.kernel.start, info.kernel.length)


def test_the_block_names_the_offset_the_regions_and_the_framebuffer():
    machine, block, regions = handed_over(machine_spec("boot512"))
    assert block.physical_memory_offset == machine.boot_info.physical_memory_offset
    assert (block.regions, block.region_count) == (machine.boot_info.table, len(regions))
    assert block.framebuffer == 0x8000_0000
    assert block.framebuffer_size == 640 * 480 * 4
    assert block.kernel_image_offset == machine.cpu.ip


def test_a_boot_loader_that_uefi_started_names_uefis_types():
    _, _, regions = handed_over(machine_spec("ovmf256", firmware="bootinfo"))
    assert {r.value for r in regions if r.kind == UEFI} == {0, 9, 10, 11}
    assert not [r for r in regions if r.kind == BIOS]


def test_a_region_up_to_the_end_of_addresses_can_be_listed():
    (region,) = boot_regions([FirmwareEntry((1 << 64) - 0x4000, 0x8000, 2)], [], uefi=False)
    assert (region.start, region.end) == ((1 << 64) - 0x4000, (1 << 64) - 0x1000)


def test_short_boot_information_is_refused():
    with pytest.raises(InputError, match="of 2 bytes"):
        BootBlock.decode(b"ab")
