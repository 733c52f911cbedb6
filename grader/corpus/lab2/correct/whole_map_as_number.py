# concept: none
# check: all
# expected_score: 90
"""Reads the whole bitmap as one number and looks for its lowest zero."""

from kernel_sim import FrameError, FrameStats, RegionKind, hookimpl


def bits(first, end):
    return (1 << max(end, first)) - (1 << first)


class Frames:
    """All frames as one number that lives in memory."""

    def __init__(self, kernel, regions, reserved):
        self.kernel = kernel
        limit = kernel.config.physical_limit
        usable = 0
        edges = []
        for r in regions:
            if r.kind == RegionKind.AVAILABLE:
                if edges and edges[-1][1] == r.base:
                    edges[-1] = (edges[-1][0], r.end)
                else:
                    edges.append((r.base, r.end))
        for base, end in edges:
            usable |= bits((base + 4095) >> 12, min(end, limit) >> 12)
        kept = 1
        for r in reserved:
            kept |= bits(r.start >> 12, (r.end + 4095) >> 12)
        self.bytes = (usable.bit_length() + 7) >> 3
        free = usable & ~kept
        area = kernel.config.bitmap_area
        if area is not None and area.length >= self.bytes:
            self.base = area.start
        else:
            need = (self.bytes + 4095) >> 12
            starts = free
            for k in range(1, need):
                starts &= free >> k
            self.base = ((starts & -starts).bit_length() - 1) << 12
        free &= ~bits(self.base >> 12, (self.base + self.bytes + 4095) >> 12)
        self.mine = free
        self.total = usable.bit_count()
        self.map = ~free & bits(0, self.bytes * 8)

    @property
    def address(self):
        return self.kernel.hooks.phys_to_virt(self.base)

    @property
    def map(self):
        return int.from_bytes(self.kernel.cpu.read(self.address, self.bytes), "little")

    @map.setter
    def map(self, number):
        self.kernel.cpu.write(self.address, number.to_bytes(self.bytes, "little"))

    @property
    def free(self):
        return (self.mine & ~self.map).bit_count()


@hookimpl
def pmm_init(kernel, regions, reserved):
    if not hasattr(kernel.state, "frames"):
        kernel.state.frames = Frames(kernel, regions, reserved)


@hookimpl
def pmm_alloc_frame(kernel):
    frames = kernel.state.frames
    used = frames.map
    free = frames.mine & ~used
    if not free:
        kernel.log("pmm: nothing left")
        return None
    frames.map = used | (free & -free)
    return (free & -free).bit_length() - 1 << 12


@hookimpl
def pmm_free_frame(kernel, frame):
    frames = kernel.state.frames
    if frame & 4095:
        raise FrameError(frame, reason="MISALIGNED")
    if frame >> 12 >= frames.bytes * 8:
        raise FrameError(frame, reason="OUT_OF_RANGE")
    bit = 1 << (frame >> 12)
    if not frames.mine & bit:
        raise FrameError(frame, reason="RESERVED")
    used = frames.map
    if not used & bit:
        raise FrameError(frame, reason="DOUBLE_FREE")
    frames.map = used & ~bit


@hookimpl
def pmm_stats(kernel):
    f = kernel.state.frames
    return FrameStats(f.total, f.total - f.free, f.free, f.base, f.bytes, "lsb", 1, 0)
