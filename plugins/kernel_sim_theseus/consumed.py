"""The log of consumed frames: what bring-up used, for the allocator that comes after (TH-18).

A record is a run of frames. Runs that overlap or touch become one, so that a boot of a few hundred
frames needs a few records. The log is drained once; from then on there is nothing to record in.
"""

from dataclasses import dataclass, field
from typing import Final

from kernel_sim.errors import KernelError
from kernel_sim.values import AddrRange

CAPACITY: Final = 1024
"""Records: 16 KiB of 16 bytes each (TH-U5)."""


@dataclass(slots=True)
class ConsumedLog:
    """Physical ranges in ascending order; recording begins with `enable_tracking`."""

    tracking: bool = False
    drained: bool = False
    ranges: list[AddrRange] = field(default_factory=list)

    def enable_tracking(self) -> None:
        """From now on everything that is handed out is recorded."""
        self.tracking = True

    def record(self, start: int, end: int) -> None:
        """Add the physical bytes ``[start, end)``.

        Raises:
            KernelError: the log is full.
        """
        if not self.tracking or start >= end:
            return
        touching = [item for item in self.ranges if item.start <= end and start <= item.end]
        others = [item for item in self.ranges if item not in touching]
        low = min([start, *(item.start for item in touching)])
        high = max([end, *(item.end for item in touching)])
        self.ranges = sorted([*others, AddrRange(low, high)])
        if len(self.ranges) > CAPACITY:
            raise KernelError(len(self.ranges), expected=f"at most {CAPACITY} consumed ranges")

    def drain(self) -> list[AddrRange]:
        """All records; the log is empty and closed afterwards.

        Raises:
            KernelError: it has been drained before.
        """
        if self.drained:
            raise KernelError("drained", expected="one drain of the consumed log")
        ranges, self.ranges = self.ranges, []
        self.drained, self.tracking = True, False
        return ranges
