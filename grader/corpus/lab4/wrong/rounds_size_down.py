# concept: touch-before-map
# check: blocks
# expected_score: 54.43
"""Rounds the size down to a multiple of 16."""

from kernel_sim import HeapError, HeapInitError, HeapStats, PageTableFlags, hookimpl
from kernel_sim.errors import HeapErrorReason, HeapInitErrorReason, MapError

# header of 16 bytes: size, size of the block in front, state, its own address
HDR = 16
FREE, BUSY = 0x1F1F1F1F, 0x2B2B2B2B


class Block:
    def __init__(self, cpu, address):
        self.cpu = cpu
        self.address = address

    @property
    def size(self):
        return self.cpu.load(self.address, 4)

    @size.setter
    def size(self, value):
        self.cpu.store(self.address, 4, value)

    @property
    def before(self):
        return self.cpu.load(self.address + 4, 4)

    @before.setter
    def before(self, value):
        self.cpu.store(self.address + 4, 4, value)

    @property
    def state(self):
        return self.cpu.load(self.address + 8, 4)

    @state.setter
    def state(self, value):
        self.cpu.store(self.address + 8, 4, value)
        self.cpu.store(self.address + 12, 4, self.address)

    @property
    def genuine(self):
        return self.state in (FREE, BUSY) and self.cpu.load(self.address + 12, 4) == self.address


class Heap:
    def __init__(self, kernel, start, max_end):
        self.kernel = kernel
        self.cpu = kernel.cpu
        self.start = -(-start // 16) * 16
        self.max_end = max_end & ~15
        self.end = self.start
        self.next_page = self.start & ~4095
        self.rover = self.start
        self.last = None
        self.used = 0
        self.count = 0

    def block(self, address):
        return Block(self.cpu, address)

    def fits(self, block, need, align):
        at = -(-(block.address + HDR) // align) * align - HDR
        while 0 < at - block.address < 2 * HDR:
            at += align
        return at if at + need <= block.address + block.size else None

    def search(self, need, align):
        address, tried = self.rover, 0
        while tried <= self.end - self.start:
            if address >= self.end:
                address = self.start
                if address >= self.end:
                    return None
            block = self.block(address)
            if block.state == FREE:
                at = self.fits(block, need, align)
                if at is not None:
                    return block, at
            tried += block.size
            address += block.size
        return None

    def grow(self, need, align):
        base = self.end
        if self.last is not None and self.block(self.last).state == FREE:
            base = self.last
        at = -(-(base + HDR) // align) * align - HDR
        while 0 < at - base < 2 * HDR:
            at += align
        goal = at + need
        if goal > self.max_end:
            return False
        new_end = min(-(-goal // 4096) * 4096, self.max_end)
        got = []
        while self.next_page + 4096 * len(got) < new_end:
            page = self.next_page + 4096 * len(got)
            frame = self.kernel.hooks.pmm_alloc_frame()
            if frame is None:
                return self.give_up(got)
            try:
                self.kernel.hooks.map_page(
                    self.kernel.root, page, frame, PageTableFlags.PRESENT | PageTableFlags.WRITABLE
                )
            except MapError:
                self.kernel.hooks.pmm_free_frame(frame)
                return self.give_up(got)
            got.append(page)
        self.next_page += 4096 * len(got)
        if base == self.end:
            fresh = self.block(base)
            fresh.before = self.block(self.last).size if self.last is not None else 0
            fresh.size = new_end - base
            fresh.state = FREE
            self.last = base
        else:
            self.block(base).size = new_end - base
        self.end = new_end
        return True

    def give_up(self, pages):
        for page in pages:
            frame = self.kernel.hooks.unmap_page(self.kernel.root, page)
            self.kernel.hooks.pmm_free_frame(frame)
        return False

    def tell_next(self, block):
        behind = block.address + block.size
        if behind < self.end:
            self.block(behind).before = block.size
        else:
            self.last = block.address

    def use(self, block, at, need):
        end = block.address + block.size
        if at > block.address:
            block.size = at - block.address
            taken = self.block(at)
            taken.before = block.size
        else:
            taken = block
        taken.size = need if end - at - need >= 2 * HDR else end - at
        taken.state = BUSY
        rest = at + taken.size
        if rest < end:
            behind = self.block(rest)
            behind.size, behind.before = end - rest, taken.size
            behind.state = FREE
            self.tell_next(behind)
        else:
            self.tell_next(taken)
        self.rover = at
        self.used += taken.size
        self.count += 1
        return at + HDR

    def free(self, block):
        self.used -= block.size
        self.count -= 1
        block.state = FREE
        behind = block.address + block.size
        if behind < self.end and self.block(behind).state == FREE:
            if self.rover == behind:
                self.rover = block.address
            block.size += self.block(behind).size
        if block.before:
            front = self.block(block.address - block.before)
            if front.state == FREE:
                if self.rover == block.address:
                    self.rover = front.address
                front.size += block.size
                block = front
        self.tell_next(block)


@hookimpl
def heap_init(kernel, start, max_end):
    if max_end < start:
        raise HeapInitError(max_end, "start < max_end", HeapInitErrorReason.INVALID_RANGE)
    if max_end == start:
        raise HeapInitError(max_end, "start < max_end", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "a first call", HeapInitErrorReason.ALREADY_INITIALIZED)
    kernel.state.heap = Heap(kernel, start, max_end)


@hookimpl
def kmalloc(kernel, size, align):
    heap = kernel.state.heap
    if size < 1:
        return None
    need, align = HDR + max(size // 16, 1) * 16, max(align, 16)
    found = heap.search(need, align)
    if found is None and heap.grow(need, align):
        found = heap.search(need, align)
    return None if found is None else heap.use(*found, need)


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    heap = kernel.state.heap
    if not heap.start + HDR <= ptr < heap.end or ptr & 15 or not heap.block(ptr - HDR).genuine:
        raise HeapError(ptr, "what kmalloc returned", HeapErrorReason.FOREIGN_POINTER)
    block = heap.block(ptr - HDR)
    if block.state == FREE:
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    heap.free(block)


@hookimpl
def heap_stats(kernel):
    heap = kernel.state.heap
    return HeapStats(heap.used, heap.end - heap.start - heap.used, heap.count)
