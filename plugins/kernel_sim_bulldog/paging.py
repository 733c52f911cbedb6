"""Paging: an `OffsetPageTable` over the tables that the boot loader made (BD-2 to BD-7).

Bulldog builds no address space of its own. It starts in one, finds its root in CR3, and reaches any
table through the direct map: physical address plus ``physical_memory_offset``, a number that the
boot loader chose and that is different on another machine. From then on it adds pages, one of 4 KiB
at a time, in the higher half and for the kernel alone.

Adding a page needs no flush for the page itself, as absent pages are never remembered. `map_page`
flushes all the same, because an entry higher up may have been given more rights.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import (
    MapError,
    MapErrorReason,
    NotMapped,
    UnmapError,
    UnmapErrorReason,
)
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import FaultAction, MapRequest, PageFault, SelfTestResult, Translation
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_bulldog.future import not_yet
from kernel_sim_bulldog.layout import KERNEL_SPACE, LAPIC_PHYS_BASE, LAPIC_VIRT_BASE

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

EVERY_LEVEL = PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE
"""Rights that hold only where every level grants them."""


needs = Needs(mode="long mode", steps=("init_offset_page_table",))


@hookimpl
def phys_to_virt(kernel: "Kernel", physical: int) -> int:
    """Where the direct map shows ``physical``."""
    return int(kernel.boot_info.physical_memory_offset or 0) + physical


def active_level_4_table(kernel: "Kernel") -> int:
    """The virtual address of the root table: CR3 without its flags, through the direct map."""
    return phys_to_virt(kernel, kernel.cpu.cr3 & tables.FRAME_MASK)


def init_offset_page_table(kernel: "Kernel") -> int:
    """Take over the active tables; the physical address of their root.

    Raises:
        MapError: the boot loader made no direct map, or it does not lead to the root table.
    """
    offset = kernel.boot_info.physical_memory_offset
    if offset is None:
        raise MapError("no direct map", "the offset of one in the boot information")
    table = active_level_4_table(kernel)
    root = table - offset
    leaf = tables.walk(kernel, root, table)[-1]
    if not leaf.value & tables.PRESENT or leaf.frame + table % leaf.page_size != root:
        raise MapError(table, f"the direct map to lead to the root table at {root:#x}")
    kernel.log("offset_page_table", root=root, offset=offset)
    return root


@hookimpl
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """`init_offset_page_table`, and each page of ``layout`` mapped; the host asks for none."""
    root = init_offset_page_table(kernel)
    for request in layout:
        for page in range(request.virtual.start, request.virtual.end, PAGE_SIZE):
            frame = request.physical + page - request.virtual.start
            map_page(kernel, root, page, frame, request.flags)
    return root


@hookimpl
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Load CR3 unless it leads to ``root`` already: paging has been on from the start."""
    if kernel.root != root:
        kernel.cpu.cr3 = root


@hookimpl
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map one 4 KiB page; tables that are missing on the way are made, three at most."""
    _assert_mappable(page, frame, flags, lowest=lowest_page(kernel))
    table = root
    for level in (4, 3, 2):
        entry = tables.entry_of(kernel, table, level, page)
        table = tables.create_next_table(kernel, entry, page, int(flags))
    leaf = tables.entry_of(kernel, table, 1, page)
    if leaf.value & tables.PRESENT:
        raise MapError(page, "a page not mapped yet", MapErrorReason.ALREADY_MAPPED)
    value = frame | int(flags) & tables.FLAGS_MASK | tables.PRESENT
    kernel.cpu.store(leaf.address, tables.ENTRY_BYTES, value)
    kernel.cpu.invlpg(page)


@hookimpl
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Clear the entry, flush, return the frame; the tables stay, even if nothing is in them."""
    leaf = tables.walk(kernel, root, page)[-1] if tables.is_canonical(page) else None
    if leaf is None or not leaf.value & tables.PRESENT or not is_aligned(page, PAGE_SIZE):
        raise UnmapError(page, "a mapped 4 KiB page", UnmapErrorReason.NOT_MAPPED)
    if leaf.level > 1:
        raise UnmapError(page, "a mapped 4 KiB page", UnmapErrorReason.HUGE_PAGE)
    kernel.cpu.store(leaf.address, tables.ENTRY_BYTES, 0)
    kernel.cpu.invlpg(page)
    return leaf.frame


@hookimpl
def translate(kernel: "Kernel", root: int, address: int) -> Translation:
    """Walk as the processor does, without touching accessed flags; huge pages count too."""
    if not tables.is_canonical(address):
        raise NotMapped(address, "a canonical address")
    entries = tables.walk(kernel, root, address)
    leaf = entries[-1]
    if not leaf.value & tables.PRESENT:
        raise NotMapped(address, f"a present entry at level {leaf.level}")
    flags = PageTableFlags(leaf.value & tables.FLAGS_MASK)
    for entry in entries[:-1]:
        above = PageTableFlags(entry.value & tables.FLAGS_MASK)
        flags = flags & ~(EVERY_LEVEL & ~above) | above & PageTableFlags.NO_EXECUTE
    return Translation(leaf.frame + address % leaf.page_size, flags, leaf.page_size)


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction:
    """The handler of vector 14: address, error code and place on the screen, then panic (BD-U5)."""
    kernel.console.print(
        f"EXCEPTION: PAGE FAULT at {fault.address:#x}, error code {fault.error_code:#x}"
    )
    kernel.console.print(f"  ip {fault.ip:#x}, sp {fault.sp:#x}, bp {fault.bp:#x}")
    return FaultAction.PANIC


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The image is mapped where it is linked, the LAPIC where it is told, both for the kernel."""
    image = kernel.boot_info.kernel.start
    wanted = {kernel.boot_info.symbols["kernel_main"]: image, LAPIC_VIRT_BASE: LAPIC_PHYS_BASE}
    for address, physical in wanted.items():
        found = translate(kernel, kernel.root, address)
        if found.physical != physical or found.flags & PageTableFlags.USER_ACCESSIBLE:
            return SelfTestResult("paging", passed=False, detail=f"{address:#x}")
    detail = f"root {kernel.root:#x}, direct map at {phys_to_virt(kernel, 0):#x}"
    return SelfTestResult("paging", passed=True, detail=detail)


def lowest_page(kernel: "Kernel") -> int:
    """From here on pages may be mapped; the code put its heap below kernel space (BD-U3)."""
    return 0 if has_quirk(kernel, "heap_in_lower_half") else KERNEL_SPACE


def _assert_mappable(page: int, frame: int, flags: PageTableFlags, *, lowest: int) -> None:
    """Refuse what no entry can express, and what Bulldog does not do yet.

    Raises:
        MapError: misaligned, not canonical, or beyond the widest physical address.
        NotSupported: a large page, or one for user programs.
    """
    if not is_aligned(page, PAGE_SIZE) or not is_aligned(frame, PAGE_SIZE):
        raise MapError(frame, "multiples of 0x1000", MapErrorReason.MISALIGNED_FRAME)
    if not tables.is_canonical(page) or frame & ~tables.FRAME_MASK:
        raise MapError(page, "a canonical page", MapErrorReason.NON_CANONICAL)
    if flags & PageTableFlags.HUGE_PAGE:
        raise not_yet("large pages", page)
    if flags & PageTableFlags.USER_ACCESSIBLE or page < lowest:
        raise not_yet("user-mode memory", page)
