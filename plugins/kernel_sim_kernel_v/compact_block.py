"""A heap block with eight bytes of header, and a footer only while it is free.

::

    block    +0   size of the block, a multiple of 8 │ bit 1: the one in front is used │ bit 0: used
             +4   seal: the word above, mixed with the address
    payload  +8   next_free        in a free block alone: links of its list, 0 ends it
             +12  previous_free
             ...
             -4   size again       in a free block alone: the way back from the block behind

A used block needs no footer, as nobody joins it: whether the block in front is free is written in
the header behind. So a small block costs eight bytes, and 24 are the least.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

HEADER_BYTES: Final = 8
GRAIN: Final = 8
SMALLEST_BLOCK: Final = 24
USED: Final = 1
BEFORE_USED: Final = 2
_FLAGS: Final = USED | BEFORE_USED
_SECRET: Final = 0x5EA1_ED01


@dataclass(frozen=True, slots=True)
class CompactBlock:
    """The block whose header lies at ``address``; every property is read from memory when asked."""

    kernel: "Kernel"
    address: int

    @property
    def word(self) -> int:
        """Size and flags."""
        return self._load(0)

    @property
    def size(self) -> int:
        """Bytes of the block, header included."""
        return self.word & ~_FLAGS

    @property
    def end(self) -> int:
        """One past the last byte: the header behind."""
        return self.address + self.size

    @property
    def is_used(self) -> bool:
        """Whether somebody owns the payload."""
        return bool(self.word & USED)

    @property
    def is_before_used(self) -> bool:
        """Whether the block in front is used, or there is none."""
        return bool(self.word & BEFORE_USED)

    @property
    def is_sealed(self) -> bool:
        """Whether this is a header and not something else."""
        return self._load(4) == self._seal(self.word)

    @property
    def before(self) -> "CompactBlock":
        """The free block in front, by its footer."""
        return CompactBlock(self.kernel, self.address - self._load(-4))

    @property
    def links(self) -> tuple[int, int]:
        """Next and previous free block of the list, 0 for none."""
        return self._load(8), self._load(12)

    def write(self, size: int, flags: int) -> None:
        """Write the header, and the footer of a free block."""
        word = size | flags
        self._store(0, word)
        self._store(4, self._seal(word))
        if not flags & USED:
            self._store(size - 4, size)

    def mark_before(self, *, used: bool) -> None:
        """Record whether the block in front is used."""
        word = self.word & ~BEFORE_USED | BEFORE_USED * used
        self._store(0, word)
        self._store(4, self._seal(word))

    def link(self, following: int | None = None, previous: int | None = None) -> None:
        """Set one link or both."""
        if following is not None:
            self._store(8, following)
        if previous is not None:
            self._store(12, previous)

    def _seal(self, word: int) -> int:
        return (word * 0x9E37_79B1 ^ self.address ^ _SECRET) & 0xFFFF_FFFF

    def _load(self, offset: int) -> int:
        return self.kernel.cpu.load(self.address + offset, 4)

    def _store(self, offset: int, value: int) -> None:
        self.kernel.cpu.store(self.address + offset, 4, value)
