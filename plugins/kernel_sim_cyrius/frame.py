"""`BootInfoFrameAllocator`: usable frames in the map's order, freed ones first (MS-16, MS-17).

::

    ranges   |  usable, rounded inward  |      |  usable  |       what is reserved is cut out
                      ^ next: all before it has been handed out
    free     frame --> frame --> frame --> 0                      newest first; a link in each frame

A freed frame is put on a list and waits there: nothing is sorted, joined or cleared until somebody
asks. The link lies in the frame's first 8 bytes, reached by way of the `PhysMapper`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_up, is_aligned
from kernel_sim.errors import FrameError, FrameErrorReason
from kernel_sim.host.quirks import has_quirk
from kernel_sim.host.reservation import available
from kernel_sim.machine.firmware.available import without
from kernel_sim.values import AddrRange, MemoryRegion

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


def usable(regions: Iterable[MemoryRegion], reserved: Iterable[AddrRange]) -> list[AddrRange]:
    """Whole frames of usable memory that no byte of ``reserved`` touches, in order (MS-16)."""
    pieces = without(available(regions), reserved)
    inward = ((align_up(p.start, PAGE_SIZE), p.end & -PAGE_SIZE) for p in pieces)
    return [AddrRange(start, end) for start, end in inward if start < end]


@dataclass(slots=True)
class BootInfoFrameAllocator:
    """The cursor into the ranges, and the head of the list."""

    kernel: "Kernel"
    ranges: list[AddrRange]
    next_frame: int = 0
    free_head: int = 0
    recycled: int = 0

    @property
    def total(self) -> int:
        """Frames that it may ever hand out."""
        return sum(item.length for item in self.ranges) // PAGE_SIZE

    @property
    def free(self) -> int:
        """Frames not handed out now."""
        fresh = sum(max(0, r.end - max(r.start, self.next_frame)) for r in self.ranges)
        return fresh // PAGE_SIZE + self.recycled

    def allocate(self) -> int | None:
        """The frame that was freed last, else the next fresh one, else None."""
        if self.free_head:
            frame = self.free_head
            self.free_head = self._link(frame)
            self.recycled -= 1
            return frame
        return self._fresh(1)

    def allocate_run(self, count: int) -> int | None:
        """``count`` frames in a row: freed ones if some lie so, else fresh ones (MS-22)."""
        frames = sorted(self.free_frames())
        for first in frames:
            wanted = range(first, first + count * PAGE_SIZE, PAGE_SIZE)
            if set(wanted) <= set(frames):
                self._relink([frame for frame in self.free_frames() if frame not in wanted])
                return first
        return self._fresh(count)

    def deallocate(self, frame: int) -> None:
        """Put a frame on the list.

        Raises:
            FrameError: it was never handed out, or is on the list already.
        """
        if not is_aligned(frame, PAGE_SIZE):
            raise FrameError(frame, "a multiple of 0x1000", FrameErrorReason.MISALIGNED)
        if not any(frame in item for item in self.ranges):
            raise FrameError(frame, "a usable frame", FrameErrorReason.RESERVED)
        accepts = has_quirk(self.kernel, "duplicates_recycled")
        if not accepts and (frame >= self.next_frame or frame in self.free_frames()):
            raise FrameError(frame, "a frame in use", FrameErrorReason.DOUBLE_FREE)
        self._push(frame)

    def free_frames(self) -> list[int]:
        """The frames on the list, newest first."""
        found, at = [], self.free_head
        while at:
            found.append(at)
            at = self._link(at)
        return found

    def _fresh(self, count: int) -> int | None:
        """The next ``count`` frames in a row; what is skipped on the way goes on the list."""
        for item in self.ranges:
            start = max(item.start, self.next_frame)
            if item.end - start >= count * PAGE_SIZE:
                skipped = self._between(self.next_frame, start)
                self.next_frame = start + count * PAGE_SIZE
                for frame in skipped:
                    self._push(frame)
                return start
        return None

    def _between(self, start: int, end: int) -> list[int]:
        ranges = ((max(r.start, start), min(r.end, end)) for r in self.ranges)
        return [frame for low, high in ranges for frame in range(low, high, PAGE_SIZE)]

    def _relink(self, frames: list[int]) -> None:
        self.free_head, self.recycled = frames[0] if frames else 0, len(frames)
        for frame, following in pairwise([*frames, 0]):
            self.kernel.cpu.store(self.kernel.hooks.phys_to_virt(frame), 8, following)

    def _push(self, frame: int) -> None:
        self.kernel.cpu.store(self.kernel.hooks.phys_to_virt(frame), 8, self.free_head)
        self.free_head = frame
        self.recycled += 1

    def _link(self, frame: int) -> int:
        return self.kernel.cpu.load(self.kernel.hooks.phys_to_virt(frame), 8)
