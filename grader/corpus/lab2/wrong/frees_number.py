# concept: frame-refused
# check: free-reuse
# expected_score: 81
"""Takes the argument for a frame number."""

from kernel_sim import FrameError, FrameStats, RegionKind, hookimpl

PAGE = 4096


def get_bit(kernel, n):
    byte = kernel.cpu.load(kernel.hooks.phys_to_virt(kernel.state.bitmap) + n // 8, 1)
    return byte >> (n % 8) & 1


def set_bit(kernel, n, value):
    at = kernel.hooks.phys_to_virt(kernel.state.bitmap) + n // 8
    byte = kernel.cpu.load(at, 1)
    if value:
        byte |= 1 << (n % 8)
    else:
        byte &= ~(1 << (n % 8))
    kernel.cpu.store(at, 1, byte)


def available_ranges(regions):
    ranges = []
    for r in regions:
        if r.kind != RegionKind.AVAILABLE:
            continue
        if ranges and ranges[-1][1] == r.base:
            ranges[-1][1] = r.end
        else:
            ranges.append([r.base, r.end])
    return ranges


def place_bitmap(kernel, frames, taken, size):
    area = kernel.config.bitmap_area
    if area is not None and area.length >= size:
        return area.start
    pages = (size + PAGE - 1) // PAGE
    usable = set(frames)
    for n in frames:
        if all(n + k in usable and n + k not in taken for k in range(pages)):
            return n * PAGE
    raise FrameError(size, expected="room for the bitmap")


@hookimpl
def pmm_init(kernel, regions, reserved):
    state = kernel.state
    if hasattr(state, "bitmap"):
        return
    limit = kernel.config.physical_limit
    frames = []
    for start, end in available_ranges(regions):
        first = (start + PAGE - 1) // PAGE
        last = min(end, limit) // PAGE
        frames += range(first, last)
    taken = {0}
    for r in reserved:
        taken |= set(range(r.start // PAGE, (r.end + PAGE - 1) // PAGE))
    state.count = frames[-1] + 1
    state.size = (state.count + 7) // 8
    state.bitmap = place_bitmap(kernel, frames, taken, state.size)
    first = state.bitmap // PAGE
    last = (state.bitmap + state.size + PAGE - 1) // PAGE
    taken |= set(range(first, last))
    state.ours = set(frames) - taken
    state.total = len(frames)
    state.free = len(state.ours)
    kernel.cpu.fill(state.bitmap, state.size, 0xFF)
    for n in state.ours:
        set_bit(kernel, n, 0)


@hookimpl
def pmm_alloc_frame(kernel):
    for n in range(1, kernel.state.count):
        if get_bit(kernel, n) == 0:
            set_bit(kernel, n, 1)
            kernel.state.free -= 1
            return n * PAGE
    kernel.log("pmm: out of memory")
    return None


@hookimpl
def pmm_free_frame(kernel, frame):
    state = kernel.state
    n = frame
    if n >= state.count:
        raise FrameError(frame, reason="OUT_OF_RANGE")
    if n not in state.ours:
        raise FrameError(frame, reason="RESERVED")
    if get_bit(kernel, n) == 0:
        raise FrameError(frame, reason="DOUBLE_FREE")
    set_bit(kernel, n, 0)
    state.free += 1


@hookimpl
def pmm_stats(kernel):
    s = kernel.state
    return FrameStats(
        total=s.total,
        used=s.total - s.free,
        free=s.free,
        bitmap_base=s.bitmap,
        bitmap_bytes=s.size,
        bit_order="lsb",
        used_bit=1,
        first_frame=0,
    )
