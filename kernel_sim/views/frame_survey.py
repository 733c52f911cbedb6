"""A frame map of a booted machine: from the kernel's table, its tags and its allocator's bitmap.

Looking changes nothing: the events that its questions leave in the trace are taken out again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.boot import Boot
from kernel_sim.errors import BudgetExceeded, KernelError, MachineStopped
from kernel_sim.host.oops import KernelOops
from kernel_sim.machine import Machine, available_ranges
from kernel_sim.values import AddrRange, FrameStats, MemoryRegion, RegionKind
from kernel_sim.views.frame_bits import FrameBits, is_readable
from kernel_sim.views.frame_map import FrameMap, Span
from kernel_sim.views.frame_use import USE_LOOKS, USE_OF_KIND, FrameUse, use_of_tag

Tagged = tuple[AddrRange, str]
REFUSALS: Final = (KernelError, KernelOops, MachineStopped, BudgetExceeded)


@dataclass(frozen=True, slots=True)
class Survey:
    """A map, and where the bits that change all the time are read again."""

    machine: Machine
    map: FrameMap
    stats: FrameStats | None

    def now(self) -> FrameMap:
        """The map with the allocator's bitmap as it lies in memory now; calls no hook."""
        if self.stats is None:
            return self.map
        data = self.machine.ram.read(self.stats.bitmap_base, self.stats.bitmap_bytes)
        return self.map.with_bits(FrameBits.of(self.stats, bytes(data)))


def survey(result: Boot) -> Survey:
    """The map of what ``result`` booted, or of what the firmware says if it has no table yet."""
    machine = result.machine
    count = len(machine.trace.events)
    stats = _asked(lambda: result.call("pmm_stats"))
    tags = _tags_of(_asked(lambda: result.call("region_tags")))
    del machine.trace.events[count:]
    known = stats if is_readable(stats) else None
    tags = tags or _tags_of_boot(machine, known)
    regions = list(result.regions)
    if not regions:
        free = RegionKind.AVAILABLE
        regions = [MemoryRegion(r.start, r.length, free) for r in available_ranges(machine.spec)]
    spec = machine.spec
    frames = FrameMap(spec.name, *_spans(regions, tags, known))
    found = Survey(machine, frames, known)
    return Survey(machine, found.now(), known)


def _asked(question: Callable[[], Any]) -> Any:  # noqa: ANN401 - what a hook answers
    """The answer, or None where a hook refuses, fails, or is not there yet."""
    try:
        return question()
    except REFUSALS:
        return None


def _tags_of(answer: object) -> list[Tagged]:
    """The tags in ``answer`` that are any: a student's plugin may say anything."""
    if not isinstance(answer, list):
        return []
    return [
        (item[0], item[1])
        for item in answer
        if isinstance(item, tuple)
        and len(item) == 2
        and isinstance(item[0], AddrRange)
        and isinstance(item[1], str)
    ]


def _tags_of_boot(machine: Machine, stats: FrameStats | None) -> list[Tagged]:
    """What is known where no plugin gives tags."""
    info = machine.boot_info
    tags = [(info.kernel, "kernel-image"), (info.stack, "boot-stack")]
    if stats is not None:
        base = stats.bitmap_base
        tags.append((AddrRange(base, base + stats.bitmap_bytes), "frame-bitmap"))
    return tags


def _spans(
    regions: Sequence[MemoryRegion], tags: Sequence[Tagged], stats: FrameStats | None
) -> tuple[int, tuple[Span, ...]]:
    """The number of frames up to the end of memory, and the spans that fill it.

    They are cut where the allocator's bitmap begins and ends.
    """
    described = [(_frames(r.base, r.end), r.kind) for r in regions]
    tagged = [(_frames(place.start, place.end), tag) for place, tag in tags]
    top = max((r.end for r in regions if r.kind is RegionKind.AVAILABLE), default=1)
    top = max([top, *(r.end for r in regions if r.base <= align_up(top, PAGE_SIZE) <= r.end)])
    count = -(-top // PAGE_SIZE)
    managed = _managed(stats)
    ranges = [managed, *(item for item, _ in (*described, *tagged))]
    edges = {0, count, *(edge for pair in ranges for edge in pair if edge < count)}
    cuts = pairwise(sorted(edges))
    return count, tuple(_joined((_span(a, b, described, tagged) for a, b in cuts), managed))


def _managed(stats: FrameStats | None) -> tuple[int, int]:
    """The numbers of the frames that have a bit."""
    if stats is None:
        return 0, 0
    first = stats.first_frame // PAGE_SIZE
    return first, (first + stats.bitmap_bytes * 8 + 7) // 8 * 8


def _frames(start: int, end: int) -> tuple[int, int]:
    """The numbers of the frames that the bytes ``[start, end)`` touch."""
    return start // PAGE_SIZE, -(-end // PAGE_SIZE)


def _span(
    first: int,
    end: int,
    described: Sequence[tuple[tuple[int, int], RegionKind]],
    tagged: Sequence[tuple[tuple[int, int], str]],
) -> Span:
    """The span ``[first, end)``: its owner by the tags, else by the strictest kind."""
    tags = tuple(dict.fromkeys(tag for (a, b), tag in tagged if a <= first < b))
    for tag in tags:
        use = use_of_tag(tag)
        if use is not None:
            others = tuple(other for other in tags if other != tag)
            return Span(first, end, use, tag, others)
    kinds = [kind for (a, b), kind in described if a <= first < b]
    use = USE_OF_KIND[max(kinds)] if kinds else FrameUse.HOLE
    return Span(first, end, use, USE_LOOKS[use].word, tags)


def _joined(spans: Iterator[Span], kept: tuple[int, int]) -> Iterator[Span]:
    """Neighbours that differ in nothing made one, except at the edges ``kept``."""
    last: Span | None = None
    for span in spans:
        if (
            last is not None
            and span.first not in kept
            and (last.use, last.owner, last.tags)
            == (
                span.use,
                span.owner,
                span.tags,
            )
        ):
            last = Span(last.first, span.end, last.use, last.owner, last.tags)
            continue
        if last is not None:
            yield last
        last = span
    if last is not None:
        yield last
