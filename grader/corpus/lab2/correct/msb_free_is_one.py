# concept: none
# check: all
# expected_score: 90
"""Highest bit first, a set bit is a free frame."""

from kernel_sim import FrameError, FrameStats, RegionKind, hookimpl

FRAME = 0x1000


def frames_of(start, end):
    return range(-(-start // FRAME), end // FRAME)


def joined(regions):
    start = end = None
    for region in regions:
        if region.kind is not RegionKind.AVAILABLE:
            continue
        if region.base == end:
            end = region.end
            continue
        if start is not None:
            yield start, end
        start, end = region.base, region.end
    if start is not None:
        yield start, end


def mask(n):
    return 0x80 >> n % 8


def where(kernel, n):
    return kernel.hooks.phys_to_virt(kernel.state.base) + n // 8


def is_free(kernel, n):
    return bool(kernel.cpu.load(where(kernel, n), 1) & mask(n))


def change(kernel, n, free):
    old = kernel.cpu.load(where(kernel, n), 1)
    kernel.cpu.store(where(kernel, n), 1, old | mask(n) if free else old & ~mask(n))


@hookimpl
def pmm_init(kernel, regions, reserved):
    s = kernel.state
    if hasattr(s, "base"):
        kernel.log("pmm_init called again")
        return
    limit = kernel.config.physical_limit
    usable = [n for start, end in joined(regions) for n in frames_of(start, min(end, limit))]
    blocked = {0}
    for r in reserved:
        blocked.update(range(r.start // FRAME, -(-r.end // FRAME)))
    s.bits = max(usable) + 1
    s.bytes = -(-s.bits // 8)
    s.base = find_place(kernel, usable, blocked, s.bytes)
    blocked.update(range(s.base // FRAME, -(-(s.base + s.bytes) // FRAME)))
    kernel.cpu.fill(s.base, s.bytes, 0)
    s.mine = [n for n in usable if n not in blocked]
    s.known = frozenset(s.mine)
    for n in s.mine:
        change(kernel, n, True)
    s.total = len(usable)
    s.used = s.total - len(s.mine)


def find_place(kernel, usable, blocked, size):
    area = kernel.config.bitmap_area
    if area and area.length >= size:
        return area.start
    need, run = -(-size // FRAME), []
    for n in usable:
        if n in blocked:
            run = []
            continue
        run = [*run, n] if run and run[-1] == n - 1 else [n]
        if len(run) == need:
            return run[0] * FRAME
    raise FrameError(size, "a place for the bitmap")


@hookimpl
def pmm_alloc_frame(kernel):
    s = kernel.state
    start = kernel.hooks.phys_to_virt(s.base)
    for i in range(s.bytes):
        byte = kernel.cpu.load(start + i, 1)
        if byte:
            n = i * 8 + 8 - byte.bit_length()
            change(kernel, n, False)
            s.used += 1
            return n * FRAME
    kernel.log("out of memory")
    return None


@hookimpl
def pmm_free_frame(frame, kernel):
    s = kernel.state
    n, rest = divmod(frame, FRAME)
    if rest:
        raise FrameError(frame, "a multiple of 4096", "MISALIGNED")
    if n >= s.bits:
        raise FrameError(frame, "a frame in range", "OUT_OF_RANGE")
    if n not in s.known:
        raise FrameError(frame, "a frame of ours", "RESERVED")
    if is_free(kernel, n):
        raise FrameError(frame, "a frame in use", "DOUBLE_FREE")
    change(kernel, n, True)
    s.used -= 1


@hookimpl
def pmm_stats(kernel):
    s = kernel.state
    return FrameStats(s.total, s.used, s.total - s.used, s.base, s.bytes, "msb", 0, 0)
