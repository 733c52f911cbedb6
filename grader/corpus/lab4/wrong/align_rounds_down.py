# concept: wild-address
# check: blocks
# expected_score: 43
"""Rounds down where it has to round up."""

from kernel_sim import HeapError, HeapInitError, HeapStats, PageTableFlags, hookimpl
from kernel_sim.errors import MapError

PAGE = 0x1000
LIVE = 0x4C495645
DEAD = 0x44454144


def align_up(n, a):
    return n & ~(a - 1)


@hookimpl
def heap_init(kernel, start, max_end):
    if hasattr(kernel.state, "next") or start >= max_end:
        raise HeapInitError(start)
    kernel.state.start = start
    kernel.state.next = start
    kernel.state.mapped = start & ~(PAGE - 1)
    kernel.state.max_end = max_end
    kernel.state.count = 0
    kernel.state.bytes = 0


def make_room(kernel, end):
    """Map pages until `end` lies in mapped memory; on failure everything is as before."""
    new = []
    page = kernel.state.mapped
    while page < end:
        frame = kernel.hooks.pmm_alloc_frame()
        if frame is None:
            break
        try:
            flags = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
            kernel.hooks.map_page(kernel.root, page, frame, flags)
        except MapError:
            kernel.hooks.pmm_free_frame(frame)
            break
        new.append(page)
        page += PAGE
    if page >= end:
        kernel.state.mapped = page
        return True
    for page in new:
        kernel.hooks.pmm_free_frame(kernel.hooks.unmap_page(kernel.root, page))
    return False


@hookimpl
def kmalloc(kernel, size, align):
    if size == 0:
        return None
    ptr = align_up(kernel.state.next + 16, max(align, 8))
    if ptr + size > kernel.state.max_end or not make_room(kernel, ptr + size):
        return None
    kernel.cpu.store(ptr - 16, 8, size)
    kernel.cpu.store(ptr - 8, 4, LIVE)
    kernel.cpu.store(ptr - 4, 4, ptr)
    kernel.state.next = align_up(ptr + size, 8)
    kernel.state.count += 1
    kernel.state.bytes += size
    return ptr


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    if ptr % 8 or not kernel.state.start + 16 <= ptr < kernel.state.next:
        raise HeapError(ptr, "a block of this heap", "FOREIGN_POINTER")
    mark = kernel.cpu.load(ptr - 8, 4)
    if kernel.cpu.load(ptr - 4, 4) != ptr or mark not in (LIVE, DEAD):
        raise HeapError(ptr, "the start of a block", "FOREIGN_POINTER")
    if mark == DEAD:
        raise HeapError(ptr, "a live block", "DOUBLE_FREE")
    kernel.cpu.store(ptr - 8, 4, DEAD)
    kernel.state.count -= 1
    kernel.state.bytes -= kernel.cpu.load(ptr - 16, 8)


@hookimpl
def heap_stats(kernel):
    s = kernel.state
    return HeapStats(s.bytes, s.max_end - s.next, s.count)
