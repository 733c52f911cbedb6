"""The rules of a heap, each as a breach with the figures: what a check may judge one by one."""

import re
from typing import Final

from kernel_sim.checks.bench import Failure
from kernel_sim.checks.heap_model import HeapModel, LiveBlock
from kernel_sim.checks.hook_failure import sentence, violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import AddrRange, HeapStats

ALIGNED: Final = frozenset({"aligned"})
DISJOINT: Final = frozenset({"disjoint", "zero"})
CONTENTS: Final = frozenset({"contents"})
BOUNDS: Final = frozenset({"inside", "mapped-inside", "tail"})
SERVED: Final = frozenset({"served"})
PAGES: Final = frozenset({"backed", "rights", "frames"})
EXHAUSTION: Final = frozenset({"null", "leak", "backed"})
FREES: Final = frozenset({"freed"})
ERRORS: Final = frozenset({"freed", "refused", "error-class"})
REUSE: Final = frozenset({"reuse"})
STATS: Final = frozenset({"blocks", "used", "free"})
RECORDS: Final = frozenset({"record"})
INIT: Final = frozenset({"init"})
BLOCKS: Final = ALIGNED | DISJOINT | CONTENTS
ALL_RULES: Final = BLOCKS | BOUNDS | SERVED | PAGES | EXHAUSTION | ERRORS | STATS | INIT | RECORDS
"""Everything that a heap of tier 4A keeps, too; `REUSE` is for tier 4B."""


def block_text(block: LiveBlock) -> str:
    """A block in words."""
    return f"the block of {block.size} bytes at {block.address:#x}"


# --- what kmalloc returns -------------------------------------------------------------------------


def broken_by_block(model: HeapModel, block: LiveBlock) -> Breach | None:
    """The rule that a new block breaks by where it lies."""
    return _misaligned(block) or _outside(model, block) or _overlapping(model, block)


def _misaligned(block: LiveBlock) -> Breach | None:
    if block.address % block.align == 0:
        return None
    concept = "align-ignored"
    heads = (4, 8, 12, 16, 20, 24, 32, 48)
    if any((block.address + head) % block.align == 0 for size in heads for head in (size, -size)):
        concept = "align-payload"
    if block.align <= 16:
        concept = "size-rounding" if block.address % 4 else "align-payload"
    problem = f"kmalloc({block.size}, {block.align}) returned {block.address:#x}"
    wanted = f"a multiple of {block.align:#x}"
    return Breach("aligned", "KV-29", problem, block.address, concept, wanted, hex(block.address))


def _outside(model: HeapModel, block: LiveBlock) -> Breach | None:
    window = model.window
    if window.start <= block.address and block.end <= window.end:
        return None
    problem = f"{block_text(block)} is not within {window}"
    concept = "heap-start" if block.address < window.start else "max-end"
    if concept == "heap-start" and block.end - block.address > window.length:
        concept = "size-overflow"
    if block.address >= window.end and block.address - window.end > (1 << 20):
        concept = "heap-start"
    if block.size > window.length:
        concept = "size-overflow"
    wanted = f"a block within {window}, or None"
    return Breach("inside", "KV-31", problem, block.address, concept, wanted, hex(block.address))


def _overlapping(model: HeapModel, block: LiveBlock) -> Breach | None:
    other = model.neighbour(block.address, block.end)
    if other is None:
        return None
    problem = f"{block_text(block)} overlaps {block_text(other)}"
    if 0 in (block.size, other.size):
        return Breach("zero", "KV-27", problem, block.address, "zero-size", "a block of its own")
    reused = any(f.address < block.end and block.address < f.end for f in model.freed.values())
    concept = "heap-overlap-reuse" if reused else "heap-overlap"
    wanted = "a block that shares no byte with a live one"
    return Breach("disjoint", "KV-34", problem, block.address, concept, wanted, hex(block.address))


def not_served(model: HeapModel, size: int, align: int) -> Breach | None:
    """A None although even a heap that reuses nothing has room."""
    if not size or not model.has_fresh_room(size, align):
        return None
    problem = (
        f"kmalloc({size}, {align}) returned None, with {model.payload} bytes in use and room for "
        f"{model.capacity}"
    )
    concept = "no-recovery" if model.drained_before else "early-null"
    return Breach("served", "KV-31", problem, 0, concept, "a block", "None")


def not_reused(model: HeapModel, size: int, align: int) -> Breach | None:
    """A None although memory that was given back is free."""
    if not size or not model.has_free_room(size, align):
        return None
    problem = (
        f"kmalloc({size}, {align}) returned None, with {model.payload} bytes in use and "
        f"{model.freed_bytes} bytes given back"
    )
    return Breach("reuse", "KV-28", problem, 0, "no-reuse", "a block", "None")


