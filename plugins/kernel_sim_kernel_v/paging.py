"""Paging: the kernel's address space in 32-bit two-level tables (KV-19 to KV-26).

Tables are frames of the allocator, and all of them lie below ``physical_limit``, which the layout
maps one to one. So the same address reaches a table before CR0.PG is set and afterwards, and
`phys_to_virt` can be the identity. How an entry looks is drawn in `page_tables`.

A TLB entry outlives the table entry it was made from. Every change that takes something away ends
in the same order: write the entry, INVLPG, and only then may the frame get a new owner. Adding a
page needs no INVLPG, since the processor never remembers that a page was absent (SDM 4.10.4.3).
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import LARGE_PAGE_SIZE_32, PAGE_SIZE, is_aligned
from kernel_sim.errors import MapError, MapErrorReason, NotMapped, UnmapError, UnmapErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    FaultAction,
    MapRequest,
    PageFault,
    SelfTestResult,
    Translation,
)
from kernel_sim_kernel_v import page_tables as tables
from kernel_sim_kernel_v.fault_words import fault_lines

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

CR0_PE: Final = 1 << 0
CR0_PG: Final = 1 << 31
BOTH_LEVELS: Final = PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE
"""Rights that hold only if the directory entry and the table entry both give them."""
KEPT: Final = int(PageTableFlags.ACCESSED | PageTableFlags.DIRTY)


needs = Needs(mode="32-bit mode")


@hookimpl
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """Build the tables for ``layout`` while paging is off; the directory's physical address.

    Page 0 is left out whatever the layout says: the kernel keeps nothing there, NULL faults.
    """
    root = tables.new_table(kernel)
    try:
        for request in layout:
            kept = request.virtual.start or has_quirk(kernel, "null_page_mapped")
            skipped = 0 if kept else PAGE_SIZE
            pages = AddrRange(request.virtual.start + skipped, request.virtual.end)
            map_range(kernel, root, pages, request.physical + skipped, request.flags)
            kernel.log("paging_layout", name=request.name, start=pages.start, end=pages.end)
    except MapError:
        tables.release_tables(kernel, root)
        raise
    return root


@hookimpl
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Say where the tables are, then turn paging on: the next fetch is translated already."""
    kernel.cpu.cr3 = root
    kernel.cpu.cr0 |= CR0_PG | CR0_PE
    kernel.log("paging_enabled", root=root)


@hookimpl
def phys_to_virt(kernel: "Kernel", physical: int) -> int:  # noqa: ARG001 - the hook's signature
    """The identity: all memory below ``physical_limit`` is mapped one to one."""
    return physical


@hookimpl
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map one page to one frame."""
    _assert_mappable(AddrRange(page, page + PAGE_SIZE), frame, flags)
    tables.map_run(kernel, root, tables.PageRun(page, 1, frame), int(flags) & tables.FLAGS_MASK)


@hookimpl
def map_range(
    kernel: "Kernel", root: int, pages: AddrRange, physical: int, flags: PageTableFlags
) -> None:
    """Map adjacent pages to adjacent frames, by 4 MiB pages where they fit; all of them or none."""
    _assert_mappable(pages, physical, flags)
    page = pages.start
    try:
        while page < pages.end:
            end = min(pages.end, tables.span_end(page))
            frame, count = physical + page - pages.start, (end - page) // PAGE_SIZE
            run = tables.PageRun(page, count, frame)
            tables.map_run(kernel, root, run, int(flags) & tables.FLAGS_MASK)
            page = end
    except MapError:
        tables.clear_range(kernel, root, AddrRange(pages.start, page))
        raise


@hookimpl
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Clear the entry, forget the translation, return the frame."""
    address, entry = _leaf(kernel, root, page)
    if address is None:
        large = bool(entry & tables.PRESENT)
        reason = UnmapErrorReason.HUGE_PAGE if large else UnmapErrorReason.NOT_MAPPED
        raise UnmapError(page, "a mapped 4 KiB page", reason)
    kernel.cpu.store(address, tables.ENTRY_BYTES, 0)
    kernel.cpu.invlpg(page)
    return entry & tables.FRAME_MASK


