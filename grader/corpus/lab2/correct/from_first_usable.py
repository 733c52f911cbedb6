# concept: none
# check: all
# expected_score: 90
"""Bit 0 is the lowest usable frame, not frame 0."""

from kernel_sim import AddrRange, FrameError, FrameStats, RegionKind, hookimpl

SIZE = 4096


class Span:
    """Frame numbers [first, end)."""

    def __init__(self, first, end):
        self.first, self.end = first, end

    def __len__(self):
        return max(0, self.end - self.first)

    def __contains__(self, n):
        return self.first <= n < self.end

    def minus(self, other):
        parts = [Span(self.first, min(self.end, other.first))]
        parts.append(Span(max(self.first, other.end), self.end))
        return [part for part in parts if len(part)]


def inside(start, end):
    return Span((start + SIZE - 1) // SIZE, end // SIZE)


def around(area):
    return Span(area.start // SIZE, (area.end + SIZE - 1) // SIZE)


def cut(spans, hole):
    if not len(hole):
        return spans
    return [part for span in spans for part in span.minus(hole)]


@hookimpl
def pmm_init(kernel, regions, reserved):
    s = kernel.state
    if getattr(s, "ready", False):
        return
    spans, start, end = [], None, None
    for region in [r for r in regions if r.kind is RegionKind.AVAILABLE]:
        if region.base != end:
            if start is not None:
                spans.append(inside(start, min(end, kernel.config.physical_limit)))
            start = region.base
        end = region.end
    if start is not None:
        spans.append(inside(start, min(end, kernel.config.physical_limit)))
    spans = [span for span in spans if len(span)]
    s.total = sum(map(len, spans))
    s.offset = spans[0].first
    s.frames = spans[-1].end - s.offset
    s.size = (s.frames + 63) // 64 * 8
    for area in [AddrRange(0, SIZE), *reserved]:
        spans = cut(spans, around(area))
    s.base = place(kernel, spans, s.size)
    s.spans = cut(spans, around(AddrRange(s.base, s.base + s.size)))
    kernel.cpu.fill(s.base, s.size, 0xFF)
    for span in s.spans:
        for n in range(span.first, span.end):
            flip(kernel, n)
    s.free = sum(map(len, s.spans))
    s.ready = True


def place(kernel, spans, size):
    area = kernel.config.bitmap_area
    if area is not None and area.length >= size:
        return area.start
    for span in spans:
        if len(span) * SIZE >= size:
            return span.first * SIZE
    raise FrameError(size, expected="room")


def word_of(kernel, n):
    bit = n - kernel.state.offset
    return kernel.hooks.phys_to_virt(kernel.state.base) + bit // 64 * 8, bit % 64


def flip(kernel, n):
    address, bit = word_of(kernel, n)
    kernel.cpu.store(address, 8, kernel.cpu.load(address, 8) ^ 1 << bit)


def used(kernel, n):
    address, bit = word_of(kernel, n)
    return kernel.cpu.load(address, 8) >> bit & 1


@hookimpl
def pmm_alloc_frame(kernel):
    s = kernel.state
    base = kernel.hooks.phys_to_virt(s.base)
    for word in range(0, s.size, 8):
        value = kernel.cpu.load(base + word, 8)
        if value != (1 << 64) - 1:
            zeros = ~value & (1 << 64) - 1
            n = s.offset + word * 8 + (zeros & -zeros).bit_length() - 1
            flip(kernel, n)
            s.free -= 1
            return n * SIZE
    return None


@hookimpl
def pmm_free_frame(kernel, frame):
    if frame % SIZE:
        raise FrameError(frame, reason="MISALIGNED")
    n = frame // SIZE
    if not any(n in span for span in kernel.state.spans):
        inside_map = 0 <= n - kernel.state.offset < kernel.state.frames
        raise FrameError(frame, reason="RESERVED" if inside_map else "OUT_OF_RANGE")
    if not used(kernel, n):
        raise FrameError(frame, reason="DOUBLE_FREE")
    flip(kernel, n)
    kernel.state.free += 1


@hookimpl
def pmm_stats(kernel):
    s = kernel.state
    return FrameStats(
        total=s.total,
        used=s.total - s.free,
        free=s.free,
        bitmap_base=s.base,
        bitmap_bytes=s.size,
        bit_order="lsb",
        used_bit=1,
        first_frame=s.offset * SIZE,
    )
