"""Our own traces: small generators, each with one thing that it asks of a heap.

The same name and seed give the same trace. Each peaks at 80 KiB or more, so that the pages of a
heap, and not their rounding, decide what is measured.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name
from kernel_sim.traces.allocation_trace import AllocationTrace, Recorder

Generator = Callable[[Random, Recorder], None]


# --- random ---------------------------------------------------------------------------------------


def _random_small(rng: Random, heap: Recorder) -> None:
    """Many small blocks, freed in any order."""
    live: list[int] = []
    for _ in range(600):
        if live and rng.random() < (0.2 if len(live) < 170 else 0.55):
            heap.free(live.pop(rng.randrange(len(live))))
        else:
            live.append(heap.allocate(rng.randint(16, 1000)))
    heap.free_all(live)


def _random_wide(rng: Random, heap: Recorder) -> None:
    """Sizes from 16 bytes to 32 KiB, small ones far more often."""
    live: list[int] = []
    for _ in range(480):
        if live and rng.random() < (0.3 if len(live) < 150 else 0.55):
            heap.free(live.pop(rng.randrange(len(live))))
        else:
            live.append(heap.allocate(int(2 ** rng.uniform(4, 15))))
    heap.free_all(live)


# --- binary ---------------------------------------------------------------------------------------


def _binary(rng: Random, heap: Recorder, small: int, large: int, pairs: int) -> None:
    """Small and large by turns, the large ones freed, then blocks a little larger than those."""
    both = [(heap.allocate(small), heap.allocate(large)) for _ in range(pairs)]
    for _, block in both:
        heap.free(block)
    larger = [heap.allocate(small + large) for _ in range(pairs)]
    rng.shuffle(larger)
    heap.free_all(larger)
    heap.free_all([block for block, _ in both])


def _binary_large(rng: Random, heap: Recorder) -> None:
    """64 and 448 bytes by turns; then 512."""
    _binary(rng, heap, 64, 448, 250)


def _binary_small(rng: Random, heap: Recorder) -> None:
    """16 and 112 bytes by turns; then 128."""
    _binary(rng, heap, 16, 112, 600)


# --- coalescing -----------------------------------------------------------------------------------


def _coalescing(rng: Random, heap: Recorder) -> None:
    """Two neighbours are freed, and a block of the size of both is asked for."""
    keep = [heap.allocate(rng.randint(3000, 4095)) for _ in range(30)]
    for _ in range(60):
        pair = [heap.allocate(4095), heap.allocate(4095)]
        heap.free_all(pair)
        heap.free(heap.allocate(8190))
    heap.free_all(keep)


def _coalescing_backward(rng: Random, heap: Recorder) -> None:
    """Runs of blocks are freed from behind, from in front or from the middle, then joined."""
    for turn in range(32):
        blocks = [heap.allocate(rng.randint(400, 800)) for _ in range(10)]
        whole = 10 * 400
        order = (blocks[::-1], blocks[:], blocks[::2] + blocks[1::2])[turn % 3]
        heap.free_all(order)
        heap.free(heap.allocate(whole))
        heap.allocate(rng.randint(2500, 3500))


# --- what kernels allocate ------------------------------------------------------------------------


def _processes(rng: Random, heap: Recorder) -> None:
    """Processes come and go: a descriptor, an address space, open files, memory areas."""
    running: list[list[int]] = []
    for _ in range(130):
        sizes = [1696, 840, 704, *[232] * rng.randint(1, 8), *[136] * rng.randint(2, 6)]
        running.append([heap.allocate(size) for size in sizes])
        if len(running) > 40 or (running and rng.random() < 0.3):
            heap.free_all(running.pop(rng.randrange(len(running))))
    for process in running:
        heap.free_all(process)


def _network(rng: Random, heap: Recorder) -> None:
    """Packets in bursts: a head of 240 bytes, data of 128 to 2048, freed in order of arrival."""
    queue: list[int] = []
    for _ in range(45):
        for _ in range(rng.randint(4, 24)):
            queue += [heap.allocate(240), heap.allocate(rng.choice((128, 576, 1536, 2048)))]
        done = 2 * rng.randint(2, 22)
        for block in queue[:done]:
            heap.free(block)
        del queue[:done]
    heap.free_all(queue)


def _file_cache(rng: Random, heap: Recorder) -> None:
    """Inodes and names are kept, buffers are dropped, the oldest first."""
    kept: list[int] = []
    buffers: list[int] = []
    for _ in range(150):
        kept += [heap.allocate(608), heap.allocate(rng.randint(20, 200))]
        buffers.append(heap.allocate(rng.choice((512, 1024, 4096))))
        if len(buffers) > 24:
            heap.free(buffers.pop(0))
        if len(kept) > 120:
            for _ in range(2):
                heap.free(kept.pop(rng.randrange(len(kept))))
    heap.free_all(kept)
    heap.free_all(buffers)


def _boot(rng: Random, heap: Recorder) -> None:
    """A boot: tables that stay, scratch memory that goes, and growing arrays copied over."""
    stays: list[int] = []
    for _ in range(40):
        scratch = [heap.allocate(rng.randint(100, 6000)) for _ in range(3)]
        stays.append(heap.allocate(rng.choice((192, 512, 1024, 2048, 4096))))
        heap.free_all(scratch)
        size, array = 64, heap.allocate(64)
        while size < rng.choice((256, 1024, 4096)):
            size *= 2
            larger = heap.allocate(size)
            heap.free(array)
            array = larger
        stays.append(array)
    heap.free_all(stays)


# --- adversaries ----------------------------------------------------------------------------------


def _comb(rng: Random, heap: Recorder) -> None:
    """Every second block is freed, then blocks are asked for that fit into none of the gaps."""
    teeth = [heap.allocate(rng.randint(230, 260)) for _ in range(500)]
    for block in teeth[::2]:
        heap.free(block)
    wide = [heap.allocate(rng.randint(300, 400)) for _ in range(250)]
    heap.free_all(wide)
    heap.free_all(teeth[1::2])


def _ladder(rng: Random, heap: Recorder) -> None:
    """Sizes grow by doubling; of each size most blocks are freed before the next."""
    kept: list[int] = []
    size = 32
    while size <= 8192:
        blocks = [heap.allocate(size) for _ in range(max(131072 // size // 4, 12))]
        rng.shuffle(blocks)
        stay = max(len(blocks) // 8, 1)
        kept += blocks[:stay]
        heap.free_all(blocks[stay:])
        size *= 2
    heap.free_all(kept)


def _stack(rng: Random, heap: Recorder) -> None:
    """Last in, first out, deep and shallow by turns: what a bump pointer could do, too."""
    stack: list[int] = []
    for _ in range(24):
        while len(stack) < rng.randint(90, 130):
            stack.append(heap.allocate(rng.randint(200, 2200)))
        while len(stack) > rng.randint(60, 100):
            heap.free(stack.pop())
    heap.free_all(stack[::-1])


def _churn(rng: Random, heap: Recorder) -> None:
    """One large block is replaced again and again among small ones that stay."""
    large = heap.allocate(20_000)
    small: list[int] = []
    for _ in range(300):
        heap.free(large)
        small.append(heap.allocate(rng.randint(24, 120)))
        large = heap.allocate(20_000 + rng.randint(0, 4000))
        if len(small) > 200:
            heap.free(small.pop(0))
        if rng.random() < 0.2:
            small.append(heap.allocate(rng.randint(1000, 3000)))
    heap.free(large)
    heap.free_all(small)


TRACES: Final[dict[str, Generator]] = {
    "random-small": _random_small,
    "random-wide": _random_wide,
    "binary-large": _binary_large,
    "binary-small": _binary_small,
    "coalescing": _coalescing,
    "coalescing-orders": _coalescing_backward,
    "processes": _processes,
    "network": _network,
    "file-cache": _file_cache,
    "boot": _boot,
    "comb": _comb,
    "ladder": _ladder,
    "stack": _stack,
    "churn": _churn,
}
"""Name → generator; its docstring says what it asks of a heap."""


def make_trace(name: str, seed: int = 0) -> AllocationTrace:
    """The trace of this name.

    Raises:
        InputError: there is none.
    """
    if name not in TRACES:
        raise unknown_name("trace", name, TRACES)
    heap = Recorder()
    TRACES[name](Random(f"{seed} {name}"), heap)
    return heap.trace(name)


def describe(name: str) -> str:
    """What the trace asks of a heap, in one line.

    Raises:
        InputError: there is no such trace.
    """
    if name not in TRACES:
        raise InputError(f"no trace {name!r}", expected=", ".join(TRACES))
    return (TRACES[name].__doc__ or name).strip().splitlines()[0]
