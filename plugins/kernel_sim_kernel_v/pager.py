"""Demand paging of the heap: a page gets its frame when it is first touched (KV-21).

Rationale: `kmalloc` may promise more memory than the program ever uses. With ``demand_paging`` the
heap only moves its end; the first access to a page faults, this handler gives the page a zeroed
frame, and the processor executes the access again.

Benefit: frames are spent on pages that are used. Cost: a fault for each page, and a promise that
may not be kept: when frames run out there is no None any more, the access itself fails.

References: Bach, The Design of the UNIX Operating System, 9.2.
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.errors import MapError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.page_table import PageFaultErrorCode, PageTableFlags
from kernel_sim.values import FaultAction, PageFault, SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

page_fault_rank: Final = "pager"
"""Asked after guards, which must stay absent, and before all others."""

NOT_FOR_US: Final = (
    PageFaultErrorCode.PROTECTION_VIOLATION
    | PageFaultErrorCode.MALFORMED_TABLE
    | PageFaultErrorCode.USER_MODE
)
"""A page that is there but forbidden, a broken table, a user program: no frame mends these."""


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction | None:
    """RETRY once a frame is under the page; None if the fault is not ours or memory is out."""
    config = kernel.config
    in_heap = config.heap_start <= fault.address < config.heap_max_end
    if not config.demand_paging or not in_heap or fault.error_code & NOT_FOR_US:
        return None
    return FaultAction.RETRY if _back(kernel, align_down(fault.address, PAGE_SIZE)) else None


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult | None:
    """The last page of the heap's range reads as zero when first touched; it is given back."""
    if not kernel.config.demand_paging:
        return None
    page = align_down(kernel.config.heap_max_end - 1, PAGE_SIZE)
    zeroed = kernel.cpu.read(page, PAGE_SIZE) == bytes(PAGE_SIZE)
    kernel.hooks.pmm_free_frame(kernel.hooks.unmap_page(kernel.root, page))
    return SelfTestResult("pager", zeroed, f"page {page:#x} came on demand")


def _back(kernel: "Kernel", page: int) -> bool:
    """Put a zeroed frame under ``page``; zeroed first, so that nobody sees what it held before."""
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        kernel.log("pager_out_of_frames", page=page)
        return False
    kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
    try:
        kernel.hooks.map_page(
            kernel.root, page, frame, PageTableFlags.PRESENT | PageTableFlags.WRITABLE
        )
    except MapError as error:
        kernel.log("pager_map_refused", page=page, reason=str(error))
        kernel.hooks.pmm_free_frame(frame)
        return False
    kernel.log("pager_mapped", page=page, frame=frame)
    return True
