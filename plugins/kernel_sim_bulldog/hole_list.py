"""The heap's free memory: a list of holes through the holes themselves, in order of address.

::

    hole       +0   size    bytes, a multiple of 16
               +8   next    the address of the next hole, 0 for none
    block      +0   size    bytes with this header
               +8   seal    USED, mixed with the address
    payload    +16

Because the list is in order, a block that is freed finds the holes on both sides of it on its way,
and becomes one with those that touch it: no two holes ever do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_up

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

HEADER_BYTES: Final = 16
GRAIN: Final = 16
"""Sizes and payload addresses are multiples of it; a hole needs no more."""
USED: Final = 0x4C49_5645_424C_4F43


@dataclass(frozen=True, slots=True)
class Hole:
    """Free memory; ``before`` is the hole in front of it in the list, 0 for the first."""

    address: int
    size: int
    next: int
    before: int

    @property
    def end(self) -> int:
        """One past its last byte."""
        return self.address + self.size


@dataclass(slots=True)
class HoleList:
    """The holes of one heap; ``first`` is the lowest, 0 if there is none."""

    kernel: "Kernel"
    first: int = 0

    def __iter__(self) -> Iterator[Hole]:
        before, address = 0, self.first
        while address:
            size, follows = self._load(address), self._load(address + 8)
            yield Hole(address, size, follows, before)
            before, address = address, follows

    def take(self, need: int, align: int) -> int | None:
        """The address of a block of ``need`` bytes whose payload is aligned, or None.

        It comes from the first hole that has room; what is left on either side stays a hole.
        """
        for hole in self:
            at = align_up(hole.address + HEADER_BYTES, align) - HEADER_BYTES
            if at + need <= hole.end:
                self._cut(hole, at, at + need)
                return at
        return None

    def add(self, address: int, size: int) -> None:
        """Make ``size`` bytes at ``address`` free and join them with the holes that touch them."""
        before = None
        follows = self.first
        for hole in self:
            if hole.address > address:
                break
            before, follows = hole, hole.next
        end = address + size
        if follows == end:
            end, follows = end + self._load(follows), self._load(follows + 8)
        if before is not None and before.end == address:
            self._write(before.address, end - before.address, follows)
        else:
            self._write(address, end - address, follows)
            self._link(before.address if before else 0, address)

    def _cut(self, hole: Hole, start: int, end: int) -> None:
        """Take ``[start, end)`` out of ``hole``."""
        follows = hole.next
        if end < hole.end:
            self._write(end, hole.end - end, follows)
            follows = end
        if start > hole.address:
            self._write(hole.address, start - hole.address, follows)
        else:
            self._link(hole.before, follows)

    def _link(self, before: int, address: int) -> None:
        if before:
            self.kernel.cpu.store(before + 8, 8, address)
        else:
            self.first = address

    def _write(self, address: int, size: int, follows: int) -> None:
        self.kernel.cpu.store(address, 8, size)
        self.kernel.cpu.store(address + 8, 8, follows)

    def _load(self, address: int) -> int:
        return self.kernel.cpu.load(address, 8)
