"""`BootInfoFrameAllocator`: the frames of the boot loader's map, a vector and a bitmap (BD-15 on).

::

    vector   | 256 | 257 | 258 | 259 | ...      every discovered frame, in the order of addresses
    bitmap      1     1     0     0             1: not usable, reserved, or handed out
                            ^ next: the first frame that may be clear

`allocate_frame` moves ``next`` forward to a frame whose bit is clear, and sets it. Since nothing is
ever given back, it never has to look behind itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.host.quirks import has_quirk
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion
from kernel_sim_bulldog import discovery
from kernel_sim_bulldog.discovery import BITMAP_BASE
from kernel_sim_bulldog.frame_bitmap import FrameBitmap
from kernel_sim_bulldog.frame_vector import FrameVector
from kernel_sim_bulldog.layout import FRAME_BITMAP_BYTES, physical_of_static
from kernel_sim_bulldog.pre_heap import PreHeapAllocator

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@dataclass(slots=True)
class BootInfoFrameAllocator:
    """The allocator; it hands out nothing before `fill` has given it a vector.

    ``total`` counts the usable frames that the bitmap tracks, ``free`` those with a clear bit.
    """

    kernel: "Kernel"
    bitmap: FrameBitmap
    total: int = 0
    free: int = 0
    vector: FrameVector | None = None
    next_index: int = 0

    @staticmethod
    def init_temp(
        kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]
    ) -> PreHeapAllocator:
        """The allocator for the time before the heap: the first 512 usable frames (BD-12)."""
        if has_quirk(kernel, "init_temp_ignores_kind"):
            return PreHeapAllocator.filled(kernel, discovery.from_64_kib(regions))
        return PreHeapAllocator.filled(kernel, discovery.usable(regions, reserved))

    @classmethod
    def created(cls, kernel: "Kernel") -> "BootInfoFrameAllocator":
        """One whose bitmap records nothing yet."""
        return cls(kernel, FrameBitmap.zeroed(kernel))

    def mark_used_frames(self, regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
        """Record all that may not be handed out: other regions, holes, ``reserved`` (BD-19)."""
        usable = discovery.usable(regions, reserved)
        free = discovery.tracked(usable)
        self.bitmap.mark_all_but(free)
        self.free = discovery.count(free)
        self.total = discovery.count(discovery.tracked(discovery.usable(regions, ())))
        untracked = discovery.count(usable) - self.free
        if untracked:
            self.kernel.log("frames_untracked", frame_count=untracked)

    def mark_handed_out(self, frames: Iterable[int]) -> None:
        """Record frames that the pre-heap allocator gave away."""
        for frame in frames:
            if not self.bitmap.is_used(frame) and self.bitmap.mark_used(frame):
                self.free -= 1

    def fill(self, regions: list[MemoryRegion]) -> None:
        """Put every discovered frame that can be tracked into a vector on the heap.

        Raises:
            FrameError: the heap has no room.
        """
        frames = discovery.tracked(discovery.discovered(regions))
        vector = FrameVector.with_capacity(self.kernel, discovery.count(frames))
        for item in frames:
            vector.extend(item)
        self.vector = vector

    def allocate_frame(self) -> int | None:
        """The address of the next frame that is not used, which it is from now on; or None."""
        vector = self.vector
        if vector is None:
            return None
        while self.next_index < vector.length:
            frame = vector.frame(self.next_index)
            self.next_index += 1
            if not self.bitmap.is_used(frame) or has_quirk(self.kernel, "bitmap_not_consulted"):
                self.bitmap.mark_used(frame)
                self.free -= 1
                return frame
        return None

    def stats(self) -> FrameStats:
        """The counters, and how to read the bitmap."""
        return FrameStats(
            total=self.total,
            used=self.total - self.free,
            free=self.free,
            bitmap_base=physical_of_static(self.kernel, self.bitmap.base),
            bitmap_bytes=FRAME_BITMAP_BYTES,
            bit_order="lsb",
            used_bit=1,
            first_frame=BITMAP_BASE,
        )
