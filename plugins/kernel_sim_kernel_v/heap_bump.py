"""Kernel heap, bump allocator: the next block begins where the last one ends (KV-28, tier 4A).

::

    start                          next          mapped_end          max_end
      |H#### |H## |H########## |H# | .............. |                   |
       used   freed  used       used

Nothing is used twice. ``kfree`` marks the header, so that a second one is found out; the memory
stays where it is. A boot that allocates once and never frees needs no more than this.

::

    header  -16  size      bytes of the payload
             -8  seal      USED or FREED, mixed with the address and the size
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import align_up, is_aligned, is_power_of_two
from kernel_sim.errors import HeapError, HeapErrorReason, HeapInitError, HeapInitErrorReason
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.values import HeapStats, SelfTestResult
from kernel_sim_kernel_v.heap_arena import Arena
from kernel_sim_kernel_v.heap_selftest import prove

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

needs = Needs(maps_pages=True)

HEADER_BYTES: Final = 16
USED: Final = 0x0B10_CA7E
FREED: Final = 0x0F2E_E0B1


@dataclass(slots=True)
class Bump:
    """The heap's globals: ``next`` is the first byte that no block has had."""

    arena: Arena
    next: int
    used_bytes: int = 0
    block_count: int = 0


@hookimpl
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Remember the range; memory is mapped when the first block asks for it."""
    if not 0 <= start <= max_end:
        raise HeapInitError(max_end, f"an end above {start:#x}", HeapInitErrorReason.INVALID_RANGE)
    arena = Arena.empty(kernel, start, max_end, HEADER_BYTES)
    if arena.max_end <= arena.start:
        raise HeapInitError(start, "room for a block", HeapInitErrorReason.EMPTY_RANGE)
    if hasattr(kernel.state, "heap"):
        raise HeapInitError(start, "one call", HeapInitErrorReason.ALREADY_INITIALIZED)
    kernel.state.heap = Bump(arena, arena.start)


@hookimpl
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The next ``size`` bytes that are aligned, or None: no memory, no size, or no power of two."""
    if size < 1 or not is_power_of_two(align):
        return None
    heap: Bump = kernel.state.heap
    payload = align_up(heap.next + HEADER_BYTES, max(align, HEADER_BYTES))
    end = payload + align_up(size, HEADER_BYTES)
    if end > heap.arena.end and not heap.arena.extend(end):
        return None
    kernel.cpu.store(payload - 16, 4, size)
    kernel.cpu.store(payload - 8, 4, _seal(USED, payload, size))
    heap.next = end
    heap.used_bytes += size
    heap.block_count += 1
    return payload


@hookimpl
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Mark the block freed; a wrong pointer changes nothing."""
    if ptr is None:
        return
    heap: Bump = kernel.state.heap
    if not is_aligned(ptr, HEADER_BYTES) or not heap.arena.start < ptr < heap.next:
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    size, seal = kernel.cpu.load(ptr - 16, 4), kernel.cpu.load(ptr - 8, 4)
    if seal == _seal(FREED, ptr, size):
        raise HeapError(ptr, "a block in use", HeapErrorReason.DOUBLE_FREE)
    if seal != _seal(USED, ptr, size):
        raise HeapError(ptr, "a pointer from kmalloc", HeapErrorReason.FOREIGN_POINTER)
    kernel.cpu.store(ptr - 8, 4, _seal(FREED, ptr, size))
    heap.used_bytes -= size
    heap.block_count -= 1


@hookimpl
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes of the blocks in use, bytes that can still be handed out, and the blocks in use."""
    heap: Bump = kernel.state.heap
    return HeapStats(heap.used_bytes, heap.arena.max_end - heap.next, heap.block_count)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Blocks keep their contents and their alignment, and leave nothing behind (KV-43)."""
    return prove(kernel, "heap_bump")


def _seal(state: int, payload: int, size: int) -> int:
    return (state ^ payload ^ size * 0x9E37_79B1) & 0xFFFF_FFFF
