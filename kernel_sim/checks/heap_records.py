"""What a heap leaves in RAM from one look to the next: frames that are lost, bytes that change."""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.checks.heap_ground import HeapGround
from kernel_sim.checks.heap_model import HeapModel, LiveBlock
from kernel_sim.checks.heap_window import FRAME_MASK, HeapWindow, pieces
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.machine.ram import poison_word

HOOKS: Final = frozenset({"kmalloc", "kfree", "heap_stats", "heap_init"})
ALIKE: Final = 3
"""So many blocks of one size, each as far from the last, show the heap's stride."""
PAGE_MASK: Final = 0xFFF


@dataclass(slots=True)
class Records:
    """The state at the last look, and what was called since.

    Args:
        turns: the calls since.
        used: frames in use then, as bits.
        tables: page tables then.
        pages: heap pages mapped then.
        memory: frame → bytes then, where they are compared.
        alike: the last blocks, as long as they have one size and nothing was freed.
    """

    turns: list[Turn] = field(default_factory=list)
    used: int = -1
    tables: frozenset[int] = frozenset()
    pages: frozenset[int] = frozenset()
    memory: dict[int, bytes] = field(default_factory=dict)
    alike: list[LiveBlock] = field(default_factory=list)

    def note(self, block: LiveBlock) -> None:
        """A block was handed out."""
        if self.alike and (self.alike[-1].size, self.alike[-1].align) != (block.size, block.align):
            self.alike.clear()
        self.alike.append(block)

    def forget(self) -> None:
        """A block came back: memory is no longer used in order."""
        self.alike.clear()

    def looked(self, window: HeapWindow, used: int) -> None:
        """Remember this moment."""
        self.used, self.tables = used, window.tables
        self.pages = frozenset(window.entries)
        self.turns.clear()

    @property
    def only_call(self) -> Turn | None:
        """The one call of a heap's hook since the last look, if there was just one."""
        return self.turns[0] if len(self.turns) == 1 and self.turns[0].hook in HOOKS else None

    def has_refused(self, size: int, align: int) -> bool:
        """Whether a request like this got None since the last look."""
        return any(
            turn.args == (size, align) and turn.outcome.value is None
            for turn in self.turns
            if turn.hook == "kmalloc" and turn.outcome.failure is None
        )


def broken_exhaustion(records: Records, window: HeapWindow, used: int) -> Breach | None:
    """A kmalloc that returned None took frames, or left pages mapped."""
    call = records.only_call
    if call is None or call.hook != "kmalloc" or records.used < 0:
        return None
    if call.outcome.value is not None:
        return None
    tables = sum(1 << (frame >> 12) for frame in window.tables - records.tables)
    lost = used & ~records.used & ~tables
    if lost:
        gone = lost.bit_count()
        problem = (
            f"kmalloc returned None, and {'a frame is' if gone == 1 else f'{gone} frames are'} gone"
        )
        got = f"{gone} fewer"
        return Breach("leak", "KV-32", problem, 0, "frames-leaked", "as many frames as before", got)
    left = sorted(set(window.entries) - records.pages)
    if left:
        problem = f"kmalloc returned None, and {len(left)} pages are mapped from {left[0]:#x} on"
        wanted, got = "no page more than before", f"{len(left)} pages more"
        return Breach("leak", "KV-32", problem, left[0], "frames-leaked", wanted, got)
    return None


def broken_record(
    records: Records, ground: HeapGround, window: HeapWindow, ram: PhysicalMemory
) -> Breach | None:
    """A kfree after which no byte of the heap's memory has changed: where was it written down?"""
    frames = [entry & FRAME_MASK for entry in window.entries.values()]
    others = ground.used_frames(ram) & ~ground.used
    frames += [frame for frame in _addresses(others) if frame not in window.tables]
    memory = {frame: ram.read(frame, PAGE_MASK + 1) for frame in set(frames)}
    call, before = records.only_call, records.memory
    records.memory = memory
    if call is None or call.hook != "kfree" or call.outcome.failure is not None or not before:
        return None
    if memory != before:
        return None
    problem = "kfree changed no byte of the heap's memory"
    wanted, got = "a mark in the header, or a link", "the same bytes as before"
    return Breach("record", "KV-30", problem, 0, "heap-in-python", wanted, got)


def broken_tail(
    records: Records, model: HeapModel, window: HeapWindow, ram: PhysicalMemory, seed: int
) -> Breach | None:
    """A None although one more block like the last ones would have ended at the window's end."""
    blocks, end = records.alike, model.window.end
    if len(blocks) < ALIKE or not records.has_refused(blocks[-1].size, blocks[-1].align):
        return None
    strides = {b.address - a.address for a, b in pairwise(blocks)}
    last = blocks[-1]
    (stride,) = strides if len(strides) == 1 else (0,)
    if stride < last.size or last.end + stride > end:
        return None
    if not _is_unwritten(window, ram, last.end, end, seed):
        return None
    problem = (
        f"kmalloc({last.size}, {last.align}) returned None; one more block {stride} bytes after "
        f"the last one would end at {last.end + stride:#x}, and the heap ends at {end:#x}"
    )
    return Breach("tail", "KV-31", problem, last.end, "last-bytes", "a block", "None")


def _is_unwritten(window: HeapWindow, ram: PhysicalMemory, start: int, end: int, seed: int) -> bool:
    """Whether nobody has written to a byte of the range since power-on."""
    for at, length in pieces(start, end - start):
        entry = window.entries.get(at & ~PAGE_MASK)
        if entry is None:
            continue
        frame = entry & FRAME_MASK
        poison = poison_word(seed, frame >> 12).to_bytes(8, "little") * (PAGE_MASK + 1 >> 3)
        first = at & PAGE_MASK
        if ram.read(frame + first, length) != poison[first : first + length]:
            return False
    return True


def _addresses(frames: int) -> list[int]:
    """The frames of a set as addresses."""
    result: list[int] = []
    while frames:
        lowest = frames & -frames
        result.append(lowest.bit_length() - 1 << 12)
        frames ^= lowest
    return result
