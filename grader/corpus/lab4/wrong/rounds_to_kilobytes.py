# concept: utilization
# check: hidden-performance
# expected_score: 82.8
"""Rounds every size up to 1024 bytes."""

from dataclasses import dataclass

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

PAGE = 4096
HEADER = 16
SMALLEST = 32
USED = 0x05ED_05ED
FREE = 0xF4EE_F4EE
KERNEL_PAGE = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


@dataclass
class Heap:
    kernel: object
    start: int
    max_end: int
    end: int
    mapped: int
    first: int = 0
    used: int = 0
    free: int = 0
    blocks: int = 0


def round_up(number, multiple):
    return (number + multiple - 1) // multiple * multiple


def read_header(cpu, block):
    return cpu.load(block, 4), cpu.load(block + 4, 4) ^ block, cpu.load(block + 8, 4)


def write_header(cpu, block, size, mark, following=0):
    cpu.store(block, 4, size)
    cpu.store(block + 4, 4, (mark ^ block) & 0xFFFFFFFF)
    cpu.store(block + 8, 4, following)


def map_pages(kernel, start, end):
    hooks = kernel.hooks
    for page in range(start, end, PAGE):
        frame = hooks.pmm_alloc_frame()
        try:
            if frame is None:
                raise MapError(page)
            hooks.map_page(kernel.root, page, frame, KERNEL_PAGE)
        except MapError:
            if frame is not None:
                hooks.pmm_free_frame(frame)
            for done in range(start, page, PAGE):
                hooks.pmm_free_frame(hooks.unmap_page(kernel.root, done))
            return False
    return True


def grow(heap, need):
    if heap.end + need > heap.max_end:
        return False
    end = min(round_up(heap.end + need, PAGE), heap.max_end)
    mapped = round_up(end, PAGE)
    if not map_pages(heap.kernel, heap.mapped, mapped):
        return False
    start, heap.end, heap.mapped = heap.end, end, mapped
    if end - start >= SMALLEST:
        give(heap, start, end - start)
    return True


def give(heap, block, size):
    cpu = heap.kernel.cpu
    heap.free += size
    before, following = 0, heap.first
    while following and following < block:
        before, following = following, read_header(cpu, following)[2]
    if following == block + size:
        more, _, following = read_header(cpu, following)
        size += more
    write_header(cpu, block, size, FREE, following)
    if not before:
        heap.first = block
        return
    size_before = read_header(cpu, before)[0]
    if before + size_before == block:
        write_header(cpu, before, size_before + size, FREE, following)
    else:
        write_header(cpu, before, size_before, FREE, block)


def place(block, align):
    at = round_up(block + HEADER, align) - HEADER
    while at != block and at - block < SMALLEST:
        at += align
    return at


def take(heap, need, align):
    cpu = heap.kernel.cpu
    before, block = 0, heap.first
    while block:
        size, _, following = read_header(cpu, block)
        at = place(block, align)
        if at + need <= block + size:
            break
        before, block = block, following
    if not block:
        return None
    end = block + size
    heap.free -= size
    if before:
        write_header(cpu, before, read_header(cpu, before)[0], FREE, following)
    else:
        heap.first = following
    if at > block:
        give(heap, block, at - block)
    if end - (at + need) >= SMALLEST:
        give(heap, at + need, end - (at + need))
    else:
        need = end - at
    write_header(cpu, at, need, USED)
    heap.used += need
    heap.blocks += 1
    return at + HEADER


@hookimpl
def heap_init(kernel, start, max_end):
    if hasattr(kernel.state, "heap") or max_end <= start:
        raise HeapInitError(start, "one call, and an end above the start")
    first = round_up(start, HEADER)
    kernel.state.heap = Heap(kernel, first, max_end // HEADER * HEADER, first, first // PAGE * PAGE)


@hookimpl
def kmalloc(kernel, size, align):
    if size <= 0:
        return None
    heap = kernel.state.heap
    align = max(align, HEADER)
    need = round_up(HEADER + size, 1024)
    found = take(heap, need, align)
    if found is None and grow(heap, need):
        found = take(heap, need, align)
    if found is None and align > HEADER and grow(heap, need + align):
        found = take(heap, need, align)
    return found


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    heap = kernel.state.heap
    if ptr % HEADER or not heap.start + HEADER <= ptr < heap.end:
        raise HeapError(ptr, "a pointer from kmalloc", "FOREIGN_POINTER")
    size, mark, _ = read_header(kernel.cpu, ptr - HEADER)
    if mark == FREE:
        raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
    if mark != USED:
        raise HeapError(ptr, "a pointer from kmalloc", "FOREIGN_POINTER")
    heap.used -= size
    heap.blocks -= 1
    kernel.cpu.store(ptr - HEADER + 4, 4, FREE ^ (ptr - HEADER))
    give(heap, ptr - HEADER, size)


@hookimpl
def heap_stats(kernel):
    heap = kernel.state.heap
    return HeapStats(heap.used, heap.free, heap.blocks)
