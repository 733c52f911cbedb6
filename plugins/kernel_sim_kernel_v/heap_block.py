"""A heap block: a header in memory in front of the bytes that the caller owns.

::

    block      +0   size        bytes of the whole block, a multiple of 16
               +4   size_before bytes of the block in front of it, 0 for the first
               +8   seal        USED or FREE, mixed with the address and the size
               +12  requested   bytes the caller asked for (USED only; debug, KV-33)
    payload    +16  next_free   in a free block: links of the free list, 0 ends it
               +20  previous_free

``size`` and ``size_before`` are boundary tags: they lead to both neighbours, so that a freed block
joins a free one on either side without a search. The seal tells a header from any other sixteen
bytes: data that look like a header, or a copied header, carry another address in theirs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

HEADER_BYTES: Final = 16
GRAIN: Final = 16
"""Sizes and payload addresses are multiples of it."""
SMALLEST_BLOCK: Final = HEADER_BYTES + GRAIN

USED: Final = 0xA110_CA7E
FREE: Final = 0x0F2E_E0B1
_MIXER: Final = 0x9E37_79B1
"""An odd number near 2^32 divided by the golden ratio: spreads sizes over all bits."""


@dataclass(frozen=True, slots=True)
class Block:
    """The block whose header lies at ``address``; every property is read from memory when asked."""

    kernel: "Kernel"
    address: int

    @property
    def payload(self) -> int:
        """The first byte the caller owns."""
        return self.address + HEADER_BYTES

    @property
    def size(self) -> int:
        """Bytes of the block, header included."""
        return self._load(0)

    @property
    def end(self) -> int:
        """One past the last byte: the header of the next block, if there is one."""
        return self.address + self.size

    @property
    def size_before(self) -> int:
        """Bytes of the block in front; 0 for the first block."""
        return self._load(4)

    @property
    def requested(self) -> int:
        """Bytes the caller asked for."""
        return self._load(12)

    @property
    def next_free(self) -> int:
        """The next block of the free list, or 0."""
        return self._load(16)

    @property
    def previous_free(self) -> int:
        """The block before this one in the free list, or 0."""
        return self._load(20)

    def is_sealed(self, state: int) -> bool:
        """Whether this is a header in ``state`` (`USED` or `FREE`), and not something else."""
        return self._load(8) == self._seal(state, self.size)

    def write_used(self, size: int, size_before: int, requested: int) -> None:
        """Write the header of a block in use."""
        self._write_header(USED, size, size_before, requested)

    def write_free(self, size: int, size_before: int) -> None:
        """Write the header of a free block; its links are the free list's to set."""
        self._write_header(FREE, size, size_before, 0)

    def set_size_before(self, size_before: int) -> None:
        """Tell the block how large its neighbour in front is now."""
        self._store(4, size_before)

    def set_next_free(self, address: int) -> None:
        """Link the next block of the free list, 0 for none."""
        self._store(16, address)

    def set_previous_free(self, address: int) -> None:
        """Link the previous block of the free list, 0 for none."""
        self._store(20, address)

    def _write_header(self, state: int, size: int, size_before: int, requested: int) -> None:
        self._store(0, size)
        self._store(4, size_before)
        self._store(8, self._seal(state, size))
        self._store(12, requested)

    def _seal(self, state: int, size: int) -> int:
        return (state ^ self.address ^ size * _MIXER) & 0xFFFF_FFFF

    def _load(self, offset: int) -> int:
        return self.kernel.cpu.load(self.address + offset, 4)

    def _store(self, offset: int, value: int) -> None:
        self.kernel.cpu.store(self.address + offset, 4, value)
