"""The sequences of calls about what watches: the picture of memory, reference counters, tags."""

from random import Random
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.accesses import DESCRIBE
from kernel_sim.checks.fault_cases import READ_WRITE, SPARE
from kernel_sim.checks.frame_layout import layout_of
from kernel_sim.checks.guard_cases import install
from kernel_sim.checks.operations import Case, Of, Place, Script
from kernel_sim.checks.operations_generator import Live, random_case
from kernel_sim.values import GuardKind

MIB: Final = 1 << 20
HIGH: Final = 64 * MIB
"""Above what ISA devices reach; tags go where nothing else is tagged."""
FAR: Final = 1 << 32
"""Above `physical_limit` of every 32-bit kernel."""


# --- the picture ----------------------------------------------------------------------------------


def drawn(place: Place, columns: int, rows: int, frames: int) -> Case:
    """A picture before and after frames are taken, and when one is given back."""
    script = Script()
    script.add("render_memory", columns, rows)
    taken = script.add("pmm_alloc_frame", times=frames)
    script.add("render_memory", columns, rows)
    script.add("pmm_free_frame", Of(taken.step, frames // 2))
    script.add("render_memory", columns, rows)
    return script.at(place)


def sizes(place: Place, shapes: tuple[tuple[int, int], ...]) -> Case:
    """Pictures of several sizes."""
    script = Script()
    for columns, rows in shapes:
        script.add("render_memory", columns, rows)
    return script.at(place)


def on_another_map(place: Place, shapes: tuple[tuple[int, int], ...]) -> Case:
    """Pictures where two regions touch in the middle of a frame, and one lies past the limit."""
    widest = max(layout_of(place.spec()).available, key=lambda item: item.length)
    seam = align_down((widest.start + widest.end) // 2, PAGE_SIZE) + PAGE_SIZE // 2
    script = Script()
    script.add(DESCRIBE, seam, widest.end - seam)
    script.add(DESCRIBE, FAR, 16 * PAGE_SIZE)
    for columns, rows in shapes:
        script.add("render_memory", columns, rows)
    return script.at(place)


# --- counters -------------------------------------------------------------------------------------


def counted(place: Place) -> Case:
    """A frame is taken, mapped twice, unmapped, given back; asked for after each call."""
    script = Script()
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("frame_refcount", frame)
    for page in (SPARE, SPARE + PAGE_SIZE):
        script.add("map_page", root, page, frame, READ_WRITE)
        script.add("frame_refcount", frame)
    for page in (SPARE, SPARE + PAGE_SIZE):
        script.add("unmap_page", root, page)
        script.add("frame_refcount", frame)
    script.add("pmm_free_frame", frame)
    script.add("frame_refcount", frame)
    return script.at(place)


def owned(place: Place) -> Case:
    """A frame is taken and kept."""
    script = Script()
    script.add("frame_refcount", script.add("pmm_alloc_frame"))
    return script.at(place)


def refused(place: Place) -> Case:
    """Calls that are refused count nothing."""
    script = Script()
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("map_page", root, SPARE, frame, READ_WRITE)
    script.add("map_page", root, SPARE, frame, READ_WRITE)
    script.add("frame_refcount", frame)
    script.add("unmap_page", root, SPARE)
    script.add("pmm_free_frame", frame)
    script.add("pmm_free_frame", frame)
    script.add("frame_refcount", frame)
    return script.at(place)


def freed_while_mapped(place: Place) -> Case:
    """A frame is given back too early: its mapping still counts."""
    script = Script()
    root = script.add("kernel.root")
    frame = script.add("pmm_alloc_frame")
    script.add("map_page", root, SPARE, frame, READ_WRITE)
    script.add("pmm_free_frame", frame)
    script.add("frame_refcount", frame)
    script.add("unmap_page", root, SPARE)
    script.add("frame_refcount", frame)
    return script.at(place)


def counting(place: Place, rng: Random, length: int) -> Case:
    """Frames come and go and are mapped here and there."""
    live = Live()
    pages = [SPARE + PAGE_SIZE * k for k in range(6)]
    first = Script()
    root = first.add("kernel.root")

    def add(_: Random, script: Script) -> None:
        live.add(script.add("pmm_alloc_frame"))

    def free(rng: Random, script: Script) -> None:
        if live:
            script.add("pmm_free_frame", live.take(rng))

    def connect(rng: Random, script: Script) -> None:
        if live:
            script.add("map_page", root, rng.choice(pages), live.peek(rng), READ_WRITE)

    def cut(rng: Random, script: Script) -> None:
        script.add("unmap_page", root, rng.choice(pages))

    def ask(rng: Random, script: Script) -> None:
        if live:
            script.add("frame_refcount", live.peek(rng))

    moves = [(4, add), (1, free), (4, connect), (2, cut), (5, ask)]
    return random_case(rng, place, moves, length, first)


# --- tags -----------------------------------------------------------------------------------------


def tagged(place: Place, start: int = HIGH) -> Case:
    """Two drivers tag ranges that overlap, then one takes a piece off the middle of its own."""
    script = Script()
    script.add("kernel.tag", start, start + 16 * PAGE_SIZE, "nic")
    script.add("region_tags")
    script.add("kernel.tag", start + 8 * PAGE_SIZE, start + 24 * PAGE_SIZE, "disk")
    script.add("region_tags")
    script.add("kernel.untag", start + 4 * PAGE_SIZE, start + 5 * PAGE_SIZE, "nic")
    script.add("region_tags")
    script.add("kernel.untag", start, start + 16 * PAGE_SIZE, "nic")
    script.add("region_tags")
    return script.at(place)


def on_two_ranges(place: Place, start: int = HIGH) -> Case:
    """One tag on two ranges that do not touch."""
    script = Script()
    for offset in (0, 16):
        first = start + offset * PAGE_SIZE
        script.add("kernel.tag", first, first + 4 * PAGE_SIZE, "gpu")
    script.add("region_tags")
    return script.at(place)


def fixed_tags(place: Place) -> Case:
    """What map and boot information say."""
    script = Script()
    script.add("region_tags")
    return script.at(place)


def guarded_tags(place: Place, kind: GuardKind) -> Case:
    """Two regions of one tag; the first is removed, the second keeps it."""
    script = Script()
    first = install(script, kind, PAGE_SIZE, "ring")
    script.add("region_tags")
    install(script, kind, 2 * PAGE_SIZE, "ring")
    script.add("remove_guard", first)
    script.add("region_tags")
    return script.at(place)


def tagging(place: Place, rng: Random, length: int) -> Case:
    """Tags are put on and taken off all over a stretch of memory."""

    def span(rng: Random) -> tuple[int, int]:
        first = HIGH + rng.randrange(24) * PAGE_SIZE
        return first, first + rng.randrange(1, 12) * PAGE_SIZE

    def put(rng: Random, script: Script) -> None:
        script.add("kernel.tag", *span(rng), rng.choice(("nic", "disk", "gpu")))

    def take(rng: Random, script: Script) -> None:
        script.add("kernel.untag", *span(rng), rng.choice(("nic", "disk", "gpu")))

    def ask(_: Random, script: Script) -> None:
        script.add("region_tags")

    return random_case(rng, place, [(4, put), (3, take), (3, ask)], length)
