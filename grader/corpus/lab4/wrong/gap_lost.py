# concept: memory-lost
# check: reuse
# expected_score: 88
"""What lies in front of an aligned block is lost."""

from kernel_sim import HeapError, HeapInitError, HeapStats, PageTableFlags, hookimpl
from kernel_sim.errors import MapError

UNIT = 16
BUSY = 0x0B05_EE0B


def header(kernel, p):
    """next, size in units, tag"""
    return kernel.cpu.load(p, 4), kernel.cpu.load(p + 4, 4), kernel.cpu.load(p + 8, 4)


def set_next(kernel, p, value):
    kernel.cpu.store(p, 4, value)


def set_size(kernel, p, units):
    kernel.cpu.store(p + 4, 4, units)


def set_tag(kernel, p, tag):
    kernel.cpu.store(p + 8, 4, tag)


def tag_of(p):
    return BUSY ^ p


@hookimpl
def heap_init(kernel, start, max_end):
    s = kernel.state
    if hasattr(s, "freep") or max_end <= start:
        raise HeapInitError(start)
    s.base = -(-start // UNIT) * UNIT  # a list head of size 0, mapped with the first page
    s.limit = max_end // UNIT * UNIT
    s.top = s.base
    s.page = s.base & ~4095
    s.freep = 0
    s.used = s.free = s.count = 0


def morecore(kernel, units):
    s = kernel.state
    first = s.freep == 0
    want = s.top + (units + (1 if first else 0)) * UNIT
    if want > s.limit:
        return False
    end = min(-(-want // 4096) * 4096, s.limit)
    pages = list(range(s.page, end, 4096))
    for n, page in enumerate(pages):
        frame = kernel.hooks.pmm_alloc_frame()
        good = frame is not None
        if good:
            try:
                kernel.hooks.map_page(
                    kernel.root, page, frame, PageTableFlags.PRESENT | PageTableFlags.WRITABLE
                )
            except MapError:
                kernel.hooks.pmm_free_frame(frame)
                good = False
        if not good:
            for done in pages[:n]:
                kernel.hooks.pmm_free_frame(kernel.hooks.unmap_page(kernel.root, done))
            return False
    s.page += 4096 * len(pages)
    if first:
        set_next(kernel, s.base, s.base)
        set_size(kernel, s.base, 0)
        set_tag(kernel, s.base, 0)
        s.freep = s.base
        s.top += UNIT
    block, s.top = s.top, end
    set_size(kernel, block, (end - block) // UNIT)
    put_back(kernel, block)
    return True


def put_back(kernel, block):
    """Insert into the circular list in order of address; join with both neighbours."""
    s = kernel.state
    set_tag(kernel, block, 0)
    size = header(kernel, block)[1]
    s.free += size * UNIT
    p = s.freep
    while True:
        following = header(kernel, p)[0]
        if p < block < following or (p >= following and (block > p or block < following)):
            break
        p = following
    if block + size * UNIT == following:
        after, more, _ = header(kernel, following)
        set_size(kernel, block, size + more)
        set_next(kernel, block, after)
    else:
        set_next(kernel, block, following)
    _, size, _ = header(kernel, block)
    _, size_p, _ = header(kernel, p)
    if size_p and p + size_p * UNIT == block:
        set_size(kernel, p, size_p + size)
        set_next(kernel, p, header(kernel, block)[0])
    else:
        set_next(kernel, p, block)
    s.freep = p


def look(kernel, units, align):
    s = kernel.state
    if not s.freep:
        return None
    prev = s.freep
    while True:
        p, _, _ = header(kernel, prev)
        after, size, _ = header(kernel, p)
        at = -(-(p + UNIT) // align) * align - UNIT
        if size and at + units * UNIT <= p + size * UNIT:
            return prev, p, after, size, at
        if p == s.freep:
            return None
        prev = p


@hookimpl
def kmalloc(kernel, size, align):
    if size <= 0:
        return None
    s = kernel.state
    units = -(-size // UNIT) + 1
    align = max(align, UNIT)
    found = look(kernel, units, align)
    if found is None and morecore(kernel, units):
        found = look(kernel, units, align)
    if found is None and align > UNIT and morecore(kernel, units + align // UNIT):
        found = look(kernel, units, align)
    if found is None:
        return None
    prev, p, after, total, at = found
    s.free -= total * UNIT
    set_next(kernel, prev, after)
    s.freep = prev
    set_size(kernel, at, units)
    rest = total - (at - p) // UNIT - units
    if rest:
        set_size(kernel, at + units * UNIT, rest)
        put_back(kernel, at + units * UNIT)
    set_tag(kernel, at, tag_of(at))
    s.used += units * UNIT
    s.count += 1
    return at + UNIT


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    s = kernel.state
    if ptr % UNIT or not s.base + UNIT < ptr < s.top:
        raise HeapError(ptr, "a pointer from kmalloc", "FOREIGN_POINTER")
    block = ptr - UNIT
    _, size, tag = header(kernel, block)
    if tag != tag_of(block):
        raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
    s.used -= size * UNIT
    s.count -= 1
    put_back(kernel, block)


@hookimpl
def heap_stats(kernel):
    s = kernel.state
    return HeapStats(s.used, s.free, s.count)
