"""Mapping: ranges by policy, large pages, and the frames that tables are made of (TH-12, TH-13).

::

    map_range_with_policy   virtual  |----|=================|=================|--|
                            leaves    4 KiB      2 MiB             2 MiB       4 KiB

A leaf of 2 MiB is used where both addresses are multiples of 2 MiB and as much is left to map. Who
calls says which rights a range has, and never which size.

Tables come from a small reserved stack of frames first, then from the allocator (TH-16): while the
allocator itself is in trouble, tables can still be made.
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import MapError, MapErrorReason, UnmapError, UnmapErrorReason
from kernel_sim.host.quirks import has_quirk
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_theseus.layout import PTE_PRESENT, PTE_PS
from kernel_sim_theseus.phys_offset import shows_frame

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

LARGE_PAGE: Final = 0x20_0000
RESERVED_FRAMES: Final = 16
"""So many frames are kept for tables (TH-U2)."""


def fill_reserved_frames(kernel: "Kernel") -> None:
    """Take the frames of the reserved stack.

    Raises:
        MapError: the allocator has not as many.
    """
    frames = [kernel.hooks.pmm_alloc_frame() for _ in range(RESERVED_FRAMES)]
    if None in frames:
        raise MapError("reserved frames", reason=MapErrorReason.FRAME_ALLOCATION_FAILED)
    kernel.state.reserved_frames = frames


def table_frame(kernel: "Kernel") -> int:
    """A frame for a table: from the reserved stack, last in first out, else from the allocator.

    Raises:
        MapError: neither has one, or not one that can be reached: a table has to be written for as
            long as it lives, and PHYS_OFFSET shows a part of memory only.
    """
    reserved: list[int] = getattr(kernel.state, "reserved_frames", [])
    frame = reserved.pop() if reserved else kernel.hooks.pmm_alloc_frame()
    reason = MapErrorReason.FRAME_ALLOCATION_FAILED
    if frame is None:
        raise MapError("out of frames for page tables", reason=reason)
    if not shows_frame(kernel, frame):
        kernel.hooks.pmm_free_frame(frame)
        raise MapError(frame, "a frame for a table that PHYS_OFFSET shows", reason)
    return frame


def map_range_with_policy(  # noqa: PLR0913, PLR0917 - a range has two addresses and a length
    kernel: "Kernel", root: int, virtual: int, physical: int, length: int, flags: PageTableFlags
) -> None:
    """Map ``length`` bytes from ``virtual`` on to those from ``physical`` on.

    Raises:
        MapError: an address or the length is no multiple of 4 KiB, the caller passed PTE_PS, a
            page is taken, or there is no frame for a table.
    """
    if flags & PTE_PS:
        raise MapError(virtual, "flags without PTE_PS: the size is this function's choice")
    if not all(is_aligned(value, PAGE_SIZE) for value in (virtual, physical, length)):
        raise MapError(virtual, "multiples of 0x1000", MapErrorReason.MISALIGNED_FRAME)
    done = 0
    while done < length:
        page, frame = virtual + done, physical + done
        large = is_aligned(page, LARGE_PAGE) and is_aligned(frame, LARGE_PAGE)
        if large and length - done >= LARGE_PAGE:
            map_2mb_page_alloc(kernel, root, page, frame, flags)
            done += LARGE_PAGE
        else:
            map_4k_page(kernel, root, page, frame, flags)
            done += PAGE_SIZE


def map_2mb_page_alloc(
    kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags
) -> None:
    """One leaf of 2 MiB at level 2."""
    _leaf(kernel, root, page, 2, frame | int(flags | PTE_PS | PTE_PRESENT))


def map_4k_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """One leaf of 4 KiB."""
    _leaf(kernel, root, page, 1, frame | int(flags | PTE_PRESENT))


def tables_for(kernel: "Kernel", root: int, page: int) -> None:
    """Make the tables on the way to a page of 4 KiB, and leave its entry absent."""
    table = root
    for level in (4, 3, 2):
        table = _next_table(kernel, tables.entry_of(kernel, table, level, page), page, 3)


def clear_page(kernel: "Kernel", root: int, page: int) -> int:
    """Clear the entry of a page of 4 KiB and flush it; the frame it led to.

    Raises:
        UnmapError: it is not mapped, or by a large page.
    """
    leaf = tables.walk(kernel, root, page)[-1]
    if not leaf.value & tables.PRESENT:
        raise UnmapError(page, "a mapped 4 KiB page", UnmapErrorReason.NOT_MAPPED)
    if leaf.level > 1:
        if has_quirk(kernel, "unmap_ignores_large"):
            return leaf.frame
        raise UnmapError(page, "a mapped 4 KiB page", UnmapErrorReason.HUGE_PAGE)
    kernel.cpu.store(leaf.address, tables.ENTRY_BYTES, 0)
    kernel.cpu.invlpg(page)
    return leaf.frame


def split_2mb_page(kernel: "Kernel", root: int, page: int) -> None:
    """Turn the large leaf that maps ``page`` into a table of 512 small ones; nothing if it is none.

    The table is complete before the entry leads to it, and the old translation is flushed.
    """
    leaf = tables.walk(kernel, root, page)[-1]
    if leaf.level != 2 or not leaf.value & tables.PRESENT:
        return
    flags = leaf.value & tables.FLAGS_MASK & ~int(PTE_PS)
    table = table_frame(kernel)
    entries = (leaf.frame + PAGE_SIZE * number | flags for number in range(tables.ENTRY_COUNT))
    data = b"".join(value.to_bytes(tables.ENTRY_BYTES, "little") for value in entries)
    kernel.cpu.write(kernel.hooks.phys_to_virt(table), data)
    kernel.cpu.store(leaf.address, tables.ENTRY_BYTES, table | flags & tables.PARENT_FLAGS)
    kernel.cpu.invlpg(page)


def _leaf(kernel: "Kernel", root: int, page: int, level: int, value: int) -> None:
    """Write the leaf of ``page`` at ``level``; the tables above it are made if they are missing.

    Raises:
        MapError: the page is taken.
    """
    table = root
    for above in range(4, level, -1):
        entry = tables.entry_of(kernel, table, above, page)
        table = _next_table(kernel, entry, page, value & tables.PARENT_FLAGS)
    entry = tables.entry_of(kernel, table, level, page)
    if entry.value & tables.PRESENT:
        raise MapError(page, "a page not mapped yet", MapErrorReason.ALREADY_MAPPED)
    kernel.cpu.store(entry.address, tables.ENTRY_BYTES, value)


def _next_table(kernel: "Kernel", entry: tables.Entry, page: int, flags: int) -> int:
    """The table that ``entry`` leads to, made if there is none; zeroed before it is linked.

    Raises:
        MapError: a large page is in the way, or there is no frame.
    """
    if entry.value & tables.PRESENT and entry.is_leaf:
        raise MapError(page, "a page that no large page covers", MapErrorReason.ALREADY_MAPPED)
    table = entry.value
    if not table & tables.PRESENT:
        table = table_frame(kernel)
        if has_quirk(kernel, "link_before_zero"):
            kernel.cpu.store(entry.address, tables.ENTRY_BYTES, table | tables.PRESENT | flags)
        kernel.cpu.fill(kernel.hooks.phys_to_virt(table), PAGE_SIZE, 0)
    linked = table | tables.PRESENT | flags
    if linked != entry.value:
        kernel.cpu.store(entry.address, tables.ENTRY_BYTES, linked)
    return table & tables.FRAME_MASK
