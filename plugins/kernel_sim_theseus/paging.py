"""Paging: the hooks over `MemoryManager`, `mapping` and PHYS_OFFSET (TH-7 to TH-14, TH-23).

Building and switching are two things. `init_paging` fills tables while the firmware's are in
charge, and returns their root; `enable_paging` loads CR3, and only then is PHYS_OFFSET active.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import KernelError, MapError, MapErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.machine.control_bits import CR4_PGE
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import FaultAction, MapRequest, PageFault, SelfTestResult, Translation
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_bulldog import paging as offset_page_table
from kernel_sim_theseus import layout
from kernel_sim_theseus.mapping import clear_page, map_4k_page, map_range_with_policy
from kernel_sim_theseus.memory_manager import MemoryManager
from kernel_sim_theseus.phys_offset import (
    phys_to_virt_pa,
    reached,
    set_phys_offset_active,
    virt_to_phys_pa,
    zero_frame_safely,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

needs = Needs(firmware="uefi", mode="long mode", steps=("jump_to_high_half",))


@hookimpl
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """`MemoryManager.new`, and what else is asked for; the root, which CR3 does not have yet."""
    manager = MemoryManager.new(kernel)
    kernel.state.manager = manager
    for request in layout:
        size = request.virtual.length
        start = request.virtual.start
        map_range_with_policy(
            kernel, manager.page_table_root, start, request.physical, size, request.flags
        )
    kernel.log("memory_manager", root=manager.page_table_root, ranges=len(manager.mapped))
    return manager.page_table_root


@hookimpl
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Load CR3 and switch global pages on; PHYS_OFFSET is active from now on."""
    kernel.cpu.cr3 = root
    kernel.cpu.cr4 |= CR4_PGE
    set_phys_offset_active(kernel)
    if kernel.config.verbose:
        kernel.state.manager.log_layout_summary(kernel)


@hookimpl
def phys_to_virt(kernel: "Kernel", physical: int) -> int:
    """Where memory is reached now: to itself, later through PHYS_OFFSET."""
    return reached(kernel, physical)


@hookimpl
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map one page of 4 KiB."""
    if not is_aligned(page, PAGE_SIZE) or not is_aligned(frame, PAGE_SIZE):
        raise MapError(frame, "multiples of 0x1000", MapErrorReason.MISALIGNED_FRAME)
    if not tables.is_canonical(page) or frame & ~tables.FRAME_MASK:
        raise MapError(page, "a canonical page", MapErrorReason.NON_CANONICAL)
    if flags & layout.PTE_PS:
        raise MapError(page, "flags without PTE_PS", MapErrorReason.UNSUPPORTED_PAGE_SIZE)
    map_4k_page(kernel, root, page, frame, flags)
    kernel.cpu.invlpg(page)


@hookimpl
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Clear the entry, flush, return the frame."""
    return clear_page(kernel, root, page)


@hookimpl
def translate(kernel: "Kernel", root: int, address: int) -> Translation:
    """Walk as the processor does, large pages included."""
    found = offset_page_table.translate(kernel, root, address)
    if has_quirk(kernel, "mask_keeps_nx"):
        leaf = tables.walk(kernel, root, address)[-1].value
        return Translation(found.physical | leaf & 1 << 63, found.flags, found.size)
    return found


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction:
    """Address, error code and place on the screen, then panic."""
    kernel.console.print(f"PAGE FAULT {fault.address:#x}, error code {fault.error_code:#x}")
    kernel.console.print(f"  ip {fault.ip:#x}, sp {fault.sp:#x}")
    return FaultAction.PANIC


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """There and back through PHYS_OFFSET, and a frame cleared through the temporary window."""
    root = kernel.root
    back = virt_to_phys_pa(kernel, phys_to_virt_pa(kernel, root)) == root
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        return SelfTestResult("paging", passed=False, detail="no free frame")
    kernel.cpu.store(reached(kernel, frame), 8, 0xFF)
    way = zero_frame_safely(kernel, frame)
    cleared = kernel.cpu.load(reached(kernel, frame), 8) == 0
    try:
        kernel.hooks.pmm_free_frame(frame)
    except KernelError:
        cleared = False
    return SelfTestResult("paging", passed=back and cleared, detail=f"frames cleared by {way}")
