# concept: heap-overlap-reuse
# check: blocks
# expected_score: 55.67
"""Writes the size of the block in front over the end of that block."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

HEAD = 24  # size, size in front, mark, guard, next, previous
SMALL = 48
FREE_MARK = 0x66726565
USED_MARK = 0x75736564
CHUNK = 4 * 4096


class Bins:
    def __init__(self, kernel, start, limit):
        self.kernel, self.cpu = kernel, kernel.cpu
        self.start = self.end = (start + 7) & ~7
        self.limit = limit & ~7
        self.pages = self.start & ~4095
        self.last = 0
        self.heads = [0] * 33
        self.used = self.live = 0

    def get(self, block, field):
        return self.cpu.load(block + 4 * field, 4)

    def set(self, block, **fields):
        for name, value in fields.items():
            field = ("size", "front", "mark", "guard", "next", "previous").index(name)
            self.cpu.store(block + 4 * field, 4, value)

    def is_block(self, block, mark):
        return self.get(block, 2) == mark and self.get(block, 3) == block ^ 0xFFFFFFFF

    def link(self, block):
        index = self.get(block, 0).bit_length()
        self.set(block, mark=FREE_MARK, guard=block ^ 0xFFFFFFFF, next=self.heads[index], previous=0)
        if self.heads[index]:
            self.set(self.heads[index], previous=block)
        self.heads[index] = block

    def unlink(self, block):
        following, previous = self.get(block, 4), self.get(block, 5)
        if previous:
            self.set(previous, next=following)
        else:
            self.heads[self.get(block, 0).bit_length()] = following
        if following:
            self.set(following, previous=previous)

    def resize(self, block, size):
        self.set(block, size=size)
        if block + size < self.end:
            self.set(block + size - 4, size=size)
        else:
            self.last = block

    def place(self, block, align):
        at = block
        while (at + HEAD) % align or 0 < at - block < SMALL:
            at += 8
        return at

    def find(self, need, align):
        for index in range(need.bit_length(), 33):
            block = self.heads[index]
            while block:
                at = self.place(block, align)
                if at + need <= block + self.get(block, 0):
                    return block, at
                block = self.get(block, 4)
        return None

    def map(self, end):
        hooks, root, begin = self.kernel.hooks, self.kernel.root, self.pages
        while self.pages < end:
            frame = hooks.pmm_alloc_frame()
            try:
                if frame is None:
                    raise MapError(self.pages)
                flags = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
                hooks.map_page(root, self.pages, frame, flags)
            except MapError:
                if frame is not None:
                    hooks.pmm_free_frame(frame)
                while self.pages > begin:
                    self.pages -= 4096
                    hooks.pmm_free_frame(hooks.unmap_page(root, self.pages))
                return False
            self.pages += 4096
        return True

    def grow(self, need, align):
        tail = self.last if self.last and self.is_block(self.last, FREE_MARK) else 0
        base = tail or self.end
        goal = self.place(base, align) + need
        if goal > self.limit:
            return False
        for step in (CHUNK, 4096):
            end = min((goal + step - 1) // step * step, self.limit)
            if self.map(end):
                break
        else:
            return False
        front = self.get(self.last, 0) if self.last else 0
        old, self.end = self.end, end
        if tail:
            self.unlink(tail)
            self.resize(tail, end - tail)
            self.link(tail)
        else:
            self.set(old, front=front)
            self.resize(old, end - old)
            self.link(old)
        return True

    def allocate(self, size, align):
        need = max((size + HEAD + 7) & ~7, SMALL)
        found = self.find(need, align)
        if found is None and self.grow(need, align):
            found = self.find(need, align)
        if found is None:
            return None
        block, at = found
        size = self.get(block, 0)
        self.unlink(block)
        if at > block:
            self.resize(block, at - block)
            self.link(block)
            self.set(at, front=at - block)
            size -= at - block
        self.resize(at, size)
        if size - need >= SMALL:
            self.resize(at, need)
            self.resize(at + need, size - need)
            self.link(at + need)
            size = need
        self.set(at, mark=USED_MARK, guard=at ^ 0xFFFFFFFF)
        self.used += size
        self.live += 1
        return at + HEAD

    def release(self, ptr):
        block = ptr - HEAD
        if block % 8 or not self.start <= block < self.end or not self.is_block(block, USED_MARK):
            raise HeapError(ptr, "a block in use")
        size = self.get(block, 0)
        self.used -= size
        self.live -= 1
        self.set(block, mark=FREE_MARK)
        if block + size < self.end and self.is_block(block + size, FREE_MARK):
            self.unlink(block + size)
            size += self.get(block + size, 0)
        front = self.get(block, 1)
        if front and self.is_block(block - front, FREE_MARK):
            self.unlink(block - front)
            block, size = block - front, size + front
        self.resize(block, size)
        self.link(block)


@hookimpl
def heap_init(kernel, start, max_end):
    if start >= max_end or hasattr(kernel.state, "bins"):
        raise HeapInitError(start, "a range, once")
    kernel.state.bins = Bins(kernel, start, max_end)


@hookimpl
def kmalloc(kernel, size, align):
    return kernel.state.bins.allocate(size, max(align, 8)) if size else None


@hookimpl
def kfree(kernel, ptr):
    if ptr is not None:
        kernel.state.bins.release(ptr)


@hookimpl
def heap_stats(kernel):
    bins = kernel.state.bins
    return HeapStats(bins.used, bins.end - bins.start - bins.used, bins.live)
