"""Memory map: UEFI's descriptors become the memory descriptor table (TH-7, TH-15).

::

    offset  0      4      8                16               24      32          40 ... stride
            | type | pad  | physical start | virtual start  | pages | attribute |

The stride is what the firmware says, usually 48: it may add fields (TH-U1). Only conventional
memory is available. What the loader and boot services held could be, but is left alone.

References: UEFI 2.10, 7.2.3.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, U64_LIMIT
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import BootInfo, MemoryRegion, RegionKind, SelfTestResult
from kernel_sim_bulldog.memmap import disjoint

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

DESCRIPTOR_BYTES: Final = 40
CONVENTIONAL: Final = 7
KINDS: Final = {
    CONVENTIONAL: RegionKind.AVAILABLE,
    8: RegionKind.UNUSABLE,
    9: RegionKind.ACPI_RECLAIMABLE,
    10: RegionKind.ACPI_NVS,
    14: RegionKind.PERSISTENT,
}
WORDS: Final = (
    "Reserved",
    "LoaderCode",
    "LoaderData",
    "BootServicesCode",
    "BootServicesData",
    "RuntimeServicesCode",
    "RuntimeServicesData",
    "Conventional",
    "Unusable",
    "ACPIReclaim",
    "ACPINVS",
    "MMIO",
    "MMIOPortSpace",
    "PalCode",
    "Persistent",
    "Unaccepted",
)

needs = Needs(firmware="uefi")


@hookimpl
def parse_memory_map(kernel: "Kernel", boot_info: BootInfo) -> list[MemoryRegion]:
    """The descriptor table: sorted, disjoint, the most restrictive kind where regions overlap.

    Raises:
        KernelError: the stride is too small for a descriptor.
    """
    if boot_info.entry_size < DESCRIPTOR_BYTES:
        raise KernelError(boot_info.entry_size, expected=f"{DESCRIPTOR_BYTES} bytes or more")
    regions = disjoint(_described(kernel, boot_info))
    kernel.log("memory_map", entries=boot_info.count, regions=len(regions))
    return regions


@hookimpl
def describe_region(kernel: "Kernel", region: MemoryRegion) -> str:  # noqa: ARG001 - the hook's signature
    """One boot line of at most 78 columns: 64-bit base and length in hexadecimal, UEFI's word."""
    word = WORDS[region.type] if region.type < len(WORDS) else f"type {region.type:#x}"
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, {word}"


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The table is sorted and disjoint, and the kernel's image is no free memory."""
    regions, image = kernel.regions, kernel.boot_info.kernel
    ordered = all(a.end <= b.base for a, b in pairwise(regions))
    usable = [item for item in regions if item.kind is RegionKind.AVAILABLE]
    clear = not any(item.range.overlaps(image) for item in usable)
    size = sum(item.length for item in usable)
    detail = f"{len(regions)} regions, {size:#x} bytes conventional"
    return SelfTestResult("memmap", passed=ordered and clear and size > 0, detail=detail)


def _described(kernel: "Kernel", boot_info: BootInfo) -> Iterator[MemoryRegion]:
    """The descriptors that describe at least one page, as regions; cut at 2^64."""
    for index in range(boot_info.count):
        address = boot_info.table + index * boot_info.entry_size
        number = kernel.cpu.load(address, 4)
        base, pages = kernel.cpu.load(address + 8, 8), kernel.cpu.load(address + 24, 8)
        length = min(pages * PAGE_SIZE, U64_LIMIT - base)
        kernel.log("memory_map_entry", base=base, length=length, type=number)
        if length:
            kind = KINDS.get(number, RegionKind.RESERVED)
            yield MemoryRegion(base, length, kind, number)
