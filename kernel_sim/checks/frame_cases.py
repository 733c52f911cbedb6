"""The sequences of calls of Lab 2's checks."""

from random import Random
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE
from kernel_sim.checks.frame_layout import FrameLayout, numbers, regions_of
from kernel_sim.checks.frame_places import layout_at
from kernel_sim.checks.operations import Case, Of, Place, Script
from kernel_sim.checks.operations_generator import Live, random_case
from kernel_sim.values import AddrRange, MemoryRegion, RegionKind

SPARE: Final = 2
"""So many more calls than there are frames."""


def exhausting(place: Place) -> Case:
    """Allocate until nothing can be left, and a little further."""
    script = Script()
    script.add("pmm_alloc_frame", times=_count(place) + SPARE)
    return script.at(place)


def counting(place: Place) -> Case:
    """The statistics after the boot."""
    script = Script()
    script.add("pmm_stats")
    return script.at(place)


def first_frames(place: Place, times: int = 2) -> Case:
    """Statistics and a few frames, after which the bitmap is to be seen."""
    script = Script()
    script.add("pmm_stats")
    script.add("pmm_alloc_frame", times=times)
    return script.at(place)


def refilling(place: Place, rng: Random) -> Case:
    """Allocate everything, give some back, allocate again: what was given back comes again."""
    count = _count(place)
    script = Script()
    everything = script.add("pmm_alloc_frame", times=count + SPARE)
    low, high = sorted(rng.sample(range(max(count - 2, 2)), 2))
    for turn in (low, high):
        script.add("pmm_free_frame", Of(everything.step, turn))
        script.add("pmm_alloc_frame", times=2)
    return script.at(place)


def churning(place: Place, rng: Random, length: int) -> Case:
    """Allocate and free at random, then allocate what is left."""
    live = Live()

    def allocate(_: Random, script: Script) -> None:
        live.add(script.add("pmm_alloc_frame"))

    def free(rng: Random, script: Script) -> None:
        if live:
            script.add("pmm_free_frame", live.take(rng))

    case = random_case(rng, place, [(5, allocate), (4, free)], length)
    rest = Script()
    for call in case.calls:
        rest.add(call.hook, *call.args, times=call.times)
    rest.add("pmm_alloc_frame", times=_count(place) + SPARE)
    return rest.at(place)


def counted_throughout(place: Place, rng: Random) -> Case:
    """Statistics after allocating, freeing, refusals, and when there is nothing left."""
    script = Script()
    script.add("pmm_stats")
    some = script.add("pmm_alloc_frame", times=rng.randrange(3, 6))
    script.add("pmm_stats")
    script.add("pmm_free_frame", some)
    script.add("pmm_stats")
    script.add("pmm_free_frame", some)
    script.add("pmm_stats")
    script.add("pmm_alloc_frame", times=_count(place) + SPARE)
    script.add("pmm_stats")
    return script.at(place)


def counted_once(place: Place) -> Case:
    """Statistics, then everything, then statistics again."""
    script = Script()
    script.add("pmm_stats")
    script.add("pmm_alloc_frame", times=_count(place) + SPARE)
    script.add("pmm_stats")
    return script.at(place)


def bit_by_bit(place: Place) -> Case:
    """A few calls, after each of which the bitmap is looked at."""
    script = Script()
    script.add("pmm_stats")
    frames = script.add("pmm_alloc_frame", times=3)
    script.add("pmm_free_frame", Of(frames.step, 1))
    script.add("pmm_alloc_frame", times=2)
    script.add("pmm_free_frame", frames)
    return script.at(place)


# --- what must be refused -------------------------------------------------------------------------


def double_frees(place: Place) -> list[Case]:
    """A frame given back twice, and one that was never handed out."""
    script = Script()
    frames = script.add("pmm_alloc_frame", times=2)
    script.add("pmm_free_frame", frames)
    script.add("pmm_free_frame", frames)
    never = Script()
    never.add("pmm_free_frame", _highest(layout_at(place)) * PAGE_SIZE)
    both = Script()
    pair = both.add("pmm_alloc_frame", times=3)
    for turn in (1, 0, 1):
        both.add("pmm_free_frame", Of(pair.step, turn))
    return [script.at(place), both.at(place), never.at(place)]


def misaligned_frees(place: Place, rng: Random) -> list[Case]:
    """Addresses inside a frame that is in use."""
    offsets = (1, 0x10, 0x800, 0xFFF, rng.randrange(2, 0xFF0))
    return [_freeing(place, Of(0, 0, offset)) for offset in offsets]


