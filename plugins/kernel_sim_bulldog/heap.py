"""Kernel heap: one range, mapped as a whole at the start, cut into blocks and holes.

Every page of it gets a frame in `heap_init`, from the pre-heap allocator: that is what those 512
frames are for. So the heap never grows, an access to it never faults, and when it is full it is
full. How blocks and holes look is drawn in `hole_list`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_up, is_aligned, is_power_of_two
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange, HeapStats, SelfTestResult
from kernel_sim_bulldog.hole_list import GRAIN, HEADER_BYTES, USED, HoleList

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE

needs = Needs(maps_pages=True)


@dataclass(slots=True)
class Heap:
    """The heap's globals."""

    memory: AddrRange
    holes: HoleList
    used_bytes: int = 0
    block_count: int = 0


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Map every page of the heap and make all of it one hole."""
    make_heap(kernel, start, max_end, RIGHTS)


def make_heap(
    kernel: "Kernel", start: int, max_end: int, flags: PageTableFlags, *, clear: bool = False
) -> None:
    """Map ``[start, max_end)`` in whole pages with ``flags``, and make all of it one hole.

    With ``clear`` each frame is cleared first, where the direct map shows it.

    Raises:
        HeapInitError: no such range, no frame, or a second call.
    """
    if not 0 <= start <= max_end or not is_aligned(start, PAGE_SIZE):
        raise HeapInitError(start, "a page below the end", HeapInitErrorReason.INVALID_RANGE)
    memory = AddrRange(start, max(start, max_end // PAGE_SIZE * PAGE_SIZE))
    if not memory:
        raise HeapInitError(start, "a page or more", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    for page in range(memory.start, memory.end, PAGE_SIZE):
        frame = kernel.hooks.pmm_alloc_frame()
        if frame is None:
            raise HeapInitError(page, "a frame for every page of the heap")
        if clear:
            kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), PAGE_SIZE, 0)
        kernel.hooks.map_page(kernel.root, page, frame, flags)
    holes = HoleList(kernel)
    holes.add(memory.start, memory.length)
    kernel.state.heap = Heap(memory, holes)
    kernel.log("heap_init", start=memory.start, end=memory.end)


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The payload of a block of ``size`` bytes, or None: no memory, no size, no power of two."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap = _heap(kernel)
    need = HEADER_BYTES + align_up(size, GRAIN)
    block = heap.holes.take(need, max(align, GRAIN))
    if block is None:
        kernel.log("heap_exhausted", size=size, align=align)
        return None
    kernel.cpu.store(block, 8, need)
    kernel.cpu.store(block + 8, 8, USED ^ block)
    heap.used_bytes += need
    heap.block_count += 1
    return block + HEADER_BYTES


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Turn a block into a hole; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap = _heap(kernel)
    block = _checked(kernel, heap, ptr)
    size = kernel.cpu.load(block, 8)
    kernel.cpu.store(block + 8, 8, 0)
    heap.holes.add(block, size)
    heap.used_bytes -= size
    heap.block_count -= 1


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes in blocks, headers included, bytes in holes, and the number of blocks."""
    heap = _heap(kernel)
    return HeapStats(heap.used_bytes, heap.memory.length - heap.used_bytes, heap.block_count)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Three blocks keep their contents and their alignment, and leave nothing behind."""
    before = heap_stats(kernel)
    requests = ((100, 8, 0xA5), (64, 4096, 0x5A), (1, 8, 0xFF))
    blocks = [(kmalloc(kernel, size, align), size, align, fill) for size, align, fill in requests]
    live = [(ptr, size, align, fill) for ptr, size, align, fill in blocks if ptr is not None]
    for ptr, size, _, fill in live:
        kernel.cpu.fill(ptr, size, fill)
    kept = all(kernel.cpu.read(p, n) == bytes([fill]) * n for p, n, _, fill in live)
    aligned = all(is_aligned(ptr, align) for ptr, _, align, _ in live)
    for ptr, *_ in live:
        kfree(kernel, ptr)
    balanced = heap_stats(kernel) == before
    passed = len(live) == len(requests) and kept and aligned and balanced
    return SelfTestResult("heap", passed, f"{before.free:#x} bytes free, {before.blocks} blocks")


def _heap(kernel: "Kernel") -> Heap:
    """The heap of this boot.

    Raises:
        HeapError: ``heap_init`` has not been called.
    """
    heap: Heap | None = getattr(kernel.state, "heap", None)
    if heap is None:
        raise HeapError("no heap", expected="heap_init before any other call")
    return heap


def _checked(kernel: "Kernel", heap: Heap, ptr: int) -> int:
    """The block whose payload ``ptr`` is.

    Raises:
        HeapError: it lies in a hole, it is no payload of this heap, or its size is overwritten.
    """
    block = ptr - HEADER_BYTES
    if not is_aligned(ptr, GRAIN) or block not in heap.memory or ptr not in heap.memory:
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    if any(hole.address <= block < hole.end for hole in heap.holes):
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    if kernel.cpu.load(block + 8, 8) != USED ^ block:
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    size = kernel.cpu.load(block, 8)
    within = GRAIN <= size <= heap.memory.end - block and is_aligned(size, GRAIN)
    if not within or any(block < hole.address < block + size for hole in heap.holes):
        raise HeapError(ptr, "the size in front of the block", HeapErrorReason.CORRUPTED)
    return block
