"""The hidden checks of Lab 1: other numbers, other machines, cases to think of oneself."""

from random import Random
from typing import Final

from kernel_sim.checks import map_shapes as shapes
from kernel_sim.checks import overlap_shapes, wide_shapes
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.log_check import check_log, regions_to_describe
from kernel_sim.checks.map_shapes import Shape, with_types
from kernel_sim.checks.overlap_shapes import covered
from kernel_sim.checks.region_check import Examiner
from kernel_sim.checks.robustness import boots_part, empty_part, maps_part
from kernel_sim.checks.subject import Subject
from kernel_sim.machine import MUTATIONS, machine_spec, mutate

LAB: Final = "lab1"
ORDERLY_MAPS: Final = (
    "map-04",
    "map-07",
    "map-08",
    "map-13",
    "map-14",
    "map-19",
    "map-20",
    "map-28",
    "map-29",
    "map-31",
    "map-65",
)
"""Real maps that are sorted and disjoint, and hold types 1 to 4 and memory above 4 GiB."""
DISORDERLY_MAPS: Final = ("map-37", "map-38", "map-73")
"""Real EFI maps, out of order; with up to 250 entries."""
HARMLESS: Final = ("shuffle", "split", "zero_length", "duplicate", "byte_granularity")
"""Mutations that put no type into a map that was not there before."""


def hidden_regions(subject: Subject, seed: int) -> Result:
    """The regions of other machines, real ones among them, are what their firmware says."""
    names = Random(f"{seed} real maps").sample(ORDERLY_MAPS, 4)
    made = [
        Shape("tidy", shapes.tidy),
        Shape("another", shapes.tidy),
        Shape("elsewhere", shapes.elsewhere, ("hard-coded",)),
        Shape("odd edges", overlap_shapes.odd_edges, ("page-rounding",)),
        *(_real(name) for name in (*names, *DISORDERLY_MAPS)),
    ]
    return Examiner(subject, "hidden-regions").result(made, seed)


def _real(name: str) -> Shape:
    given = FirmwareMap.of(machine_spec(name))
    return Shape(name, lambda _: given)


def hidden_classes(subject: Subject, seed: int) -> Result:
    """Other types, in other places, become the right kind; none that is unknown is available."""
    made = [
        Shape("known", with_types((5, 2, 1, 4, 3, 5)), ("classes",)),
        Shape("unknown", with_types((6, 8, 9, 11, 13, 1, 20, 0)), ("class-unknown",)),
        Shape("random", shapes.with_random_types, ("class-unknown", "type-width")),
        Shape("persistent", with_types((12, 7, 1)), ("class-persistent",)),
    ]
    return Examiner(subject, "hidden-classes", carry=False).result(made, seed)


def hidden_wide_addresses(subject: Subject, seed: int) -> Result:
    """All 64 bits of base and length count, up to the end of the address space."""
    made = [
        Shape("crossing", wide_shapes.crossing, ("truncation-32-bit",)),
        Shape("above", wide_shapes.above_4_gib, ("truncation-32-bit",)),
        Shape("long", wide_shapes.long_region, ("truncation-32-bit",)),
        Shape("multiples", wide_shapes.whole_multiples, ("truncation-32-bit",)),
        Shape("far", wide_shapes.far_away, ("truncation-32-bit",)),
        Shape("wrap", wide_shapes.wrapping(1), ("wrap-around",)),
        Shape("wrap reserved", wide_shapes.wrapping(2), ("wrap-around",)),
        Shape("wrap far", wide_shapes.wrapping_far, ("wrap-around",)),
    ]
    return Examiner(subject, "hidden-wide-addresses").result(made, seed)


def hidden_order_overlap(subject: Subject, seed: int) -> Result:
    """Other orders and overlaps: the strictest kind wins on every byte."""
    pairs = [
        (1, 2, "start"),
        (1, 3, "end"),
        (1, 4, "inside"),
        (1, 2, "same"),
        (2, 1, "inside"),
        (3, 4, "beyond"),
        (4, 3, "inside"),
        (2, 4, "inside"),
        (4, 2, "beyond"),
        (2, 3, "same"),
        (2, 5, "inside"),
        (5, 2, "inside"),
        (1, 1, "beyond"),
    ]
    made = [
        Shape("neighbours", overlap_shapes.adjacent_kinds, ("merge-kinds",)),
        Shape("gaps", overlap_shapes.gaps, ("merge-gap",)),
        Shape("empty", overlap_shapes.with_empty, ("zero-length",)),
        Shape("off", overlap_shapes.switched_off, ("acpi3-ignore",)),
        Shape("attributes", overlap_shapes.other_attributes, ("acpi3-mask",)),
        Shape("shuffled", overlap_shapes.shuffled, ("order",)),
        *(
            Shape(f"{over} on {under} {where} {first}", covered(under, over, first, where), _OVER)
            for under, over, where in pairs
            for first in (0, 1)
        ),
        *(Shape(f"stacked {k}", overlap_shapes.stacked, _OVER) for k in range(4)),
        *(Shape(f"damaged {k}", damaged, _OVER) for k in range(3)),
    ]
    return Examiner(subject, "hidden-order-overlap").result(made, seed)


_OVER: Final = ("overlap-priority", "overlap")


def damaged(rng: Random) -> FirmwareMap:
    """A tidy map with some of what real firmware gets wrong."""
    spec = shapes.tidy(rng).spec()
    kinds = [kind for kind in MUTATIONS if kind in HARMLESS and rng.random() < 0.6]
    return FirmwareMap.of(mutate(spec, rng, kinds or ["shuffle"]))


def hidden_robustness(subject: Subject, seed: int) -> Result:
    """Other table sizes and places, more entries, more boots, and a table without entries."""
    examiner = Examiner(subject, "hidden-robustness")
    many = ("capacity", "count-width")
    parts = [
        maps_part(
            "entries of 20 bytes",
            examiner,
            [Shape("20", shapes.short_entries, ("stride",))],
            seed,
        ),
        maps_part(
            "many entries",
            examiner,
            [
                Shape("over 128", shapes.many(129, 200), many),
                Shape("over 255", shapes.many(256, 285), many[::-1]),
            ],
            seed,
        ),
        boots_part("three more boots", examiner, 3, seed),
        maps_part(
            "a table in another place",
            examiner,
            [Shape("elsewhere", shapes.elsewhere, ("hard-coded",))],
            seed,
        ),
        empty_part("a table without entries", examiner, seed),
    ]
    return Result.of_parts(parts)


def hidden_boot_log(subject: Subject, seed: int) -> Result:
    """The boot screens of other machines show every region in the same way."""
    rng = Random(f"{seed} hidden-boot-log")
    maps = [with_types((3, 4))(rng), wide_shapes.above_4_gib(rng)]
    return check_log(subject, "hidden-boot-log", regions_to_describe(rng, 16), maps)


CHECKS: Final = (
    Check("hidden-regions", LAB, ("KV-1", "KV-2", "KV-3"), hidden_regions, visible=False),
    Check("hidden-classes", LAB, ("KV-4",), hidden_classes, visible=False),
    Check("hidden-wide-addresses", LAB, ("KV-6",), hidden_wide_addresses, visible=False),
    Check("hidden-order-overlap", LAB, ("KV-6", "KV-7"), hidden_order_overlap, visible=False),
    Check("hidden-robustness", LAB, ("KV-8",), hidden_robustness, visible=False),
    Check("hidden-boot-log", LAB, ("KV-5",), hidden_boot_log, visible=False),
)
