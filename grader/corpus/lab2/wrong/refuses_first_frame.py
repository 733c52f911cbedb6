# concept: frame-refused
# check: free-reuse
# expected_score: 83.5
"""The first frame of a region is refused: > instead of >=."""

from kernel_sim import AddrRange, FrameError, FrameStats, RegionKind, hookimpl

FRAME_SHIFT = 12
FRAME_SIZE = 1 << FRAME_SHIFT
WORD = 4


class Bitmap:
    """32-bit words in memory; a set bit is a used frame."""

    def __init__(self, kernel, base, frames):
        self.kernel = kernel
        self.base = base
        self.frames = frames
        self.words = (frames + 31) // 32
        self.size = self.words * WORD

    def address(self, word):
        return self.kernel.hooks.phys_to_virt(self.base) + word * WORD

    def load(self, word):
        return self.kernel.cpu.load(self.address(word), WORD)

    def store(self, word, value):
        self.kernel.cpu.store(self.address(word), WORD, value & 0xFFFFFFFF)

    def fill(self):
        for word in range(self.words):
            self.store(word, 0xFFFFFFFF)

    def test(self, n):
        return self.load(n // 32) >> (n % 32) & 1

    def set(self, n):
        self.store(n // 32, self.load(n // 32) | 1 << n % 32)

    def clear(self, n):
        self.store(n // 32, self.load(n // 32) & ~(1 << n % 32))

    def find(self, start):
        """The first free frame at or after `start`, or None."""
        word, bit = divmod(start, 32)
        while word < self.words:
            value = self.load(word) | ((1 << bit) - 1)
            if value != 0xFFFFFFFF:
                lowest = ~value & (value + 1)
                n = word * 32 + lowest.bit_length() - 1
                return n if n < self.frames else None
            word, bit = word + 1, 0
        return None


class Allocator:
    def __init__(self, kernel, regions, reserved):
        limit = kernel.config.physical_limit
        self.usable = self.inward(regions, limit)
        self.total = sum(end - start for start, end in self.usable)
        frames = max(end for _, end in self.usable)
        bytes_needed = (frames + 31) // 32 * WORD
        blocked = [self.outward(r) for r in reserved] + [(0, 1)]
        base = self.find_room(kernel, blocked, bytes_needed)
        blocked.append(self.outward(AddrRange(base, base + bytes_needed)))
        self.blocked = blocked
        self.bitmap = Bitmap(kernel, base, frames)
        self.bitmap.fill()
        self.free_count = 0
        for start, end in self.usable:
            for n in range(start, end):
                if not self.is_blocked(n):
                    self.bitmap.clear(n)
                    self.free_count += 1
        self.cursor = 0

    @staticmethod
    def inward(regions, limit):
        spans = []
        for region in regions:
            if region.kind is not RegionKind.AVAILABLE:
                continue
            if spans and spans[-1][1] == region.base:
                spans[-1] = (spans[-1][0], region.end)
            else:
                spans.append((region.base, region.end))
        result = []
        for start, end in spans:
            first = (start + FRAME_SIZE - 1) >> FRAME_SHIFT
            last = min(end, limit) >> FRAME_SHIFT
            if first < last:
                result.append((first, last))
        return result

    @staticmethod
    def outward(r):
        return r.start >> FRAME_SHIFT, (r.end + FRAME_SIZE - 1) >> FRAME_SHIFT

    def find_room(self, kernel, blocked, size):
        area = kernel.config.bitmap_area
        if area and area.end - area.start >= size:
            return area.start
        need = (size + FRAME_SIZE - 1) >> FRAME_SHIFT
        for start, end in self.usable:
            n = start
            while n + need <= end:
                clash = [b for b in blocked if n < b[1] and b[0] < n + need]
                if not clash:
                    return n << FRAME_SHIFT
                n = max(b[1] for b in clash)
        raise FrameError(size, expected="a place for the bitmap")

    def is_blocked(self, n):
        return any(start <= n < end for start, end in self.blocked)

    def is_usable(self, n):
        return any(start < n < end for start, end in self.usable)

    def alloc(self):
        n = self.bitmap.find(self.cursor)
        if n is None:
            n = self.bitmap.find(0)
        if n is None:
            return None
        self.bitmap.set(n)
        self.free_count -= 1
        self.cursor = n + 1
        return n << FRAME_SHIFT

    def release(self, frame):
        n = frame >> FRAME_SHIFT
        if frame & (FRAME_SIZE - 1):
            raise FrameError(frame, expected="an aligned address", reason="MISALIGNED")
        if n >= self.bitmap.frames:
            raise FrameError(frame, reason="OUT_OF_RANGE")
        if self.is_blocked(n) or not self.is_usable(n):
            raise FrameError(frame, reason="RESERVED")
        if not self.bitmap.test(n):
            raise FrameError(frame, reason="DOUBLE_FREE")
        self.bitmap.clear(n)
        self.free_count += 1


@hookimpl
def pmm_init(kernel, regions, reserved):
    if getattr(kernel.state, "allocator", None) is None:
        kernel.state.allocator = Allocator(kernel, regions, reserved)


@hookimpl
def pmm_alloc_frame(kernel):
    frame = kernel.state.allocator.alloc()
    if frame is None:
        kernel.console.print("PMM: no frame left")
    return frame


@hookimpl
def pmm_free_frame(kernel, frame):
    kernel.state.allocator.release(frame)


@hookimpl
def pmm_stats(kernel):
    a = kernel.state.allocator
    return FrameStats(
        a.total, a.total - a.free_count, a.free_count, a.bitmap.base, a.bitmap.size, "lsb", 1, 0
    )
