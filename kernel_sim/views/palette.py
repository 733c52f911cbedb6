"""How each kind of memory looks: a letter, a colour, a pattern and a word.

References:
    M. Okabe, K. Ito, Color Universal Design (2008): eight colours that everyone can tell apart.
"""

from dataclasses import dataclass, replace
from typing import Final

from kernel_sim.values import RegionKind


@dataclass(frozen=True, slots=True)
class Look:
    """How one kind of memory is drawn; ``pattern`` is the path of an 8 by 8 tile, or empty."""

    letter: str
    word: str
    color: str
    pattern: str = ""


LOOKS: Final[dict[RegionKind, Look]] = {
    RegionKind.AVAILABLE: Look("A", "Available", "#009E73"),
    RegionKind.ACPI_RECLAIMABLE: Look("C", "ACPI reclaimable", "#56B4E9", "M0 4H8"),
    RegionKind.ACPI_NVS: Look("N", "ACPI NVS", "#0072B2", "M4 0V8"),
    RegionKind.PERSISTENT: Look("P", "Persistent", "#CC79A7", "M4 3V5M3 4H5"),
    RegionKind.RESERVED: Look("R", "Reserved", "#E69F00", "M0 8L8 0"),
    RegionKind.UNUSABLE: Look("U", "Unusable", "#D55E00", "M0 8L8 0M0 0L8 8"),
}
HOLE: Final = Look(".", "not described", "none")
"""Addresses that no entry speaks of."""
IGNORED: Final = Look("i", "entry to be ignored", "#FFFFFF", "M0 0L8 8")
"""An entry whose ACPI 3 attribute bit 0 is clear."""

E820_KINDS: Final[dict[int, RegionKind]] = {
    1: RegionKind.AVAILABLE,
    2: RegionKind.RESERVED,
    3: RegionKind.ACPI_RECLAIMABLE,
    4: RegionKind.ACPI_NVS,
    5: RegionKind.UNUSABLE,
    7: RegionKind.PERSISTENT,
    12: RegionKind.PERSISTENT,
}
"""e820 type number to the kind it is drawn as (KV-4)."""


def kind_of_type(number: int) -> RegionKind:
    """What a firmware's type number means; a number that is not known is reserved (KV-4)."""
    return E820_KINDS.get(number, RegionKind.RESERVED)


def look_of_type(number: int, attributes: int = 1) -> Look:
    """The look of a firmware entry; an unknown type is drawn as reserved and shows its number."""
    if not attributes & 1:
        return IGNORED
    if number in E820_KINDS:
        return LOOKS[E820_KINDS[number]]
    return replace(LOOKS[RegionKind.RESERVED], word=f"type {number:#x}")
