"""`PreHeapAllocator`: frames for the time in which nothing can be allocated yet (BD-12 to BD-14).

A heap needs frames, and an allocator that keeps a list of frames needs a heap. This one breaks the
circle: an array of fixed size in the kernel's static data, filled once and handed out in order::

    PRE_HEAP_FRAMES   [0]      [1]      [2]            [511]
                      0x194000 0x195000 0x196000  ...  None (0)
                                 ^ next

An entry is ``Option<PhysFrame>``: 8 bytes, the frame's address, 0 for None; frame 0 is never in it.
"""

import struct
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim_bulldog.discovery import FrameRange
from kernel_sim_bulldog.layout import static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

CAPACITY: Final = 512
ENTRY_BYTES: Final = 8


@dataclass(slots=True)
class PreHeapAllocator:
    """The array at ``entries``, of which ``next_entry`` is the next to hand out."""

    kernel: "Kernel"
    entries: int
    frame_count: int
    next_entry: int = 0

    @classmethod
    def filled(cls, kernel: "Kernel", frames: list[FrameRange]) -> "PreHeapAllocator":
        """One that holds the first 512 of ``frames``, or all if there are fewer."""
        numbers = chain.from_iterable(range(item.first, item.end) for item in frames)
        first = [number * PAGE_SIZE for number in islice(numbers, CAPACITY)]
        entries = static(kernel, "PRE_HEAP_FRAMES").start
        padded = first + [0] * (CAPACITY - len(first))
        kernel.cpu.write(entries, struct.pack(f"<{CAPACITY}Q", *padded))
        return cls(kernel, entries, len(first))

    def allocate_frame(self) -> int | None:
        """The next frame's address; None when the array is used up."""
        if self.next_entry == CAPACITY:
            return None
        frame = self.kernel.cpu.load(self.entries + ENTRY_BYTES * self.next_entry, ENTRY_BYTES)
        if not frame:
            return None
        self.next_entry += 1
        return frame

    def handed_out(self) -> list[int]:
        """The addresses of the frames that are no longer here."""
        data = self.kernel.cpu.read(self.entries, ENTRY_BYTES * self.next_entry)
        return [frame for (frame,) in struct.iter_unpack("<Q", data)]
