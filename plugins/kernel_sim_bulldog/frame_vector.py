"""`Vec<PhysFrame>`: the numbers of all discovered frames, on the heap (BD-16).

::

    items   +0          +4          +8
            | frame no. | frame no. | ...   u32, so that 4 bytes reach 16 TiB of memory

Room is reserved once for all frames that the map tells of; one more makes the vector move to twice
the room, as vectors do.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import FrameError
from kernel_sim_bulldog.discovery import FrameRange

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ITEM_BYTES: Final = 4
ITEM_ALIGN: Final = 8


@dataclass(slots=True)
class FrameVector:
    """``length`` frame numbers at ``items``, with room for ``capacity``."""

    kernel: "Kernel"
    items: int
    capacity: int
    length: int = 0

    @classmethod
    def with_capacity(cls, kernel: "Kernel", capacity: int) -> "FrameVector":
        """An empty vector with room for ``capacity`` frames, one at least.

        Raises:
            FrameError: the heap has no room for it.
        """
        room = max(1, capacity)
        return cls(kernel, _reserved(kernel, room), room)

    def extend(self, frames: FrameRange) -> None:
        """Append the numbers of ``frames``.

        Raises:
            FrameError: the vector had to grow, and the heap has no room.
        """
        if self.length + frames.frame_count > self.capacity:
            self._grow(self.length + frames.frame_count)
        data = struct.pack(f"<{frames.frame_count}I", *range(frames.first, frames.end))
        self.kernel.cpu.write(self.items + ITEM_BYTES * self.length, data)
        self.length += frames.frame_count

    def frame(self, index: int) -> int:
        """The physical address of frame ``index``, which is below ``length``."""
        return self.kernel.cpu.load(self.items + ITEM_BYTES * index, ITEM_BYTES) * PAGE_SIZE

    def _grow(self, needed: int) -> None:
        capacity = max(needed, 2 * self.capacity)
        items = _reserved(self.kernel, capacity)
        self.kernel.cpu.write(items, self.kernel.cpu.read(self.items, ITEM_BYTES * self.length))
        self.kernel.hooks.kfree(self.items)
        self.items, self.capacity = items, capacity


def _reserved(kernel: "Kernel", capacity: int) -> int:
    items = kernel.hooks.kmalloc(ITEM_BYTES * capacity, ITEM_ALIGN)
    if items is None:
        raise FrameError(capacity, expected="room on the heap for so many frame numbers")
    return items
