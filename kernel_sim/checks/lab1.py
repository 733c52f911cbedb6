"""The visible checks of Lab 1, memory map parsing."""

from random import Random
from typing import Final

from kernel_sim.checks import map_shapes as shapes
from kernel_sim.checks import overlap_shapes, wide_shapes
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.log_check import check_log, regions_to_describe
from kernel_sim.checks.map_shapes import Shape, with_types
from kernel_sim.checks.memmap_gate import PC128, first_boot, noisy_result
from kernel_sim.checks.overlap_shapes import covered
from kernel_sim.checks.region_check import Examiner
from kernel_sim.checks.robustness import boots_part, maps_part
from kernel_sim.checks.subject import Subject

LAB: Final = "lab1"
GATE: Final = first_boot


def regions_pc128(subject: Subject, seed: int) -> Result:
    """The regions of pc128 are exactly what its firmware says."""
    shape = Shape("pc128", lambda _: PC128)
    noisy = noisy_result(subject, "regions-pc128")
    return noisy or Examiner(subject, "regions-pc128").result([shape], seed)


def classes(subject: Subject, seed: int) -> Result:
    """Every type becomes the right kind, and none that is unknown becomes available."""
    made = [
        Shape("known", with_types((2, 3, 4, 1, 5)), ("classes",)),
        Shape("unknown", with_types((6, 1, 0xFFFF_FFFF)), ("class-unknown",)),
        Shape("persistent", with_types((7, 12, 1)), ("class-persistent",)),
    ]
    return Examiner(subject, "classes", carry=False).result(made, seed)


def wide_addresses(subject: Subject, seed: int) -> Result:
    """Bases and lengths above 4 GiB are kept, and an end beyond 2^64 does no harm."""
    made = [
        Shape("crossing", wide_shapes.crossing, ("truncation-32-bit",)),
        Shape("above", wide_shapes.above_4_gib, ("truncation-32-bit",)),
        Shape("long", wide_shapes.long_region, ("truncation-32-bit",)),
        Shape("wrap", wide_shapes.wrapping(2), ("wrap-around",)),
    ]
    return Examiner(subject, "wide-addresses").result(made, seed)


def order_overlap(subject: Subject, seed: int) -> Result:
    """The table is sorted and disjoint, the strictest kind wins, empty entries leave no trace."""
    made = [
        Shape("neighbours", overlap_shapes.adjacent_kinds, ("merge-kinds",)),
        Shape("gaps", overlap_shapes.gaps, ("merge-gap",)),
        Shape("empty", overlap_shapes.with_empty, ("zero-length",)),
        Shape("off", overlap_shapes.switched_off, ("acpi3-ignore",)),
        Shape("shuffled", overlap_shapes.shuffled, ("order",)),
        Shape("inside", covered(1, 2, 0), ("overlap",)),
        Shape("under", covered(1, 2, 1), ("overlap",)),
        Shape("beyond", covered(1, 2, 0, "beyond"), ("overlap",)),
        Shape("nvs", covered(2, 4, 0), ("overlap-priority",)),
    ]
    return Examiner(subject, "order-overlap").result(made, seed)


def robustness(subject: Subject, seed: int) -> Result:
    """Entries of 20 bytes, more entries than usual, and a second boot in the same process."""
    examiner = Examiner(subject, "robustness")
    more = ("capacity", "count-width")
    parts = [
        maps_part(
            "entries of 20 bytes", examiner, [Shape("20", shapes.short_entries, ("stride",))], seed
        ),
        maps_part(
            "many entries",
            examiner,
            [
                Shape("over 128", shapes.many(130, 160), more),
                Shape("over 255", shapes.many(257, 280), more[::-1]),
            ],
            seed,
        ),
        boots_part("a second boot", examiner, 2, seed),
    ]
    return Result.of_parts(parts)


def boot_log(subject: Subject, seed: int) -> Result:
    """The screen shows every region: base and length in hexadecimal, and what it is in a word."""
    regions = regions_to_describe(Random(f"{seed} boot-log"), 8)
    return check_log(subject, "boot-log", regions, [PC128])


CHECKS: Final = (
    Check("regions-pc128", LAB, ("KV-1", "KV-2", "KV-3"), regions_pc128),
    Check("classes", LAB, ("KV-4",), classes),
    Check("wide-addresses", LAB, ("KV-6",), wide_addresses),
    Check("order-overlap", LAB, ("KV-6", "KV-7"), order_overlap),
    Check("robustness", LAB, ("KV-8",), robustness),
    Check("boot-log", LAB, ("KV-5",), boot_log),
)
