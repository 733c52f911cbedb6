# concept: coalesce-previous
# check: reuse
# expected_score: 88
"""The buddy is always the block behind."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

SMALLEST = 5  # 2**5 bytes
LARGEST = 24
FREE = 0x0F00_0000
USED = 0x0A00_0000


def order_for(size):
    order = SMALLEST
    while (1 << order) < size:
        order += 1
    return order


@hookimpl
def heap_init(kernel, start, max_end):
    s = kernel.state
    if hasattr(s, "lists"):
        raise HeapInitError(start, reason="ALREADY_INITIALIZED")
    if max_end <= start:
        raise HeapInitError(start, reason="INVALID_RANGE" if max_end < start else "EMPTY_RANGE")
    s.base = (start + 31) & ~31
    s.end = s.base
    s.max_end = max_end & ~31
    s.mapped = s.base & ~0xFFF
    s.lists = {order: 0 for order in range(SMALLEST, LARGEST + 8)}
    s.live = s.live_bytes = s.free_bytes = 0


# a free block: [FREE + order ^ address, next, previous]; a used one, in front of the payload:
# [USED + order ^ address of the payload, distance to the block]


def is_free(kernel, block, order):
    s = kernel.state
    if not s.base <= block <= s.end - (1 << order):
        return False
    return kernel.cpu.load(block, 4) == (FREE + order) ^ block


def push(kernel, block, order):
    s, cpu = kernel.state, kernel.cpu
    head = s.lists[order]
    cpu.store(block, 4, (FREE + order) ^ block)
    cpu.store(block + 4, 4, head)
    cpu.store(block + 8, 4, 0)
    if head:
        cpu.store(head + 8, 4, block)
    s.lists[order] = block
    s.free_bytes += 1 << order


def unlink(kernel, block, order):
    s, cpu = kernel.state, kernel.cpu
    after, before = cpu.load(block + 4, 4), cpu.load(block + 8, 4)
    if before:
        cpu.store(before + 4, 4, after)
    else:
        s.lists[order] = after
    if after:
        cpu.store(after + 8, 4, before)
    cpu.store(block, 4, 0)
    s.free_bytes -= 1 << order


def release(kernel, block, order):
    base = kernel.state.base
    while order < LARGEST:
        buddy = block + (1 << order)
        if not is_free(kernel, buddy, order):
            break
        unlink(kernel, buddy, order)
        block = min(block, buddy)
        order += 1
    push(kernel, block, order)


def acquire(kernel, order):
    s = kernel.state
    for larger in range(order, LARGEST + 8):
        block = s.lists[larger]
        if block:
            unlink(kernel, block, larger)
            while larger > order:
                larger -= 1
                push(kernel, block + (1 << larger), larger)
            return block
    return None


def map_until(kernel, end):
    s, hooks = kernel.state, kernel.hooks
    page = s.mapped
    while page < end:
        frame = hooks.pmm_alloc_frame()
        ok = frame is not None
        if ok:
            try:
                flags = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
                hooks.map_page(kernel.root, page, frame, flags)
            except MapError:
                hooks.pmm_free_frame(frame)
                ok = False
        if not ok:
            while page > s.mapped:
                page -= 0x1000
                hooks.pmm_free_frame(hooks.unmap_page(kernel.root, page))
            return False
        page += 0x1000
    s.mapped = max(s.mapped, page)
    return True


def grow(kernel, order):
    s = kernel.state
    size = 1 << order
    used = s.end - s.base
    target = s.base + (used + size - 1) // size * size
    if target == s.end or not is_free(kernel, target - size // 2, order - 1):
        target += size
    target = max(target, min(s.end + 0x1000, s.max_end))
    if target > s.max_end or not map_until(kernel, target):
        return False
    at, s.end = s.end, target
    while at < target:
        offset = at - s.base
        order = (offset & -offset).bit_length() - 1 if offset else LARGEST
        while at + (1 << order) > target:
            order -= 1
        release(kernel, at, order)
        at += 1 << order
    return True


@hookimpl
def kmalloc(kernel, size, align):
    if size == 0 or size > 1 << LARGEST:
        return None
    order = order_for(size + max(align, 8))
    block = acquire(kernel, order)
    if block is None and grow(kernel, order):
        block = acquire(kernel, order)
    if block is None:
        return None
    payload = (block + 8 + max(align, 8) - 1) // max(align, 8) * max(align, 8)
    kernel.cpu.store(payload - 8, 4, (USED + order) ^ payload)
    kernel.cpu.store(payload - 4, 4, payload - block)
    kernel.state.live += 1
    kernel.state.live_bytes += 1 << order
    return payload


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    s = kernel.state
    if ptr & 7 or not s.base < ptr < s.end:
        raise HeapError(ptr, "a pointer into the heap", "FOREIGN_POINTER")
    order = (kernel.cpu.load(ptr - 8, 4) ^ ptr) - USED
    if not SMALLEST <= order <= LARGEST:
        raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
    block = ptr - kernel.cpu.load(ptr - 4, 4)
    kernel.cpu.store(ptr - 8, 4, 0)
    s.live -= 1
    s.live_bytes -= 1 << order
    release(kernel, block, order)


@hookimpl
def heap_stats(kernel):
    s = kernel.state
    return HeapStats(s.live_bytes, s.free_bytes, s.live)
