"""`physical_memory`: the persistent allocator, a bitmap over all of memory (TH-19 to TH-22).

::

    bit n        the frame base_pfn + n, in 64-bit words, bit 0 first; 1 means used
    at the start all ones: what no descriptor calls conventional stays so for ever
    cleared      conventional frames
    set again    what is reserved, and what bring-up consumed: stacks, tables, this bitmap

The order matters. A map that began all free and set only what is described would hand out the
holes between two regions (TH-U8).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.errors import FrameError, FrameErrorReason, KernelError
from kernel_sim.host.quirks import has_quirk
from kernel_sim.values import AddrRange, FrameStats, RegionKind
from kernel_sim_kernel_v.frame_bitmap import FrameBitmap
from kernel_sim_kernel_v.frame_ranges import FrameRange, rounded_outward
from kernel_sim_theseus.boot_frame_allocator import BootFrameAllocator

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

WORD_BYTES: Final = 8


@dataclass(slots=True)
class PhysicalMemory:
    """The allocator: ``owned`` are the frames it may hand out, in numbers from ``base_pfn`` on."""

    bitmap: FrameBitmap
    base_pfn: int
    owned: list[FrameRange]
    total: int
    free: int
    hint: int = 0

    @classmethod
    def init_from_handoff(
        cls, kernel: "Kernel", boot: BootFrameAllocator, total: int
    ) -> "PhysicalMemory":
        """Take over from ``boot``: a bitmap from fresh frames, and the drained log (TH-20).

        Raises:
            KernelError: there is no conventional memory, or no run of frames for the bitmap.
        """
        free = boot.ranges
        if not free:
            raise KernelError("no memory map", expected="conventional memory")
        base_pfn, end_pfn = free[0].first, free[-1].end
        owned = [FrameRange(r.first - base_pfn, r.end - base_pfn) for r in free]
        storage = allocate_bitmap_storage(kernel, boot, end_pfn - base_pfn)
        bitmap = FrameBitmap(kernel, storage.start, end_pfn - base_pfn)
        bitmap.set_all()
        if has_quirk(kernel, "holes_are_free"):
            _mark_described_only(kernel, bitmap, base_pfn)
        for item in owned:
            bitmap.mark_free(item.first, item.end)
        memory = cls(bitmap, base_pfn, owned, total, sum(item.frame_count for item in owned))
        for consumed in boot.log.drain():
            kernel.log("boot_consumed", start=consumed.start, end=consumed.end)
            memory.record_consumed(consumed)
        return memory

    def record_consumed(self, consumed: AddrRange) -> None:
        """Mark frames as used that somebody has already; each counts once."""
        frames = rounded_outward(consumed)
        for item in self.owned:
            first = max(item.first, frames.first - self.base_pfn)
            end = min(item.end, frames.end - self.base_pfn)
            for number in range(first, end):
                if not self.bitmap.is_used(number):
                    self.bitmap.mark_used(number, number + 1)
                    self.free -= 1

    def alloc_frame(self) -> int | None:
        """The lowest free frame's address, or None."""
        number = self.bitmap.take_first_free(self.hint)
        if number is None or number >= self.bitmap.frame_count:
            return None
        self.hint = number // 32
        self.free -= 1
        return (self.base_pfn + number) * PAGE_SIZE

    def free_frame(self, frame: int) -> None:
        """Give a frame back.

        Raises:
            FrameError: it is no frame of this allocator, or free already; nothing changes.
        """
        number = frame // PAGE_SIZE - self.base_pfn
        if frame % PAGE_SIZE:
            raise FrameError(frame, "a multiple of 0x1000", FrameErrorReason.MISALIGNED)
        if not 0 <= number < self.bitmap.frame_count:
            raise FrameError(frame, "a frame that the bitmap covers", FrameErrorReason.OUT_OF_RANGE)
        if not any(item.first <= number < item.end for item in self.owned):
            raise FrameError(frame, "conventional memory", FrameErrorReason.RESERVED)
        if not self.bitmap.is_used(number):
            raise FrameError(frame, "a frame in use", FrameErrorReason.DOUBLE_FREE)
        self.bitmap.mark_free(number, number + 1)
        self.hint = min(self.hint, number // 32)
        self.free += 1

    def stats(self) -> FrameStats:
        """The counters, and how to read the bitmap."""
        return FrameStats(
            total=self.total,
            used=self.total - self.free,
            free=self.free,
            bitmap_base=self.bitmap.base,
            bitmap_bytes=self.bitmap.size,
            bit_order="lsb",
            used_bit=1,
            first_frame=self.base_pfn * PAGE_SIZE,
        )


def _mark_described_only(kernel: "Kernel", bitmap: FrameBitmap, base_pfn: int) -> None:
    """Begin all free, and set what a descriptor calls something else than conventional (TH-U8)."""
    bitmap.mark_free(0, bitmap.frame_count)
    for region in kernel.regions:
        frames = rounded_outward(region.range)
        first, end = max(frames.first - base_pfn, 0), min(frames.end - base_pfn, bitmap.frame_count)
        if region.kind is not RegionKind.AVAILABLE and first < end:
            bitmap.mark_used(first, end)


def allocate_bitmap_storage(
    kernel: "Kernel", boot: BootFrameAllocator, frame_count: int
) -> AddrRange:
    """Fresh frames for a bit for each of ``frame_count`` frames, zeroed through PHYS_OFFSET (C16).

    Raises:
        KernelError: no run of adjacent frames is left that is long enough.
    """
    size = align_up(align_up(frame_count, 8 * WORD_BYTES) // 8, PAGE_SIZE)
    if has_quirk(kernel, "second_boot_allocator"):
        boot = BootFrameAllocator(boot.ranges, boot.log)
    start = boot.allocate_run(size // PAGE_SIZE)
    if start is None:
        raise KernelError(size, expected="that many bytes of adjacent frames for the bitmap")
    kernel.cpu.fill(kernel.hooks.phys_to_virt(start), size, 0)
    kernel.log("bitmap_storage", start=start, bytes=size)
    return AddrRange(start, start + size)
