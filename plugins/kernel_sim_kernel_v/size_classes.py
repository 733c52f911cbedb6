"""Free blocks in many lists, one for each class of sizes: a search begins where it can succeed.

Classes are powers of two, each in four parts, as in a two-level segregated fit::

    class   0    1    2    3     4    5    6    7     8 ...
    from   16   20   24   28    32   40   48   56    64 ...
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_sim_kernel_v.compact_block import CompactBlock

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

PARTS_BITS: Final = 2
SMALLEST_BITS: Final = 4


def class_of(size: int) -> int:
    """The class of a block of ``size`` bytes, 16 or more."""
    bits = size.bit_length() - 1
    part = size >> (bits - PARTS_BITS) & ((1 << PARTS_BITS) - 1)
    return (bits - SMALLEST_BITS << PARTS_BITS) + part


@dataclass(slots=True)
class SizeClasses:
    """Kernel globals: the first block of each class. All links lie in the blocks themselves."""

    kernel: "Kernel"
    heads: dict[int, int] = field(default_factory=dict)
    free_bytes: int = 0

    def of_at_least(self, size: int) -> Iterator[CompactBlock]:
        """Free blocks in classes that can hold ``size`` bytes, the lowest class first."""
        least = class_of(size)
        for number in sorted(number for number in self.heads if number >= least):
            address = self.heads[number]
            while address:
                block = CompactBlock(self.kernel, address)
                yield block
                address = block.links[0]

    def add(self, block: CompactBlock, size: int) -> None:
        """Put a free block in front of its list."""
        number = class_of(size)
        head = self.heads.get(number, 0)
        block.link(head, 0)
        if head:
            CompactBlock(self.kernel, head).link(previous=block.address)
        self.heads[number] = block.address
        self.free_bytes += size

    def remove(self, block: CompactBlock) -> int:
        """Take a free block out; its size."""
        size = block.size
        following, previous = block.links
        if previous:
            CompactBlock(self.kernel, previous).link(following=following)
        elif following:
            self.heads[class_of(size)] = following
        else:
            del self.heads[class_of(size)]
        if following:
            CompactBlock(self.kernel, following).link(previous=previous)
        self.free_bytes -= size
        return size
