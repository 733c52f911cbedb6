"""The arena of the segregated heap: its globals, and where a block goes in free memory (KV-28)."""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import align_down, align_up
from kernel_sim_kernel_v.compact_block import (
    BEFORE_USED,
    HEADER_BYTES,
    SMALLEST_BLOCK,
    CompactBlock,
)
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.size_classes import SizeClasses

LARGE: Final = 96
"""Blocks from this size on are cut from the high end."""


@dataclass(slots=True)
class Segregated:
    """The heap's globals; ``is_end_used`` says whether the last block of the arena is in use."""

    arena: Arena
    free: SizeClasses
    is_end_used: bool = True
    used_bytes: int = 0
    block_count: int = 0

    def block(self, address: int) -> CompactBlock:
        """The block whose header lies at ``address``."""
        return CompactBlock(self.arena.kernel, address)

    def put_free(self, start: int, end: int) -> None:
        """Make one free block of memory whose neighbours are used, and tell the one behind."""
        block = self.block(start)
        block.write(end - start, BEFORE_USED)
        self.free.add(block, end - start)
        self.tell_behind(end, used=False)

    def tell_behind(self, end: int, *, used: bool) -> None:
        """Record at ``end`` whether the block that ends there is used."""
        if end < self.arena.end:
            self.block(end).mark_before(used=used)
        else:
            self.is_end_used = used


def placed(start: int, end: int, need: int, align: int) -> int | None:
    """Where a block of ``need`` bytes begins in free memory, leaving no scrap; None: no room."""
    if need >= LARGE:
        at = align_down(end - need + HEADER_BYTES, align) - HEADER_BYTES
        if at == start or at - start >= SMALLEST_BLOCK:
            return at
    at = align_up(start + HEADER_BYTES, align) - HEADER_BYTES
    while at != start and at - start < SMALLEST_BLOCK:
        at += align
    return at if at + need <= end else None
