"""Address arithmetic: alignment, page sizes and the two address types.

Addresses are plain ``int`` in hot calls. ``PhysAddr`` and ``VirtAddr`` say in a signature which of
the two is meant.
"""

from typing import Final, NewType

PhysAddr = NewType("PhysAddr", int)
VirtAddr = NewType("VirtAddr", int)

PAGE_SIZE: Final = 0x1000
"""Bytes in a 4 KiB page or frame."""
LARGE_PAGE_SIZE_32: Final = 0x40_0000
"""Bytes in a 4 MiB page of 32-bit paging (CR4.PSE)."""
LARGE_PAGE_SIZE: Final = 0x20_0000
"""Bytes in a 2 MiB page of PAE, 4-level and 5-level paging."""
HUGE_PAGE_SIZE: Final = 0x4000_0000
"""Bytes in a 1 GiB page of 4-level and 5-level paging."""
ONE_MIB: Final = 0x10_0000
U64_LIMIT: Final = 1 << 64
"""One past the last address a 64-bit register can hold."""


def align_down(address: int, alignment: int) -> int:
    """The largest multiple of ``alignment`` (a power of two) that is not above ``address``."""
    return address & -alignment


def align_up(address: int, alignment: int) -> int:
    """The smallest multiple of ``alignment`` (a power of two) that is not below ``address``."""
    return (address + alignment - 1) & -alignment


def is_aligned(address: int, alignment: int) -> bool:
    """Whether ``address`` is a multiple of ``alignment`` (a power of two)."""
    return address & (alignment - 1) == 0


def is_power_of_two(value: int) -> bool:
    """Whether ``value`` is 1, 2, 4, 8, …; zero and negative numbers are not."""
    return value > 0 and value & (value - 1) == 0
