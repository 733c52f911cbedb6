"""Addresses that cannot be mixed, ranges, pages and permissions (MS-1 to MS-6, MS-28).

A `PhysAddr` and a `VirtAddr` are different types. An offset is an ``int``; the difference of two
addresses of one type is an ``int``; everything else raises ``TypeError``::

    PhysAddr + int -> PhysAddr      PhysAddr - PhysAddr -> int      PhysAddr + VirtAddr -> TypeError

The helpers that assert are for the kernel's own mistakes: they raise ``KernelError``, which is what
a panic is here. `Addr.checked_add` is for numbers that come from elsewhere: it answers None (C21).
"""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Self, TypeVar

from kernel_sim.addr import U64_LIMIT, is_power_of_two
from kernel_sim.errors import KernelError
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange


@dataclass(frozen=True, slots=True, eq=False)
class Addr:
    """A 64-bit address of one kind; use its subclasses (MS-1).

    Raises:
        KernelError: ``raw`` does not fit into 64 bits.
    """

    raw: int

    def __post_init__(self) -> None:
        if not 0 <= self.raw < U64_LIMIT:
            raise KernelError(self.raw, expected="an address of 64 bits")

    def __int__(self) -> int:
        return self.raw

    def __hash__(self) -> int:
        return hash((type(self), self.raw))

    def __eq__(self, other: object) -> bool:
        return self.raw == self._same(other)

    def __lt__(self, other: object) -> bool:
        return self.raw < self._same(other)

    def __le__(self, other: object) -> bool:
        return self.raw <= self._same(other)

    def __add__(self, offset: int) -> Self:
        return type(self)(self.raw + _offset(offset))

    def __sub__(self, other: object) -> int:
        return self.raw - self._same(other)

    def checked_add(self, offset: int) -> Self | None:
        """``offset`` bytes further on, or None beyond 64 bits (MS-2)."""
        end = self.raw + _offset(offset)
        return type(self)(end) if end < U64_LIMIT else None

    def is_aligned(self, alignment: int) -> bool:
        """Whether it is a multiple of ``alignment`` (MS-2).

        Raises:
            KernelError: ``alignment`` is no power of two.
        """
        return self.raw & (_power_of_two(alignment) - 1) == 0

    def align_up(self, alignment: int) -> Self:
        """The next multiple of ``alignment``, itself if it is one (MS-2).

        Raises:
            KernelError: ``alignment`` is no power of two, or there is no such 64-bit address.
        """
        mask = _power_of_two(alignment) - 1
        return type(self)((self.raw + mask) & ~mask)

    def _same(self, other: object) -> int:
        if type(other) is not type(self):
            mine, theirs = type(self).__name__, type(other).__name__
            raise TypeError(f"{theirs} where {mine} is meant")
        return int(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.raw:#x})"


class PhysAddr(Addr):
    """An address on the memory bus; nothing can be read there without a `PhysMapper`."""

    __slots__ = ()


class VirtAddr(Addr):
    """An address that the processor translates; it alone becomes a pointer (MS-3)."""

    __slots__ = ()

    @property
    def is_canonical(self) -> bool:
        """Whether bits 63 to 47 are equal."""
        return self.raw >> 47 in {0, 0x1_FFFF}

    def into_ptr(self) -> int:
        """What load and store take: ``VirtIntoPtr``, which no other address has (MS-3).

        Raises:
            KernelError: no pointer has this value.
        """
        if not self.is_canonical:
            raise KernelError(self.raw, expected="a canonical address")
        return self.raw


class MemPerm(IntFlag):
    """What a page may be used for, in no architecture's words (MS-6)."""

    READ = 1
    WRITE = 2
    EXEC = 4
    USER = 8
    KERNEL_RW = READ | WRITE
    KERNEL_RX = READ | EXEC
    USER_RW = READ | WRITE | USER
    USER_RX = READ | EXEC | USER

    @property
    def flags(self) -> PageTableFlags:
        """The same in x86's words: READ needs no bit, what is not EXEC has one (MS-U3)."""
        flags = PageTableFlags.PRESENT
        for permission, flag in _FLAGS.items():
            if self & permission:
                flags |= flag
        return flags if self & MemPerm.EXEC else flags | PageTableFlags.NO_EXECUTE


_FLAGS = {
    MemPerm.WRITE: PageTableFlags.WRITABLE,
    MemPerm.USER: PageTableFlags.USER_ACCESSIBLE,
}


class PageSize(IntEnum):
    """Bytes in a page (MS-5)."""

    SIZE_4K = 0x1000
    SIZE_2M = 0x20_0000
    SIZE_1G = 0x4000_0000


@dataclass(frozen=True, slots=True)
class Page:
    """A page in virtual memory (MS-5).

    Raises:
        KernelError: the size is no power of two, or the start no multiple of it.
    """

    start: VirtAddr
    size: int = PageSize.SIZE_4K

    def __post_init__(self) -> None:
        if not self.start.is_aligned(self.size):
            raise KernelError(self.start.raw, expected=f"a multiple of {self.size:#x}")

    def __contains__(self, address: VirtAddr) -> bool:
        return self.start <= address and address - self.start < self.size


A = TypeVar("A", bound=Addr)


def addr_range(start: A, end: A) -> AddrRange:
    """The half-open range from ``start`` to ``end`` (MS-4), as plain numbers.

    Raises:
        KernelError: ``end`` lies below ``start``: an invalid length.
        TypeError: the two are of different kinds.
    """
    return AddrRange(start.raw, start.raw + (end - start))


def _offset(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{type(value).__name__} where a number of bytes is meant")
    return value


def _power_of_two(alignment: int) -> int:
    if not is_power_of_two(alignment):
        raise KernelError(alignment, expected="a power of two")
    return alignment
