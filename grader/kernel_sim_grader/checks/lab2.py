"""The hidden checks of Lab 2: other machines, longer sequences, more boots, and what it costs."""

from random import Random
from typing import Final

from kernel_sim.checks import frame_cases as cases
from kernel_sim.checks import frame_places as places
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.frame_check import (
    boots_part,
    cost_result,
    once_part,
    part,
    refusal_parts,
)
from kernel_sim.checks.frame_rules import (
    BITS,
    COUNTS,
    ONCE,
    RESERVED,
    REUSE,
    TOTAL,
    WHICH,
)
from kernel_sim.checks.subject import Subject

LAB: Final = "lab2"
_MAKERS: Final = (places.tidy, places.ragged, places.holes, places.no_low_memory)


def hidden_usable_frames(subject: Subject, seed: int) -> Result:
    """The usable frames of other machines, all of them and no others."""
    name, rng = "hidden-usable-frames", Random(f"{seed} hidden-usable-frames")
    makers = (places.restricted, places.no_low_memory, places.ragged, places.ragged)
    made = [cases.exhausting(make(rng)) for make in makers]
    total = [cases.counting(make(rng)) for make in _MAKERS]
    given = [cases.with_seams(places.tidy(rng)), cases.with_high_memory(places.tidy(rng))]
    return Result.of_parts(
        [
            part("all frames", subject, name, WHICH, made),
            part("totals", subject, name, TOTAL, total),
            part("regions that touch or lie high", subject, name, WHICH, given),
        ]
    )


def hidden_exhaustion(subject: Subject, seed: int) -> Result:
    """Other machines are used up, too, without a frame coming twice."""
    name, rng = "hidden-exhaustion", Random(f"{seed} hidden-exhaustion")
    made = [cases.exhausting(make(rng)) for make in (places.holes, places.no_low_memory)]
    again = [cases.refilling(places.tidy(rng), rng), cases.churning(places.ragged(rng), rng, 80)]
    return Result.of_parts(
        [
            part("other machines", subject, name, ONCE, made),
            part("used up again", subject, name, ONCE, again),
        ]
    )


def hidden_reserved_frames(subject: Subject, seed: int) -> Result:
    """Nothing reserved is handed out on machines where kernel and bitmap lie elsewhere."""
    name, rng = "hidden-reserved-frames", Random(f"{seed} hidden-reserved-frames")
    made = [cases.exhausting(places.no_low_memory(rng)), cases.exhausting(places.ragged(rng))]
    large = [cases.first_frames(places.small_piece_first(rng), 6)]
    return Result.of_parts(
        [
            part("other machines", subject, name, RESERVED, made),
            part("a bitmap of three frames", subject, name, RESERVED, large, batch=4),
        ]
    )


def hidden_free_reuse(subject: Subject, seed: int) -> Result:
    """Long sequences of allocating and freeing lose no frame and double none."""
    name, rng = "hidden-free-reuse", Random(f"{seed} hidden-free-reuse")
    made = [cases.churning(make(rng), rng, 150) for make in (places.holes, places.no_low_memory)]
    again = [cases.refilling(make(rng), rng) for make in (places.ragged, places.tidy)]
    return Result.of_parts(
        [
            part("random sequences", subject, name, REUSE, made),
            part("used up and given back", subject, name, REUSE, again),
        ]
    )


def hidden_free_errors(subject: Subject, seed: int) -> Result:
    """Other addresses that must not be freed, on other machines."""
    name, rng = "hidden-free-errors", Random(f"{seed} hidden-free-errors")
    there = [places.ragged(rng), places.no_low_memory(rng)]
    made = {
        "twice": [case for place in there for case in cases.double_frees(place)],
        "misaligned": [case for place in there for case in cases.misaligned_frees(place, rng)],
        "out of range": [case for place in there for case in cases.distant_frees(place, rng)],
        "reserved": [case for place in there for case in cases.reserved_frees(place)],
    }
    return Result.of_parts(refusal_parts(subject, name, made))


def hidden_bitmap_in_ram(subject: Subject, seed: int) -> Result:
    """The bits of other machines, read while frames come and go."""
    name, rng = "hidden-bitmap-in-ram", Random(f"{seed} hidden-bitmap-in-ram")
    steps = [cases.bit_by_bit(make(rng)) for make in _MAKERS]
    churn = [cases.churning(places.holes(rng), rng, 60)]
    return Result.of_parts(
        [
            part("bit by bit", subject, name, BITS, steps, batch=1),
            part("after many calls", subject, name, BITS, churn, batch=16),
        ]
    )


def hidden_frame_stats(subject: Subject, seed: int) -> Result:
    """The counters of other machines."""
    name, rng = "hidden-frame-stats", Random(f"{seed} hidden-frame-stats")
    makers = (places.ragged, places.no_low_memory)
    made = [cases.counted_throughout(make(rng), rng) for make in makers]
    return Result.of_parts([part("counters", subject, name, COUNTS, made, batch=8)])


def hidden_init_once(subject: Subject, seed: int) -> Result:
    """A second initialisation and further boots, on other machines."""
    name, rng = "hidden-init-once", Random(f"{seed} hidden-init-once")
    there = [places.holes(rng), places.no_low_memory(rng)]
    boots = [cases.counted_once(make(rng)) for make in (places.tidy, places.no_low_memory)]
    return Result.of_parts(
        [
            once_part("a second pmm_init", subject, name, there),
            boots_part("further boots", subject, name, [*boots, *boots[::-1]]),
        ]
    )


def metadata_cost(subject: Subject, seed: int) -> Result:
    """The allocator keeps no more frames for itself than its bitmap needs."""
    rng = Random(f"{seed} metadata-cost")
    return cost_result(subject, "metadata-cost", [places.tidy(rng), places.no_low_memory(rng)])


CHECKS: Final = (
    Check(
        "hidden-usable-frames",
        LAB,
        ("KV-12", "KV-13", "KV-14"),
        hidden_usable_frames,
        visible=False,
    ),
    Check("hidden-exhaustion", LAB, ("KV-10", "KV-17"), hidden_exhaustion, visible=False),
    Check("hidden-reserved-frames", LAB, ("KV-16", "KV-12"), hidden_reserved_frames, visible=False),
    Check("hidden-free-reuse", LAB, ("KV-11",), hidden_free_reuse, visible=False),
    Check("hidden-free-errors", LAB, ("KV-15",), hidden_free_errors, visible=False),
    Check("hidden-bitmap-in-ram", LAB, ("KV-9",), hidden_bitmap_in_ram, visible=False),
    Check("hidden-frame-stats", LAB, ("KV-18",), hidden_frame_stats, visible=False),
    Check("hidden-init-once", LAB, ("KV-13",), hidden_init_once, visible=False),
    Check("metadata-cost", LAB, ("KV-9",), metadata_cost, visible=False),
)
