"""The free-frame list: a chain through the free memory itself (BO-10 to BO-12).

::

    run       +0   next     physical address of the next run, 0 for none
              +8   count    frames in this run, this one included
              +16  seal     FREE, mixed with the run's address
    head ---> run of 1 ---> run of 1 ---> run of 31,000 ---> run of 158 ---> 0
              given back, last first       usable regions, as the map has them

A usable region is put in as one run, whatever its size, so a machine of 64 GiB is ready as soon as
one of 4 MiB. A frame is taken from the front of the first run, whose header then moves up by a
frame. A frame that comes back is a run of one in front of all others, and the next to be taken.

The list has no lock, no bitmap and no order: whether two free frames are neighbours it does not
know. That is why the later Bulldog has a bitmap.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from kernel_sim.addr import PAGE_SIZE

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

FREE: Final = 0x4652_4545_4652_414D
_NONE: Final = 0


class Run(NamedTuple):
    """Adjacent free frames: physical address of the first, how many, and the run behind."""

    address: int
    length: int
    next: int

    def __contains__(self, frame: object) -> bool:
        """Whether the physical address ``frame`` lies in the run."""
        return isinstance(frame, int) and 0 <= frame - self.address < self.length * PAGE_SIZE


@dataclass(slots=True)
class FreeFrameList:
    """The list of one boot.

    Args:
        kernel: whose memory it is.
        head: physical address of the first run, 0 if there is none.
        regions: physical address of the first run that was put in as a region.
        free: frames in the list.
    """

    kernel: "Kernel"
    head: int = _NONE
    regions: int = _NONE
    free: int = 0

    def insert_region(self, address: int, count: int) -> None:
        """Put ``count`` usable frames from ``address`` on in front; before any frame is taken."""
        self._write(address, count, self.head)
        self.head = self.regions = address
        self.free += count

    def give(self, frame: int) -> None:
        """Put one frame back in front of all others."""
        self._write(frame, 1, self.head)
        self.head = frame
        self.free += 1

    def take(self) -> int | None:
        """The first frame of the first run, or None if the list is empty."""
        if self.head == _NONE:
            return None
        run = self._read(self.head)
        follows = run.next
        if run.length > 1:
            follows = run.address + PAGE_SIZE
            self._write(follows, run.length - 1, run.next)
        if self.regions == run.address:
            self.regions = follows
        self.head = follows
        self.free -= 1
        self._store(run.address + 16, 0)
        return run.address

    def holds(self, frame: int) -> bool:
        """Whether ``frame`` is free: it begins a run, or lies in one that came from a region."""
        if self._load(frame + 16) == FREE ^ frame:
            return True
        return any(frame in run for run in self.runs(self.regions))

    def runs(self, first: int | None = None) -> Iterator[Run]:
        """The runs from ``first`` on, or all of them, as memory holds them."""
        address = self.head if first is None else first
        while address != _NONE:
            run = self._read(address)
            yield run
            address = run.next

    # --- memory, by way of the direct map --------------------------------------------------------

    def _read(self, address: int) -> Run:
        return Run(address, self._load(address + 8), self._load(address))

    def _write(self, address: int, count: int, follows: int) -> None:
        for offset, value in ((0, follows), (8, count), (16, FREE ^ address)):
            self._store(address + offset, value)

    def _load(self, physical: int) -> int:
        return self.kernel.cpu.load(self.kernel.hooks.phys_to_virt(physical), 8)

    def _store(self, physical: int, value: int) -> None:
        self.kernel.cpu.store(self.kernel.hooks.phys_to_virt(physical), 8, value)