@hookimpl
def protect_page(kernel: "Kernel", root: int, page: int, flags: PageTableFlags) -> None:
    """Give a mapped page new flags; the processor's own accessed and dirty bits stay."""
    address, entry = _leaf(kernel, root, page)
    if address is None:
        large = bool(entry & tables.PRESENT)
        reason = MapErrorReason.UNSUPPORTED_PAGE_SIZE if large else MapErrorReason.NOT_MAPPED
        raise MapError(page, "a mapped 4 KiB page", reason)
    new = entry & (tables.FRAME_MASK | KEPT) | int(flags) & tables.FLAGS_MASK | tables.PRESENT
    tables.ensure_table(kernel, root, page, int(flags))
    kernel.cpu.store(address, tables.ENTRY_BYTES, new)
    kernel.cpu.invlpg(page)


@hookimpl
def translate(kernel: "Kernel", root: int, address: int) -> Translation:
    """Walk both levels as the processor does, without touching the accessed bits."""
    if not 0 <= address < tables.ADDRESS_LIMIT:
        raise NotMapped(address, "a 32-bit address")
    directory_entry = kernel.cpu.load(tables.directory_entry_address(kernel, root, address), 4)
    if not directory_entry & tables.PRESENT:
        raise NotMapped(address, "a present directory entry")
    if tables.is_large(kernel, directory_entry):
        physical = directory_entry & tables.LARGE_FRAME_MASK | address & ~tables.LARGE_FRAME_MASK
        flags = PageTableFlags(directory_entry & tables.FLAGS_MASK)
        return Translation(physical, flags, LARGE_PAGE_SIZE_32)
    entry = kernel.cpu.load(tables.table_entry_address(kernel, directory_entry, address), 4)
    if not entry & tables.PRESENT:
        raise NotMapped(address, "a present table entry")
    own = PageTableFlags(entry & tables.FLAGS_MASK & ~tables.LARGE)
    missing_above = BOTH_LEVELS & ~PageTableFlags(directory_entry & tables.FLAGS_MASK)
    physical = entry & tables.FRAME_MASK | address & ~tables.FRAME_MASK
    return Translation(physical, own & ~missing_above, PAGE_SIZE)


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction | None:
    """The stub behind vector 14: report in words, and leave the decision to others (KV-24)."""
    for line in fault_lines(fault):
        kernel.console.print(line)
    return None


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The kernel runs where it did before, and no user program can see it (KV-20, KV-26)."""
    parts = {"image": kernel.boot_info.kernel, "stack": kernel.boot_info.stack}
    for name, part in parts.items():
        for address in (part.start, part.end - 1):
            found = translate(kernel, kernel.root, address)
            if found.physical != address or found.flags & PageTableFlags.USER_ACCESSIBLE:
                return SelfTestResult("paging", passed=False, detail=f"{name} at {address:#x}")
    return SelfTestResult("paging", passed=True, detail="image and stack mapped one to one")


def _leaf(kernel: "Kernel", root: int, page: int) -> tuple[int | None, int]:
    """Where the present table entry of ``page`` is, and the entry; no address if there is none.

    Without an address the entry is 0, or that of the 4 MiB page in the way.
    """
    if not 0 <= page < tables.ADDRESS_LIMIT or not is_aligned(page, PAGE_SIZE):
        return None, 0
    above = kernel.cpu.load(tables.directory_entry_address(kernel, root, page), 4)
    if not above & tables.PRESENT or tables.is_large(kernel, above):
        return None, above if above & tables.PRESENT else 0
    address = tables.table_entry_address(kernel, above, page)
    entry = kernel.cpu.load(address, tables.ENTRY_BYTES)
    return (address, entry) if entry & tables.PRESENT else (None, 0)


def _assert_mappable(pages: AddrRange, physical: int, flags: PageTableFlags) -> None:
    """Refuse what no entry can express.

    Raises:
        MapError: misaligned, beyond 4 GiB, or flagged as a large page.
    """
    if not all(is_aligned(a, PAGE_SIZE) for a in (pages.start, pages.end, physical)):
        raise MapError(physical, "multiples of 0x1000", MapErrorReason.MISALIGNED_FRAME)
    last = max(pages.end, physical + pages.length)
    if min(pages.start, physical) < 0 or last > tables.ADDRESS_LIMIT:
        raise MapError(pages.start, "addresses below 4 GiB", MapErrorReason.NON_CANONICAL)
    if flags & PageTableFlags.HUGE_PAGE:
        raise MapError(int(flags), "flags of a 4 KiB page", MapErrorReason.UNSUPPORTED_PAGE_SIZE)
