"""Mistakes about what a type means."""

from functools import partial
from typing import Final

from kernel_sim.checks.coverage import Claim, claim_of
from kernel_sim.checks.mistakes_entries import only
from kernel_sim.checks.parser_model import Mistake
from kernel_sim.machine import FirmwareEntry
from kernel_sim.values import RegionKind

Entries = list[FirmwareEntry]
_A: Final = RegionKind.AVAILABLE
_R: Final = RegionKind.RESERVED
_U: Final = RegionKind.UNUSABLE
_REC: Final = RegionKind.ACPI_RECLAIMABLE
_NVS: Final = RegionKind.ACPI_NVS


def _known_as(
    kinds: dict[int, RegionKind], unknown: RegionKind | None, entry: FirmwareEntry
) -> Claim | None:
    claim = claim_of(entry)
    if entry.type in kinds:
        return claim._replace(kinds=frozenset({kinds[entry.type]}))
    if 1 <= entry.type <= 5 or unknown is None:
        return claim
    return claim._replace(kinds=frozenset({unknown}))


def _type_is_kind(entry: FirmwareEntry) -> Claim | None:
    if entry.type not in set(RegionKind):
        return claim_of(entry)
    return claim_of(entry)._replace(kinds=frozenset({RegionKind(entry.type)}))


CLASSES: Final[tuple[Mistake, ...]] = (
    Mistake(
        "class-bad-ram",
        "Type 5 is bad memory. It is not merely reserved: it is Unusable.",
        claim=partial(_known_as, {5: _R}, None),
    ),
    Mistake(
        "class-bad-ram",
        "Type 5 is bad memory, and it became available.",
        claim=partial(_known_as, {5: _A}, None),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became available.",
        claim=partial(_known_as, {}, _A),
    ),
    Mistake(
        "class-unknown",
        "Whatever is not type 2 became available.",
        claim=partial(_known_as, {3: _A, 4: _A, 5: _A}, _A),
    ),
    Mistake(
        "class-unknown",
        "Types 5 and above became available.",
        claim=partial(_known_as, {5: _A}, _A),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became ACPI memory.",
        claim=partial(_known_as, {}, _REC),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became ACPI NVS memory.",
        claim=partial(_known_as, {}, _NVS),
    ),
    Mistake(
        "class-unknown",
        "A type that is not known became persistent memory.",
        claim=partial(_known_as, {}, RegionKind.PERSISTENT),
    ),
    Mistake(
        "class-unknown-dropped",
        "Entries of a type that is not known are left out; they are memory that nobody may use.",
        keep=partial(only, lambda e: 1 <= e.type <= 5),
    ),
    Mistake(
        "class-unknown-dropped",
        "Entries of a type that is not known are left out; they are memory that nobody may use.",
        keep=partial(only, lambda e: 1 <= e.type <= 5 or e.type in (7, 12)),
    ),
    Mistake(
        "class-persistent",
        "Persistent memory (types 7 and 12) became available.",
        claim=partial(_known_as, {7: _A, 12: _A}, None),
    ),
    Mistake(
        "class-persistent",
        "Persistent memory (type 7) became available.",
        claim=partial(_known_as, {7: _A}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI tables (type 3) became available at once.",
        claim=partial(_known_as, {3: _A}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI NVS memory (type 4) is not reclaimable: the firmware needs it.",
        claim=partial(_known_as, {4: _REC}, None),
    ),
    Mistake(
        "class-acpi",
        "Types 3 and 4 are exchanged: 3 is reclaimable, 4 is NVS.",
        claim=partial(_known_as, {3: _NVS, 4: _REC}, None),
    ),
    Mistake(
        "class-acpi",
        "Type 3, the ACPI tables, is reclaimable, not NVS.",
        claim=partial(_known_as, {3: _NVS}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI memory (types 3 and 4) has kinds of its own, it is not Reserved.",
        claim=partial(_known_as, {3: _R, 4: _R}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI NVS memory (type 4) has a kind of its own, it is not Reserved.",
        claim=partial(_known_as, {4: _R}, None),
    ),
    Mistake(
        "class-acpi",
        "ACPI memory (types 3 and 4) became available.",
        claim=partial(_known_as, {3: _A, 4: _A}, None),
    ),
    Mistake(
        "class-only-two",
        "Whatever is not available became Reserved; there are more kinds.",
        claim=partial(_known_as, {3: _R, 4: _R, 5: _R}, _R),
    ),
    Mistake(
        "class-reserved",
        "Reserved memory (type 2) is in the table as Unusable.",
        claim=partial(_known_as, {2: _U}, None),
    ),
    Mistake(
        "class-reserved",
        "Reserved memory (type 2) became available.",
        claim=partial(_known_as, {2: _A}, None),
    ),
    Mistake(
        "kind-is-type",
        "The firmware's type number is used as RegionKind; the numbers differ.",
        claim=_type_is_kind,
    ),
)
