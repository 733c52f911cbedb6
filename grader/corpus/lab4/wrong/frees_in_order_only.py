# concept: free-refused
# check: kfree
# expected_score: 65
"""A block that is not on top cannot be given back."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

MAGIC_USED = 0xABCD1234
MAGIC_FREED = 0xABCD5678
HEADER_SIZE = 16  # address of the block below, size, magic, own address


class Stack:
    def __init__(self, kernel, start, limit):
        self.kernel = kernel
        self.bottom = start
        self.limit = limit
        self.top = start  # the first byte that is not in use
        self.last = 0  # the block on top
        self.pages_end = start - start % 4096
        self.live = 0
        self.live_bytes = 0

    def header(self, ptr):
        return [self.kernel.cpu.load(ptr - HEADER_SIZE + 4 * i, 4) for i in range(4)]

    def set_header(self, ptr, *words):
        for i, word in enumerate(words):
            self.kernel.cpu.store(ptr - HEADER_SIZE + 4 * i, 4, word)

    def grow(self, end):
        hooks, done = self.kernel.hooks, []
        for page in range(self.pages_end, end, 4096):
            frame = hooks.pmm_alloc_frame()
            if frame is not None:
                try:
                    hooks.map_page(
                        self.kernel.root,
                        page,
                        frame,
                        PageTableFlags.PRESENT | PageTableFlags.WRITABLE,
                    )
                except MapError:
                    hooks.pmm_free_frame(frame)
                    frame = None
            if frame is None:
                for mapped in done:
                    hooks.pmm_free_frame(hooks.unmap_page(self.kernel.root, mapped))
                return False
            done.append(page)
        self.pages_end += 4096 * len(done)
        return True

    def push(self, size, align):
        ptr = self.top + HEADER_SIZE
        ptr += -ptr % align
        if ptr + size > self.limit:
            return None
        if not self.grow(ptr + size):
            return None
        self.set_header(ptr, self.last, size, MAGIC_USED, ptr)
        self.last = ptr
        self.top = ptr + size
        self.top += -self.top % 8
        self.live += 1
        self.live_bytes += size
        return ptr

    def pop_freed(self):
        while self.last:
            below, size, magic, own = self.header(self.last)
            if magic != MAGIC_FREED:
                break
            if below:
                self.top = below + self.header(below)[1]
                self.top += -self.top % 8
            else:
                self.top = self.bottom
            self.last = below


@hookimpl
def heap_init(kernel, start, max_end):
    if getattr(kernel.state, "stack", None) is not None:
        raise HeapInitError(start, "only one call", "ALREADY_INITIALIZED")
    if max_end < start:
        raise HeapInitError(max_end, "start < end", "INVALID_RANGE")
    if max_end == start:
        raise HeapInitError(max_end, "some bytes", "EMPTY_RANGE")
    kernel.state.stack = Stack(kernel, start, max_end)


@hookimpl
def kmalloc(kernel, size, align):
    if size < 1:
        return None
    return kernel.state.stack.push(size, max(align, 8))


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    stack = kernel.state.stack
    if ptr % 8 != 0 or ptr < stack.bottom + HEADER_SIZE or ptr > stack.last:
        raise HeapError(ptr, "a block on the stack", "FOREIGN_POINTER")
    below, size, magic, own = stack.header(ptr)
    if ptr != stack.last and magic == MAGIC_USED and own == ptr:
        raise HeapError(ptr, "the block on top")
    if own != ptr or magic not in (MAGIC_USED, MAGIC_FREED):
        raise HeapError(ptr, "the start of a block", "FOREIGN_POINTER")
    if magic == MAGIC_FREED:
        raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
    stack.set_header(ptr, below, size, MAGIC_FREED, ptr)
    stack.live -= 1
    stack.live_bytes -= size
    stack.pop_freed()


@hookimpl
def heap_stats(kernel):
    stack = kernel.state.stack
    return HeapStats(used=stack.live_bytes, free=stack.limit - stack.top, blocks=stack.live)
