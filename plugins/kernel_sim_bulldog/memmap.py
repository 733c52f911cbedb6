"""Memory map: the boot loader's region list becomes the memory descriptor table.

The list lies in memory, and its address is one that the kernel can use at once. A region::

    offset  0               8               16      20      24
            | start         | end           | kind  | value |     all little-endian
                              exclusive       |       the firmware's own type number
                                              0 usable
                                              1 boot loader: image, stack, page tables, this list
                                              2 unknown to UEFI rules   3 unknown to BIOS rules

Regions come in the firmware's order, whatever that is, and are not rounded to pages. Usable is one
kind alone: what the boot loader took for itself is still in use, and a type that it did not know is
left alone or, where the number is a known one, named.

References: ACPI 6.5, table 15.312 (BIOS types); UEFI 2.10, 7.2.3 (memory types).
"""

from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import BootInfo, MemoryRegion, RegionKind, SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

REGION_BYTES: Final = 24
USABLE, BOOTLOADER, UNKNOWN_UEFI, UNKNOWN_BIOS = range(4)
UEFI_KINDS: Final = {
    8: RegionKind.UNUSABLE,
    9: RegionKind.ACPI_RECLAIMABLE,
    10: RegionKind.ACPI_NVS,
    14: RegionKind.PERSISTENT,
}
BIOS_KINDS: Final = {
    3: RegionKind.ACPI_RECLAIMABLE,
    4: RegionKind.ACPI_NVS,
    5: RegionKind.UNUSABLE,
    7: RegionKind.PERSISTENT,
    12: RegionKind.PERSISTENT,
}
WORDS: Final = {
    RegionKind.AVAILABLE: "Usable",
    RegionKind.ACPI_RECLAIMABLE: "ACPI Reclaimable",
    RegionKind.ACPI_NVS: "ACPI NVS",
    RegionKind.PERSISTENT: "Persistent",
    RegionKind.RESERVED: "Reserved",
    RegionKind.UNUSABLE: "Unusable",
}


needs = Needs(firmware="bootinfo")


@hookimpl
def parse_memory_map(kernel: "Kernel", boot_info: BootInfo) -> list[MemoryRegion]:
    """The descriptor table: sorted, disjoint, the most restrictive kind where regions overlap.

    Raises:
        KernelError: the stride is not that of the boot loader's regions.
    """
    if boot_info.entry_size != REGION_BYTES:
        raise KernelError(boot_info.entry_size, expected=f"a stride of {REGION_BYTES} bytes")
    listed = [
        read_region(kernel, boot_info.table + REGION_BYTES * index)
        for index in range(boot_info.count)
    ]
    regions = disjoint([item for item in listed if item.length > 0])
    kernel.log("memory_map", entries=boot_info.count, regions=len(regions))
    return regions


@hookimpl
def describe_region(kernel: "Kernel", region: MemoryRegion) -> str:  # noqa: ARG001 - the hook's signature
    """One boot line of at most 78 columns: 64-bit base and length in hexadecimal, and the kind."""
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {WORDS[region.kind]}"


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The table is sorted and disjoint, and the running kernel does not lie in usable memory."""
    regions, image = kernel.regions, kernel.boot_info.kernel
    ordered = all(a.end <= b.base for a, b in pairwise(regions))
    usable = [item for item in regions if item.kind is RegionKind.AVAILABLE]
    clear = not any(item.range.overlaps(image) for item in usable)
    size = sum(item.length for item in usable)
    detail = f"{len(regions)} regions, {size:#x} bytes usable"
    return SelfTestResult("memmap", passed=ordered and clear and size > 0, detail=detail)


def read_region(kernel: "Kernel", address: int) -> MemoryRegion:
    """The region whose 24 bytes lie at ``address``; its length is negative if its end is wrong."""
    start, end = kernel.cpu.load(address, 8), kernel.cpu.load(address + 8, 8)
    kind, value = kernel.cpu.load(address + 16, 4), kernel.cpu.load(address + 20, 4)
    kernel.log("memory_map_entry", start=start, end=end, kind=kind, value=value)
    return MemoryRegion(start, end - start, _class_of(kind, value), value)


def _class_of(kind: int, value: int) -> RegionKind:
    if kind == USABLE:
        return RegionKind.AVAILABLE
    known = {UNKNOWN_UEFI: UEFI_KINDS, UNKNOWN_BIOS: BIOS_KINDS}.get(kind, {})
    return known.get(value, RegionKind.RESERVED)


def disjoint(listed: Iterable[MemoryRegion]) -> list[MemoryRegion]:
    """``listed`` cut at every base and end; at each piece the most restrictive kind counts.

    Pieces that continue one another are joined again.
    """
    described = list(listed)
    edges = sorted({edge for item in described for edge in (item.base, item.end)})
    regions: list[MemoryRegion] = []
    for start, end in pairwise(edges):
        covering = [item for item in described if item.base <= start and end <= item.end]
        if not covering:
            continue
        strictest = max(covering, key=lambda item: (item.kind, item.type))
        last = regions[-1] if regions else None
        same = last is not None and (last.kind, last.type) == (strictest.kind, strictest.type)
        if last is not None and same and last.end == start:
            regions[-1] = MemoryRegion(last.base, end - last.base, last.kind, last.type)
        else:
            regions.append(MemoryRegion(start, end - start, strictest.kind, strictest.type))
    return regions
