# concept: contents-lost
# check: blocks
# expected_score: 86
"""Compares the size of the free block with the request, not with what it needs."""

from kernel_sim import HeapError, HeapInitError, HeapStats, PageTableFlags, hookimpl
from kernel_sim.errors import MapError

H = 16
USED, FREED = 0x55534544, 0x46524545


class BestFitHeap:
    def __init__(self, kernel, start, max_end):
        self.kernel, self.cpu = kernel, kernel.cpu
        self.begin = self.end = (start + H - 1) // H * H
        self.limit = max_end // H * H
        self.mapped = self.begin & ~0xFFF
        self.in_use = self.count = 0

    # ---- memory -------------------------------------------------------------------------------

    def read(self, block):
        load = self.cpu.load
        return load(block, 4), load(block + 4, 4) - block & 0xFFFFFFFF

    def write(self, block, size, mark):
        self.cpu.store(block, 4, size)
        self.cpu.store(block + 4, 4, mark + block & 0xFFFFFFFF)

    def blocks(self):
        at = self.begin
        while at < self.end:
            size, mark = self.read(at)
            yield at, size, mark
            at += size

    def sweep(self):
        """Join free blocks that touch."""
        joined = False
        open_block = open_size = 0
        for at, size, mark in list(self.blocks()):
            if mark != FREED:
                open_block = 0
            elif open_block:
                open_size += size
                self.write(open_block, open_size, FREED)
                joined = True
            else:
                open_block, open_size = at, size
        return joined

    def append(self, need, align):
        """Grow: a new free block at the end of the heap that can hold the request."""
        at = self.aligned(self.end, align)
        if at + need > self.limit:
            return False
        end = min((at + need + 0xFFF) & ~0xFFF, self.limit)
        fresh = []
        hooks, root = self.kernel.hooks, self.kernel.root
        for page in range(self.mapped, end, 0x1000):
            frame = hooks.pmm_alloc_frame()
            try:
                if frame is None:
                    raise MapError(page)
                hooks.map_page(root, page, frame, PageTableFlags.PRESENT | PageTableFlags.WRITABLE)
            except MapError:
                if frame is not None:
                    hooks.pmm_free_frame(frame)
                for mapped in fresh:
                    hooks.pmm_free_frame(hooks.unmap_page(root, mapped))
                return False
            fresh.append(page)
        self.mapped = max(self.mapped, (end + 0xFFF) & ~0xFFF)
        self.write(self.end, end - self.end, FREED)
        self.end = end
        return True

    def aligned(self, block, align):
        at = block
        while (at + H) % align or 0 < at - block < 32:
            at += H
        return at

    # ---- allocating ----------------------------------------------------------------------------

    def allocate(self, size, align):
        if size == 0:
            return None
        need, align = (size + 2 * H - 1) // H * H, max(align, H)
        for attempt in (lambda: True, self.sweep, lambda: self.append(need, align), self.sweep):
            if attempt():
                found = self.best(need, align)
                if found:
                    return self.cut(*found, need)
        return None

    def best(self, need, align):
        fits = [
            (size, block)
            for block, size, mark in self.blocks()
            if mark == FREED and self.aligned(block, align) + need - H <= block + size
        ]
        if not fits:
            return None
        size, block = min(fits)
        return block, size, self.aligned(block, align)

    def cut(self, block, size, at, need):
        end = block + size
        if at > block:
            self.write(block, at - block, FREED)
        if end - at - need >= 32:
            self.write(at + need, end - at - need, FREED)
        else:
            need = end - at
        self.write(at, need, USED)
        self.in_use += need
        self.count += 1
        return at + H

    def release(self, ptr):
        block = ptr - H
        if ptr % H or not self.begin <= block < self.end:
            raise HeapError(ptr, "a pointer into the heap", "FOREIGN_POINTER")
        size, mark = self.read(block)
        if mark == FREED:
            raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
        if mark != USED:
            raise HeapError(ptr, "the start of a block", "FOREIGN_POINTER")
        self.write(block, size, FREED)
        self.in_use -= size
        self.count -= 1


@hookimpl
def heap_init(kernel, start, max_end):
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, reason="ALREADY_INITIALIZED")
    if max_end <= start:
        raise HeapInitError(start, reason="INVALID_RANGE")
    kernel.state.heap = BestFitHeap(kernel, start, max_end)


@hookimpl
def kmalloc(kernel, size, align):
    return kernel.state.heap.allocate(size, align)


@hookimpl
def kfree(kernel, ptr):
    if ptr is not None:
        kernel.state.heap.release(ptr)


@hookimpl
def heap_stats(kernel):
    heap = kernel.state.heap
    return HeapStats(heap.in_use, heap.end - heap.begin - heap.in_use, heap.count)