def distant_frees(place: Place, rng: Random) -> list[Case]:
    """Addresses beyond the last frame, near and far, and some that alias a frame in 32 bits."""
    limit = layout_at(place).limit
    near = rng.randrange(1, 64) * PAGE_SIZE
    cases = [
        _freeing(place, address)
        for address in (limit, limit + near, 1 << 32, 0xC000_0000, 1 << 40, (1 << 52) - PAGE_SIZE)
    ]
    return [_freeing(place, Of(0, 0, 1 << 32)), *cases]


def reserved_frees(place: Place) -> list[Case]:
    """Frames of kernel, stack and first MiB, frame 0, and frames that are no memory."""
    layout = layout_at(place)
    kernel, stack, _ = (item.start for _, item in layout.boot)
    taken = [number * PAGE_SIZE for number in numbers(layout.reserved & layout.usable)]
    hole = [n * PAGE_SIZE for n in numbers(layout.below_limit & ~layout.usable)]
    addresses = [kernel, stack & ~0xFFF, 0, *taken[1:2], *hole[:1], *hole[-1:], 0xB8000]
    known = dict.fromkeys(a for a in addresses if a < layout.limit)
    return [_freeing(place, address) for address in known]


def _freeing(place: Place, frame: object) -> Case:
    """Free one address while one frame is in use."""
    script = Script()
    script.add("pmm_alloc_frame")
    script.add("pmm_free_frame", frame)
    return script.at(place)


# --- initialisation -------------------------------------------------------------------------------


def initialized_twice(place: Place, times: int = 2) -> Case:
    """Further calls of ``pmm_init`` while frames are in use; with ``times`` 1 there are none."""
    layout = layout_at(place)
    script = Script()
    script.add("pmm_alloc_frame", times=3)
    if times > 1:
        script.add("pmm_init", regions_of(layout), list(layout.reserved_bytes), times=times - 1)
    script.add("pmm_stats")
    script.add("pmm_alloc_frame", times=3)
    return script.at(place)


def well_known(case: Case) -> list[Case]:
    """Short sequences in which most mistakes show: tried before a long one is shrunk."""
    place = case.place
    some = Script()
    pair = some.add("pmm_alloc_frame", times=2)
    some.add("pmm_free_frame", pair)
    some.add("pmm_alloc_frame", times=2)
    again = Script()
    everything = again.add("pmm_alloc_frame", times=_count(place) + SPARE)
    again.add("pmm_free_frame", everything)
    again.add("pmm_alloc_frame")
    known = [counting(place), some.at(place), exhausting(place), again.at(place)]
    return known if place.until == "pmm" else []


def with_seams(place: Place) -> Case:
    """Available regions that touch in the middle of a frame: one region before rounding."""
    top = ONE_MIB + 40 * PAGE_SIZE
    regions = [
        MemoryRegion(ONE_MIB, 0x1_2800, RegionKind.AVAILABLE, 1),
        MemoryRegion(ONE_MIB + 0x1_2800, top - ONE_MIB - 0x1_2800, RegionKind.AVAILABLE, 1),
    ]
    return _initialized(place, regions, 40)


def with_high_memory(place: Place) -> Case:
    """Regions that cross the physical limit, and one above 4 GiB."""
    limit = layout_at(place).limit
    regions = [
        MemoryRegion(limit - 8 * PAGE_SIZE, 64 * PAGE_SIZE, RegionKind.AVAILABLE, 1),
        MemoryRegion((1 << 32) + ONE_MIB, ONE_MIB, RegionKind.AVAILABLE, 1),
    ]
    return _initialized(place, regions, 8)


def _initialized(place: Place, above: list[MemoryRegion], count: int) -> Case:
    """A boot that ends before ``pmm``, then ``pmm_init`` with regions of the check's own."""
    low = MemoryRegion(0, 0x9_F000, RegionKind.AVAILABLE, 1)
    start = Place(place.machine, "memmap", seed=place.seed)
    script = Script()
    script.add("pmm_init", [low, *above], [AddrRange(0, ONE_MIB)])
    script.add("pmm_alloc_frame", times=count + SPARE)
    return script.at(start)


def _count(place: Place) -> int:
    return layout_at(place).owned.bit_count()


def _highest(layout: FrameLayout) -> int:
    return layout.owned.bit_length() - 1
