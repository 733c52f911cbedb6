"""The role paging: plain numbers in, typed addresses and a locked frame allocator within (MS-14).

Cyrius goes on in the boot loader's tables. Every change runs under the frame allocator's lock
(MS-18), and the page-fault handler reports and gives up.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import (
    KernelError,
    MapError,
    MapErrorReason,
    NotMapped,
    UnmapError,
    UnmapErrorReason,
)
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    FaultAction,
    MapRequest,
    PageFault,
    SelfTestResult,
    Translation,
)
from kernel_sim_cyrius.addr import Page, PhysAddr, VirtAddr
from kernel_sim_cyrius.manager import frame_allocator, phys_mapper
from kernel_sim_cyrius.page_table import PageTable, active

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

needs = Needs(mode="long mode", steps=("manager_init",))


@hookimpl
def phys_to_virt(kernel: "Kernel", physical: int) -> int:
    """Where the direct map shows ``physical``; exclusive use is the caller's duty (MS-29)."""
    return int(kernel.boot_info.physical_memory_offset or 0) + physical


@hookimpl
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """The root of the active tables, with ``layout`` mapped in them; the host asks for none."""
    table = active(kernel, phys_mapper(kernel))
    for request in layout:
        map_range(kernel, table.root.raw, request.virtual, request.physical, request.flags)
    return table.root.raw


@hookimpl
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Load CR3 unless it leads to ``root`` already."""
    if kernel.root != root:
        kernel.cpu.cr3 = root


@hookimpl
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map one 4 KiB page (MS-15)."""
    if not is_aligned(page, PAGE_SIZE):
        raise MapError(page, "a multiple of 0x1000", MapErrorReason.INTERNAL_ERROR)
    with frame_allocator(kernel) as frames:
        target = Page(VirtAddr(page))
        _table(kernel, root).map(target, PhysAddr(frame), flags, frames)


@hookimpl
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Unmap one 4 KiB page, and the tables that are empty without it (MS-15)."""
    if not is_aligned(page, PAGE_SIZE):
        raise UnmapError(page, "a multiple of 0x1000", UnmapErrorReason.NOT_MAPPED)
    with frame_allocator(kernel) as frames:
        return _table(kernel, root).unmap(Page(VirtAddr(page)), frames).raw


@hookimpl
def translate(kernel: "Kernel", root: int, address: int) -> Translation:
    """Walk as the processor does (MS-15)."""
    return _table(kernel, root).translate(VirtAddr(address))


@hookimpl
def protect_page(kernel: "Kernel", root: int, page: int, flags: PageTableFlags) -> None:
    """Give a page other rights (MS-14).

    Raises:
        MapError: it is not mapped, or part of a huge page.
    """
    try:
        _table(kernel, root).update_permissions(Page(VirtAddr(page)), flags)
    except UnmapError as error:
        raise MapError(page, error.expected, MapErrorReason.NOT_MAPPED) from error


@hookimpl
def map_range(
    kernel: "Kernel", root: int, pages: AddrRange, physical: int, flags: PageTableFlags
) -> None:
    """Map ``pages`` one by one to the bytes from ``physical`` on."""
    for page in range(pages.start, pages.end, PAGE_SIZE):
        map_page(kernel, root, page, physical + page - pages.start, flags)


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction:
    """Address, error code and place on the screen, then panic."""
    kernel.console.print(f"PAGE FAULT at {fault.address:#x}, error code {fault.error_code:#x}")
    return FaultAction.PANIC


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The image is where it is linked; a page nobody needs is mapped, seen and unmapped."""
    root, image = kernel.root, kernel.boot_info.kernel.start
    found = translate(kernel, root, kernel.boot_info.symbols["kernel_main"])
    page, before = kernel.config.selftest_page, kernel.hooks.pmm_stats()
    map_page(kernel, root, page, image, PageTableFlags.PRESENT | PageTableFlags.NO_EXECUTE)
    seen = translate(kernel, root, page).physical == unmap_page(kernel, root, page) == image
    try:
        translate(kernel, root, page)
    except NotMapped:
        balanced = kernel.hooks.pmm_stats() == before
        passed = found.physical == image and seen and balanced
        return SelfTestResult("paging", passed, f"root {root:#x}")
    return SelfTestResult("paging", passed=False, detail=f"{page:#x} is mapped still")


def _table(kernel: "Kernel", root: int) -> PageTable:
    if not is_aligned(root, PAGE_SIZE):
        raise KernelError(root, expected="the physical address of a root table")
    return PageTable(kernel, PhysAddr(root), phys_mapper(kernel))
