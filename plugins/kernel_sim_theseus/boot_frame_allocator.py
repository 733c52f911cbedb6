"""`BootFrameAllocator`: frames for bring-up, straight from the memory map (TH-15 to TH-18).

A cursor walks through the conventional regions, from low to high, and never comes back. Nothing is
freed; what was handed out is in the consumed log, and that is all that is left of this allocator
when the persistent one begins::

    regions    |  conventional  | loader | conventional       | runtime |
    cursor      ######^          |skipped|                     |skipped |
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.host.quirks import has_quirk
from kernel_sim.values import AddrRange, MemoryRegion, RegionKind
from kernel_sim_kernel_v.frame_ranges import FrameRange, rounded_outward, without
from kernel_sim_theseus.consumed import ConsumedLog

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

FIRST_FRAME: Final = FrameRange(0, 1)
"""Frame 0 is never handed out (TH-U1)."""


def usable(
    kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]
) -> list[FrameRange]:
    """The frames that lie wholly in conventional memory and in nothing reserved, ascending."""
    limit = kernel.config.physical_limit
    down = has_quirk(kernel, "align_down")
    free = []
    for region in regions:
        if region.kind is RegionKind.AVAILABLE and region.base < limit:
            first = (align_down if down else align_up)(region.base, PAGE_SIZE)
            free.append(FrameRange(first // PAGE_SIZE, min(region.end, limit) // PAGE_SIZE))
    return without(free, [FIRST_FRAME, *map(rounded_outward, reserved)])


@dataclass(slots=True)
class BootFrameAllocator:
    """The cursor: ``next`` is the number of the next frame, within ``ranges[index]``."""

    ranges: list[FrameRange]
    log: ConsumedLog = field(default_factory=ConsumedLog)
    index: int = 0
    next: int = 0

    @classmethod
    def from_handoff(
        cls, kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]
    ) -> "BootFrameAllocator":
        """One that begins at the first usable frame, tracking on."""
        allocator = cls(usable(kernel, regions, reserved))
        allocator.log.enable_tracking()
        return allocator

    @property
    def free(self) -> int:
        """Frames that were not handed out."""
        rest = sum(item.frame_count for item in self.ranges[self.index :])
        current = self.ranges[self.index].first if self.index < len(self.ranges) else 0
        return rest - max(0, self.next - current)

    def allocate_frame(self) -> int | None:
        """The address of the next frame, which is recorded as consumed; None at the end."""
        return self.allocate_run(1)

    def allocate_run(self, count: int) -> int | None:
        """The address of ``count`` adjacent frames; frames that are passed over stay unused."""
        while self.index < len(self.ranges):
            here = self.ranges[self.index]
            first = max(self.next, here.first)
            if first + count <= here.end:
                self.next = first + count
                address = first * PAGE_SIZE
                self.log.record(address, address + count * PAGE_SIZE)
                return address
            self.index, self.next = self.index + 1, 0
        return None
