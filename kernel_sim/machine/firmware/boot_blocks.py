"""Writes what a kernel is told when it starts in long mode: a memory map and the block before it.

::

    info + 0x000   the handoff block (`uefi`) or the boot information block (`bootinfo`)
         + 0x200   the memory map
"""

from kernel_sim.machine.devices.framebuffer import Mode, framebuffer_range
from kernel_sim.machine.firmware.bootinfo import BootBlock, boot_regions, encode_regions
from kernel_sim.machine.firmware.carving import pieces
from kernel_sim.machine.firmware.long_mode_placement import (
    KERNEL_VIRTUAL_BASE,
    TABLES_OFFSET,
    LongModePlacement,
)
from kernel_sim.machine.firmware.uefi import (
    HANDOFF_BYTES,
    HANDOFF_VERSION,
    Handoff,
    UefiType,
    encode_descriptors,
)
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec
from kernel_sim.values import AddrRange


def handed_over_descriptors(spec: MachineSpec, placement: LongModePlacement) -> list[FirmwareEntry]:
    """The UEFI map when boot services end: conventional memory less what the loader took.

    The image is LOADER_CODE, heap and blocks are LOADER_DATA, stacks and page tables
    BOOT_SERVICES_DATA, ACPI tables ACPI_RECLAIM.
    """
    types = {
        placement.image.start: UefiType.LOADER_CODE,
        placement.info.start: UefiType.LOADER_DATA,
        placement.temp_heap.start: UefiType.LOADER_DATA,
        placement.acpi.start: UefiType.ACPI_RECLAIM,
    }
    result = []
    for item in spec.descriptors:
        if item.type != UefiType.CONVENTIONAL:
            result.append(item)
            continue
        for piece, owner in pieces(AddrRange(item.base, item.end), placement.used()):
            kind = UefiType.CONVENTIONAL
            if owner:
                kind = types.get(owner.start, UefiType.BOOT_SERVICES_DATA)
            result.append(FirmwareEntry(piece.start, piece.length, kind, item.attributes))
    return result


def write_handoff(ram: Ram, spec: MachineSpec, placement: LongModePlacement, rsdp: int) -> int:
    """Write the UEFI map and the handoff block; the number of descriptors."""
    descriptors = handed_over_descriptors(spec, placement)
    raw = encode_descriptors(descriptors, spec.descriptor_size)
    memory_map = placement.info.start + TABLES_OFFSET
    ram.write(memory_map, raw)
    framebuffer, mode = _framebuffer(spec)
    handoff = Handoff(
        size=HANDOFF_BYTES,
        version=HANDOFF_VERSION,
        memory_map=memory_map,
        memory_map_size=len(raw),
        descriptor_size=spec.descriptor_size,
        descriptor_version=1,
        memory_map_entries=len(descriptors),
        framebuffer=framebuffer.start,
        framebuffer_size=framebuffer.length,
        width=mode.width,
        height=mode.height,
        stride=mode.width,
        bytes_per_pixel=mode.bytes_per_pixel,
        temp_heap_base=placement.temp_heap.start,
        temp_heap_size=placement.temp_heap.length,
        kernel_physical_base=placement.image.start,
        kernel_size=placement.image.length,
        kernel_virtual_base=KERNEL_VIRTUAL_BASE,
        kernel_virtual_entry=KERNEL_VIRTUAL_BASE,
        boot_services_exited=1,
        cpu_count=spec.cpu_count,
        rsdp=rsdp,
        stack_base=placement.stacks[0].start,
        stack_size=placement.stacks[0].length,
    )
    ram.write(placement.info.start, handoff.encode())
    return len(descriptors)


def write_boot_block(ram: Ram, spec: MachineSpec, placement: LongModePlacement, rsdp: int) -> int:
    """Write the boot loader's region list and its block; the number of regions."""
    uefi = bool(spec.descriptors)
    source = spec.descriptors if uefi else spec.entries
    regions = boot_regions(source, placement.used(), uefi=uefi)
    ram.write(placement.info.start + TABLES_OFFSET, encode_regions(regions))
    framebuffer, mode = _framebuffer(spec)
    block = BootBlock(
        regions=spec.physical_memory_offset + placement.info.start + TABLES_OFFSET,
        region_count=len(regions),
        physical_memory_offset=spec.physical_memory_offset,
        framebuffer=framebuffer.start,
        framebuffer_size=framebuffer.length,
        width=mode.width,
        height=mode.height,
        stride=mode.width,
        bytes_per_pixel=mode.bytes_per_pixel,
        rsdp=rsdp,
        kernel_addr=placement.image.start,
        kernel_len=placement.image.length,
        kernel_image_offset=KERNEL_VIRTUAL_BASE,
    )
    ram.write(placement.info.start, block.encode())
    return len(regions)


def _framebuffer(spec: MachineSpec) -> tuple[AddrRange, Mode]:
    """Where the framebuffer lies and its mode; an empty range and mode if there is none."""
    place = framebuffer_range(spec)
    return (place, Mode()) if place else (AddrRange(0, 0), Mode(0, 0, 0))
