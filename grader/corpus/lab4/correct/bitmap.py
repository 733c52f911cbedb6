# concept: none
# check: all
# expected_score: 90
"""No headers at all: two bitmaps, a bit for each 16 bytes, in frames beside the heap.

`taken` has a bit for every granule in use, `first` one for the granule that a block begins with.
"""

from kernel_sim import HeapError, HeapInitError, HeapStats, MapError, PageTableFlags, hookimpl

GRANULE = 16
PER_PAGE = 4096 // GRANULE  # 256 granules: 32 bytes of each bitmap for a page of heap
PAGES_A_FRAME = 4096 // (2 * PER_PAGE // 8)  # one frame holds both bitmaps of 64 pages


class Bits:
    """Both bitmaps as two big numbers, read from memory and written back."""

    def __init__(self, kernel):
        self.kernel = kernel

    def place(self, page_number, which):
        frame = self.kernel.state.frames[page_number // PAGES_A_FRAME]
        inside = page_number % PAGES_A_FRAME * 64 + 32 * which
        return self.kernel.hooks.phys_to_virt(frame) + inside

    def load(self, which):
        pages = range(self.kernel.state.pages)
        data = b"".join(self.kernel.cpu.read(self.place(n, which), 32) for n in pages)
        return int.from_bytes(data, "little")

    def save(self, which, value, old):
        changed = value ^ old
        for n in range(self.kernel.state.pages):
            if changed >> n * PER_PAGE & ((1 << PER_PAGE) - 1):
                part = value >> n * PER_PAGE & ((1 << PER_PAGE) - 1)
                self.kernel.cpu.write(self.place(n, which), part.to_bytes(32, "little"))


def runs_of(free, count):
    """The granules at which `count` free ones in a row begin."""
    length = 1
    while length < count and free:
        step = min(length, count - length)
        free &= free >> step
        length += step
    return free


def add_page(kernel):
    state, hooks = kernel.state, kernel.hooks
    extra = None
    if state.pages % PAGES_A_FRAME == 0 and state.pages // PAGES_A_FRAME == len(state.frames):
        extra = hooks.pmm_alloc_frame()
        if extra is None:
            return False
    frame = hooks.pmm_alloc_frame()
    page = state.base + 4096 * state.pages
    try:
        if frame is None:
            raise MapError(page)
        flags = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
        hooks.map_page(kernel.root, page, frame, flags)
    except MapError:
        for got in (frame, extra):
            if got is not None:
                hooks.pmm_free_frame(got)
        return False
    if extra is not None:
        kernel.cpu.fill(hooks.phys_to_virt(extra), 4096, 0)
        state.frames.append(extra)
    state.pages += 1
    return True


def drop_page(kernel):
    state, hooks = kernel.state, kernel.hooks
    state.pages -= 1
    frame = hooks.unmap_page(kernel.root, state.base + 4096 * state.pages)
    hooks.pmm_free_frame(frame)
    if state.pages % PAGES_A_FRAME == 0:
        hooks.pmm_free_frame(state.frames.pop())


def search(kernel, count, align):
    """The first granule of a free run inside the window, aligned; None if there is none."""
    state = kernel.state
    all_granules = (1 << state.pages * PER_PAGE) - 1
    free = all_granules & ~Bits(kernel).load(0)
    low = -(-(state.start - state.base) // GRANULE)
    high = (state.max_end - state.base) // GRANULE
    free &= -1 << low & (1 << high) - 1
    found = runs_of(free, count)
    while found:
        granule = (found & -found).bit_length() - 1
        if (state.base + granule * GRANULE) % align == 0:
            return granule
        found &= found - 1
    return None


@hookimpl
def heap_init(kernel, start, max_end):
    state = kernel.state
    if hasattr(state, "base") or start >= max_end:
        raise HeapInitError(start, "an empty heap and a range")
    state.start, state.max_end = start, max_end
    state.base = start & ~0xFFF
    state.pages = 0
    state.frames = []
    state.used = state.blocks = 0


@hookimpl
def kmalloc(kernel, size, align):
    state = kernel.state
    if size == 0 or size > state.max_end - state.start:
        return None
    count = -(-size // GRANULE)
    align = max(align, GRANULE)
    granule = search(kernel, count, align)
    added = 0
    while granule is None:
        if state.base + 4096 * state.pages >= state.max_end or not add_page(kernel):
            for _ in range(added):
                drop_page(kernel)
            return None
        added += 1
        if added * PER_PAGE >= min(count, PER_PAGE):
            granule = search(kernel, count, align)
    bits = Bits(kernel)
    taken, first = bits.load(0), bits.load(1)
    bits.save(0, taken | ((1 << count) - 1) << granule, taken)
    bits.save(1, first | 1 << granule, first)
    state.used += count * GRANULE
    state.blocks += 1
    return state.base + granule * GRANULE


@hookimpl
def kfree(kernel, ptr):
    if ptr is None:
        return
    state, bits = kernel.state, Bits(kernel)
    if ptr % GRANULE or not state.start <= ptr < min(state.base + 4096 * state.pages, state.max_end):
        raise HeapError(ptr, "an address of the heap", "FOREIGN_POINTER")
    granule = (ptr - state.base) // GRANULE
    taken, first = bits.load(0), bits.load(1)
    if not taken >> granule & 1:
        raise HeapError(ptr, "a block in use", "DOUBLE_FREE")
    if not first >> granule & 1:
        raise HeapError(ptr, "the start of a block", "FOREIGN_POINTER")
    count = 1
    while taken >> granule + count & 1 and not first >> granule + count & 1:
        count += 1
    bits.save(0, taken & ~(((1 << count) - 1) << granule), taken)
    bits.save(1, first & ~(1 << granule), first)
    state.used -= count * GRANULE
    state.blocks -= 1


@hookimpl
def heap_stats(kernel):
    state = kernel.state
    return HeapStats(state.used, max(4096 * state.pages - state.used, 0), state.blocks)
