"""The visible checks of Lab 2, the bitmap frame allocator."""

from random import Random
from typing import Final

from kernel_sim.checks import frame_cases as cases
from kernel_sim.checks import frame_places as places
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.frame_check import boots_part, once_part, part, refusal_parts
from kernel_sim.checks.frame_gate import first_boot
from kernel_sim.checks.frame_rules import (
    BITS,
    COUNTS,
    ONCE,
    RESERVED,
    REUSE,
    TOTAL,
    WHICH,
)
from kernel_sim.checks.operations import Place
from kernel_sim.checks.subject import Subject

LAB: Final = "lab2"
GATE: Final = first_boot
PC4: Final = Place("pc4")
PC128: Final = Place("pc128")


def usable_frames(subject: Subject, seed: int) -> Result:
    """Exactly the usable frames can be allocated: 32,639 on pc128 before anything is reserved."""
    name, rng = "usable-frames", Random(f"{seed} usable-frames")
    makers = (places.roomy, places.holes, places.restricted, places.ragged)
    made = [cases.exhausting(make(rng)) for make in makers]
    pc128 = cases.first_frames(PC128)
    return Result.of_parts(
        [
            part("every frame", subject, name, WHICH, made),
            part("bits and total of pc128", subject, name, WHICH | TOTAL, [pc128]),
        ]
    )


def exhaustion(subject: Subject, seed: int) -> Result:
    """Every frame comes once, aligned, and when there is none left None is returned."""
    name, rng = "exhaustion", Random(f"{seed} exhaustion")
    made = [cases.exhausting(places.tidy(rng)), cases.refilling(places.tidy(rng), rng)]
    return Result.of_parts([part("until nothing is left", subject, name, ONCE, made)])


def reserved_frames(subject: Subject, seed: int) -> Result:
    """No frame of the kernel's, of the first MiB, or of the bitmap itself is handed out."""
    name, rng = "reserved-frames", Random(f"{seed} reserved-frames")
    made = [cases.exhausting(make(rng)) for make in (places.tidy, places.no_low_memory)]
    return Result.of_parts(
        [
            part("the first MiB", subject, name, RESERVED, made[:1]),
            part("no low memory", subject, name, RESERVED, made[1:]),
        ]
    )


def free_reuse(subject: Subject, seed: int) -> Result:
    """A frame that was given back is handed out again, and no other is."""
    name, rng = "free-reuse", Random(f"{seed} free-reuse")
    made = [
        cases.refilling(places.tidy(rng), rng),
        cases.churning(places.tidy(rng), rng, 60),
    ]
    return Result.of_parts([part("allocate, free, allocate", subject, name, REUSE, made)])


def free_errors(subject: Subject, seed: int) -> Result:
    """Freeing what is not in use is refused with FrameError, and changes nothing."""
    name, rng = "free-errors", Random(f"{seed} free-errors")
    place = places.holes(rng)
    made = {
        "twice": cases.double_frees(place),
        "misaligned": cases.misaligned_frees(place, rng)[:3],
        "out of range": cases.distant_frees(place, rng)[:4],
        "reserved": cases.reserved_frees(place),
    }
    return Result.of_parts(refusal_parts(subject, name, made))


def bitmap_in_ram(subject: Subject, seed: int) -> Result:
    """The bitmap lies in the machine's memory, one bit for each frame."""
    name = "bitmap-in-ram"
    place = Place("pc4", seed=seed % 1000)
    made = [cases.bit_by_bit(place)]
    return Result.of_parts([part("bits of pc4", subject, name, BITS, made, batch=1)])


def frame_stats(subject: Subject, seed: int) -> Result:
    """The statistics count right, also after refusals and when nothing is left."""
    name, rng = "frame-stats", Random(f"{seed} frame-stats")
    made = [cases.counting(PC4), cases.counted_throughout(places.roomy(rng), rng)]
    return Result.of_parts([part("counters", subject, name, COUNTS, made, batch=8)])


def init_once(subject: Subject, seed: int) -> Result:
    """A second initialisation changes nothing, and a second boot starts anew."""
    name, rng = "init-once", Random(f"{seed} init-once")
    there = [places.tidy(rng)]
    boots = [cases.counted_once(make(rng)) for make in (places.tidy, places.roomy)]
    return Result.of_parts(
        [
            once_part("a second pmm_init", subject, name, there),
            boots_part("a second boot", subject, name, [*boots, boots[0]]),
        ]
    )


CHECKS: Final = (
    Check("usable-frames", LAB, ("KV-12", "KV-13", "KV-14"), usable_frames),
    Check("exhaustion", LAB, ("KV-10", "KV-17"), exhaustion),
    Check("reserved-frames", LAB, ("KV-16", "KV-12"), reserved_frames),
    Check("free-reuse", LAB, ("KV-11",), free_reuse),
    Check("free-errors", LAB, ("KV-15",), free_errors),
    Check("bitmap-in-ram", LAB, ("KV-9",), bitmap_in_ram),
    Check("frame-stats", LAB, ("KV-18",), frame_stats),
    Check("init-once", LAB, ("KV-13",), init_once),
)
