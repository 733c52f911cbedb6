# concept: heap-in-python
# check: heap-stats
# expected_score: 89
"""A good free list, but in Python: the machine's memory holds none of it."""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl


@hookimpl
def heap_init(kernel, start, max_end):
    s = kernel.state
    if hasattr(s, "free") or max_end <= start:
        raise HeapInitError(start)
    s.start = s.end = (start + 15) // 16 * 16
    s.max_end = max_end // 16 * 16
    s.mapped = s.start // 4096 * 4096
    s.free = []  # (start, end), in order
    s.used = {}  # pointer: size


def grow(kernel, need):
    s, hooks = kernel.state, kernel.hooks
    if s.end + need > s.max_end:
        return False
    end = min((s.end + need + 4095) // 4096 * 4096, s.max_end)
    pages = list(range(s.mapped, end, 4096))
    for i, page in enumerate(pages):
        frame = hooks.pmm_alloc_frame()
        try:
            if frame is None:
                raise MapError(page)
            flags = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
            hooks.map_page(kernel.root, page, frame, flags)
        except MapError:
            if frame is not None:
                hooks.pmm_free_frame(frame)
            for done in pages[:i]:
                hooks.pmm_free_frame(hooks.unmap_page(kernel.root, done))
            return False
    s.mapped += 4096 * len(pages)
    put_back(s, s.end, end)
    s.end = end
    return True


def put_back(s, start, end):
    s.free.append((start, end))
    s.free.sort()
    joined = []
    for start, end in s.free:
        if joined and joined[-1][1] == start:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    s.free = joined


def search(s, need, align):
    for start, end in s.free:
        at = (start + align - 1) // align * align
        if at + need <= end:
            s.free.remove((start, end))
            if at > start:
                put_back(s, start, at)
            if at + need < end:
                put_back(s, at + need, end)
            s.used[at] = need
            return at
    return None


@hookimpl
def kmalloc(kernel, size, align):
    if size == 0:
        return None
    s = kernel.state
    need, align = (size + 15) // 16 * 16, max(align, 16)
    ptr = search(s, need, align)
    if ptr is None and grow(kernel, need):
        ptr = search(s, need, align)
    if ptr is None and align > 16 and grow(kernel, need + align):
        ptr = search(s, need, align)
    return ptr


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    s = kernel.state
    if ptr not in s.used:
        raise HeapError(ptr, "a block in use")
    put_back(s, ptr, ptr + s.used.pop(ptr))


@hookimpl
def heap_stats(kernel):
    s = kernel.state
    return HeapStats(sum(s.used.values()), sum(e - b for b, e in s.free), len(s.used))