def failed_kmalloc(model: HeapModel, failure: Failure, size: int, align: int) -> Breach:
    """Kmalloc failed instead of returning."""
    text = sentence(failure)
    fault = re.search(r"page fault at (0x[0-9a-f]+)", failure.message)
    if failure.kind == "stopped" and fault is not None:
        within = int(fault[1], 16) in model.window
        return _faulted(failure, *(("touch-before-map", "KV-32") if within else WILD))
    scarce = not model.has_fresh_room(size, align)
    if scarce and failure.kind in {"raised", "oops"} and failure.error != "NotImplementedError":
        concept = "null-on-exhaustion"
        if size > model.window.length:
            concept = "size-overflow"
        elif failure.hook in {"map_page", "pmm_free_frame"} or "NoneType" in failure.message:
            concept = "null-frame"
        return Breach("null", "KV-32", text, 0, concept, "None", text)
    return hook_breach(failure, "KV-27")


def hook_breach(failure: Failure, requirement: str) -> Breach:
    """A hook that fails where it must not."""
    found = violation_of(failure, requirement)
    got = sentence(failure)
    return Breach(found.rule, requirement, found.problem, 0, found.concept, "an answer", got)


WILD: Final = ("wild-address", "KV-34")
"""Concept and requirement where a heap follows an address that is none of its own."""


def _faulted(failure: Failure, concept: str, requirement: str) -> Breach:
    problem = sentence(failure)
    wanted = "no access to what is not mapped"
    return Breach("hook-fault", requirement, problem, 0, concept, wanted, problem)


# --- kfree ----------------------------------------------------------------------------------------


def wrongly_freed(model: HeapModel, pointer: int) -> Breach:
    """Kfree took a pointer that is no live block."""
    inside = model.around(pointer)
    if pointer in model.freed:
        problem, concept = f"kfree({pointer:#x}) was accepted a second time", "heap-double-free"
    elif inside is not None:
        where = f"{pointer - inside.address} bytes inside {block_text(inside)}"
        problem, concept = f"kfree({pointer:#x}) was accepted, {where}", "interior-pointer"
    else:
        problem = f"kfree({pointer:#x}) was accepted, which kmalloc never returned"
        concept = "foreign-pointer"
    return Breach("refused", "KV-34", problem, pointer, concept, "HeapError", "accepted")


def failed_refusal(pointer: int, failure: Failure) -> Breach | None:
    """Kfree refused a wrong pointer, rightly or in the wrong way."""
    if failure.kind == "raised" and failure.error == "HeapError":
        return None
    text = sentence(failure)
    if failure.kind == "stopped" and "page fault at" in failure.message:
        return Breach("error-class", "KV-34", text, pointer, "trusts-pointer", "HeapError", text)
    if failure.kind in {"raised", "oops"} and failure.error != "NotImplementedError":
        concept = "heap-error-class"
        return Breach("error-class", "KV-34", text, pointer, concept, "HeapError", text)
    return hook_breach(failure, "KV-34")


def failed_kfree(model: HeapModel, pointer: int | None, failure: Failure) -> Breach:
    """Kfree refused, or failed over, what it has to take."""
    text = sentence(failure)
    if failure.kind not in {"raised", "oops", "stopped"} or failure.error == "NotImplementedError":
        return hook_breach(failure, "KV-27")
    if pointer is None:
        problem = f"kfree(None): {text}"
        return Breach("freed", "KV-34", problem, 0, "free-null", "nothing happens", text)
    problem = f"kfree of {block_text(model.live[pointer])}: {text}"
    return Breach("freed", "KV-27", problem, pointer, "free-refused", "the block is free", text)


# --- statistics -----------------------------------------------------------------------------------


def broken_stats(model: HeapModel, stats: HeapStats, before: HeapStats | None) -> Breach | None:
    """The rule that the statistics break."""
    live = len(model.live)
    got = f"used={stats.used}, free={stats.free}, blocks={stats.blocks}"
    if stats.blocks != live:
        problem = f"heap_stats counts {stats.blocks} blocks where {live} are in use"
        return Breach("blocks", "KV-30", problem, 0, "stats-blocks", f"blocks={live}", got)
    fixed = before.used if before is not None and not before.blocks else 0
    most = fixed + sum(2 * b.size + 2 * b.align + 128 for b in model.live.values())
    if not model.payload <= stats.used <= most:
        problem = f"heap_stats says used={stats.used}, with {model.payload} bytes in use"
        wanted = f"used from {model.payload} to {most}"
        return Breach("used", "KV-30", problem, 0, "stats-used", wanted, got)
    if not 0 <= stats.free <= model.window.length:
        problem = f"heap_stats says free={stats.free}, in a window of {model.window.length} bytes"
        wanted = f"free from 0 to {model.window.length}"
        return Breach("free", "KV-30", problem, 0, "stats-free", wanted, got)
    return None


# --- the range ------------------------------------------------------------------------------------


def broken_init(
    window: AddrRange | None, start: int, end: int, failure: Failure | None
) -> Breach | None:
    """The rule that ``heap_init`` breaks; ``window`` is what an earlier call was told."""
    call = f"heap_init({start:#x}, {end:#x})"
    if window is None and start < end:
        return hook_breach(failure, "KV-31") if failure is not None else None
    if failure is not None and (failure.kind, failure.error) == ("raised", "HeapInitError"):
        return None
    why = "a second call" if window is not None else "an empty or backward range"
    got = sentence(failure) if failure is not None else "accepted"
    problem = f"{call}, {why}: {got}"
    return Breach("init", "KV-31", problem, start, "heap-init", "HeapInitError", got)
