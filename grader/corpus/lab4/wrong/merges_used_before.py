# concept: heap-overlap-reuse
# check: blocks
# expected_score: 55
"""Reads the size of the block in front but not whether it is used."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

# block:   | size + used bit (4) | check (4) | payload ... | size + used bit (4) | check (4) |
# sizes are multiples of 16; the payload begins 8 bytes after the block, so blocks begin at 8 mod 16
TAG = 8
MIN = 32


def up(value, to):
    return -(-value // to) * to


def get(kernel, at):
    """The tag at `at`: size and whether it is used; None if it is no tag."""
    word = kernel.cpu.load(at, 4)
    if kernel.cpu.load(at + 4, 4) != (word * 2654435761 ^ at) & 0xFFFFFFFF:
        return None
    return word & ~1, word & 1


def put(kernel, block, size, used):
    for at in (block, block + size - TAG):
        word = size | used
        kernel.cpu.store(at, 4, word)
        kernel.cpu.store(at + 4, 4, (word * 2654435761 ^ at) & 0xFFFFFFFF)


def extend(kernel, amount):
    """Add at least `amount` bytes at the end as a free block; False if that is not possible."""
    heap = kernel.state
    if heap.end + amount > heap.limit:
        return False
    new_end = min(up(heap.end + amount + TAG, 4096) - TAG, heap.limit)
    pages = []
    page = heap.page_end
    try:
        while page < new_end:
            frame = kernel.hooks.pmm_alloc_frame()
            if frame is None:
                raise MapError(page, "a frame")
            pages.append((page, frame))
            flags = PageTableFlags.WRITABLE | PageTableFlags.PRESENT
            kernel.hooks.map_page(kernel.root, page, frame, flags)
            page += 4096
    except MapError:
        mapped = [p for p, _ in pages if p < page]
        for p in mapped:
            kernel.hooks.unmap_page(kernel.root, p)
        for _, frame in pages:
            kernel.hooks.pmm_free_frame(frame)
        return False
    heap.page_end = page
    old, heap.end = heap.end, new_end
    join(kernel, old, new_end - old)
    return True


def join(kernel, block, size):
    """Make [block, block + size) free, together with free neighbours."""
    heap = kernel.state
    if block > heap.first:
        before, used = get(kernel, block - TAG)
        block -= before
        size += before
    if block + size < heap.end:
        behind, used = get(kernel, block + size)
        if not used:
            size += behind
    put(kernel, block, size, 0)
    return block


def payload_in(block, size, need, align):
    """Where in a free block a payload may begin; None if it does not fit."""
    at = up(block + TAG, align) - TAG
    while at != block and at - block < MIN:
        at += align
    return at if at + need <= block + size else None


def find(kernel, need, align):
    heap = kernel.state
    block = heap.first
    while block < heap.end:
        size, used = get(kernel, block)
        if not used:
            at = payload_in(block, size, need, align)
            if at is not None:
                return block, size, at
        block += size
    return None


@hookimpl
def heap_init(kernel, start, max_end):
    if hasattr(kernel.state, "first"):
        raise HeapInitError(start, reason="ALREADY_INITIALIZED")
    if start > max_end:
        raise HeapInitError(start, reason="INVALID_RANGE")
    if start == max_end:
        raise HeapInitError(start, reason="EMPTY_RANGE")
    heap = kernel.state
    heap.first = heap.end = up(start + TAG, 16) - TAG
    heap.limit = (max_end - TAG) // 16 * 16 + TAG
    heap.page_end = heap.first // 4096 * 4096
    heap.used = heap.blocks = 0


@hookimpl
def kmalloc(kernel, size, align):
    if size <= 0:
        return None
    heap = kernel.state
    need = max(up(size + 2 * TAG, 16), MIN)
    align = max(align, 16)
    found = find(kernel, need, align)
    for more in (need, need + align + MIN):
        if found is None and extend(kernel, more):
            found = find(kernel, need, align)
    if found is None:
        return None
    block, total, at = found
    rest = block + total - (at + need)
    if rest < MIN:
        need += rest
    elif rest:
        put(kernel, at + need, rest, 0)
    if at > block:
        put(kernel, block, at - block, 0)
    put(kernel, at, need, 1)
    heap.used += need
    heap.blocks += 1
    return at + TAG


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    heap = kernel.state
    block = ptr - TAG
    if ptr % 16 or not heap.first <= block < heap.end:
        raise HeapError(ptr, reason="FOREIGN_POINTER")
    tag = get(kernel, block)
    if tag is None:
        raise HeapError(ptr, reason="FOREIGN_POINTER")
    size, used = tag
    if not used:
        raise HeapError(ptr, reason="DOUBLE_FREE")
    if get(kernel, block + size - TAG) != tag:
        raise HeapError(ptr, reason="CORRUPTED")
    heap.used -= size
    heap.blocks -= 1
    put(kernel, block, size, 0)
    join(kernel, block, size)


@hookimpl
def heap_stats(kernel):
    heap = kernel.state
    return HeapStats(heap.used, heap.end - heap.first - heap.used, heap.blocks)
