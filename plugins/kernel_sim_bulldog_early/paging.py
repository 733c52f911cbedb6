"""Paging: the kernel builds an address space of its own and jumps into it (BO-1 to BO-9).

::

    the boot loader's tables        the kernel's, in frames of the free-frame list
    low memory, to itself    --->   the same entry, until the jump is done (BO-2)
    the direct map           --->   built anew, page by page, global
                                    the image where it is linked

Four levels of tables are walked and made as in the later version, by `kernel_sim_bulldog`. What is
different: every page in kernel space is global (BO-6), and every change of the tables is logged
(BO-16).
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import MapError, MapErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.machine.control_bits import CR4_PGE
from kernel_sim.machine.firmware.placement import TEXT_BYTES
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import MapRequest, SelfTestResult
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_bulldog import paging as later
from kernel_sim_bulldog.paging import phys_to_virt, translate
from kernel_sim_bulldog_early import direct_map
from kernel_sim_bulldog_early.layout import CODE, DATA, KERNEL_SPACE, STUBS

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

__all__ = ["phys_to_virt", "translate"]

KERNEL_SLOTS: Final = range(256, 512)
"""The entries of a level 4 table that lead to kernel space."""


needs = Needs(mode="long mode", steps=("jump_to_higher_half",))


@hookimpl
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """Build the address space drawn above; the physical address of its level 4 table."""
    root = new_table(kernel)
    identity = tables.entry_of(kernel, kernel.root, 4, 0)
    kernel.cpu.store(tables.entry_of(kernel, root, 4, 0).address, 8, identity.value)
    direct_map.build(kernel, root)
    _map_image(kernel, root)
    for request in layout:
        for page in range(request.virtual.start, request.virtual.end, PAGE_SIZE):
            frame = request.physical + page - request.virtual.start
            map_page(kernel, root, page, frame, request.flags)
    kernel.log("page_table_change", action="new root", root=root)
    return root


@hookimpl
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Load CR3; then CR4.PGE, which makes the global pages global."""
    kernel.cpu.cr3 = root
    kernel.cpu.cr4 |= CR4_PGE


@hookimpl
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map one 4 KiB page of kernel space, globally."""
    later.map_page(kernel, root, page, frame, flags | PageTableFlags.GLOBAL)
    kernel.log("page_table_change", action="map", page=page, frame=frame, flags=int(flags))


@hookimpl
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Clear the entry, flush, return the frame; INVLPG forgets global pages as well."""
    frame = later.unmap_page(kernel, root, page)
    kernel.log("page_table_change", action="unmap", page=page, frame=frame)
    return frame


def new_table(kernel: "Kernel") -> int:
    """A frame for an empty table, zeroed before anything leads to it (BO-8).

    Raises:
        MapError: there is no frame left.
    """
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError("no frame for a table", reason=MapErrorReason.FRAME_ALLOCATION_FAILED)
    kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
    return frame


def new_address_space(kernel: "Kernel") -> int:
    """A root whose upper half is the kernel's, shared table by table, and whose lower is empty.

    What is mapped in kernel space later shows in it as well, as long as the level 4 entry that it
    needs was there before (BO-6).
    """
    root = new_table(kernel)
    for slot in KERNEL_SLOTS:
        page = KERNEL_SPACE + (slot - KERNEL_SLOTS.start << 39)
        shared = tables.entry_of(kernel, kernel.root, 4, page)
        if shared.value & tables.PRESENT:
            kernel.cpu.store(tables.entry_of(kernel, root, 4, page).address, 8, shared.value)
    return root


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The image is mapped where it is linked, memory at the offset, low memory no longer."""
    info = kernel.boot_info
    image = translate(kernel, kernel.root, info.symbols["kernel_virtual_base"])
    shown = translate(kernel, kernel.root, phys_to_virt(kernel, kernel.root))
    kept = GLOBAL_AND_SUPERVISOR & (image.flags & shown.flags)
    passed = (
        image.physical == info.kernel.start
        and shown.physical == kernel.root
        and kept == PageTableFlags.GLOBAL
        and not tables.entry_of(kernel, kernel.root, 4, 0).value & tables.PRESENT
    )
    return SelfTestResult("paging", passed, f"direct map at {phys_to_virt(kernel, 0):#x}")


GLOBAL_AND_SUPERVISOR: Final = PageTableFlags.GLOBAL | PageTableFlags.USER_ACCESSIBLE


def _map_image(kernel: "Kernel", root: int) -> None:
    """Code that can't be written, stubs, and data that can't be executed."""
    image = kernel.boot_info.kernel
    base = kernel.boot_info.symbols["kernel_virtual_base"]
    for offset in range(0, image.length, PAGE_SIZE):
        flags = CODE if offset < TEXT_BYTES else STUBS if offset == TEXT_BYTES else DATA
        map_page(kernel, root, base + offset, image.start + offset, flags)
