from itertools import pairwise

import pytest

from kernel_sim.checks.concepts import CONCEPTS
from kernel_sim.checks.coverage import claims_of, stretches
from kernel_sim.checks.diagnosis import RIGHT, likely_mistake
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.mistakes import MISTAKES
from kernel_sim.checks.parser_model import Table
from kernel_sim.checks.region_case import Observation
from kernel_sim.machine import machine_spec
from kernel_sim.machine.firmware.e820 import encode_table
from kernel_sim.values import MemoryRegion

PC128 = FirmwareMap.of(machine_spec("pc128"))
NASTY = FirmwareMap.of(machine_spec("pc-nasty"))


def table_of(given):
    spec = given.spec()
    return Table(encode_table(spec) + b"\xa5" * 64, len(spec.entries), spec.entry_size, 0x5000)


def parsed(mistake, given):
    """The table that a parser with ``mistake`` returns, overlaps settled."""
    claims = mistake.claims(table_of(given))
    return [
        MemoryRegion(s.start, s.end - s.start, min(s.answers - {None}))
        for s in stretches(claims, mistake.policy)
        if s.described
    ]


def test_every_mistake_has_a_known_concept():
    assert {mistake.concept for mistake in MISTAKES} <= CONCEPTS.keys()


@pytest.mark.parametrize("given", [PC128, NASTY], ids=["pc128", "pc-nasty"])
def test_the_parser_without_a_mistake_is_right(given):
    regions = parsed(RIGHT, given)
    seen = Observation(given, table_of(given), tuple(regions))
    assert seen.violation() is None
    assert likely_mistake(seen) is None


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda m: f"{m.concept}: {m.cause[:40]}")
def test_a_mistake_predicts_the_table_that_it_makes(mistake):
    for given in (PC128, NASTY):
        regions = parsed(mistake, given)
        if regions:
            assert mistake.predicts(table_of(given), regions)


def test_a_base_without_its_upper_half_is_recognised():
    given = FirmwareMap.parse("24 0x100000+0x100000:1 0x100000000+0x1000:2")
    (mistake,) = (m for m in MISTAKES if "32 bits of the base" in m.cause)
    seen = Observation(given, table_of(given), tuple(parsed(mistake, given)))
    assert seen.violation() is not None
    assert likely_mistake(seen) is mistake


def test_evidence_decides_between_mistakes_that_look_the_same():
    small = FirmwareMap.parse("24 0x100000+0x100000:1 0x200000+0x1000:2")
    (first,) = (m for m in MISTAKES if "first entry that is not available" in m.cause)
    (only,) = (m for m in MISTAKES if m.concept == "available-only")
    more = FirmwareMap.parse("24 0x100000+0x100000:1 0x200000+0x1000:2 0x300000+0x1000:1")
    for mistake in (first, only):
        seen, *others = (
            Observation(given, table_of(given), tuple(parsed(mistake, given)))
            for given in (small, more, PC128, NASTY)
        )
        assert likely_mistake(seen, others).concept == mistake.concept


def test_the_model_of_stretches_covers_the_whole_address_space():
    made = list(stretches(claims_of(NASTY.entries(), 24)))
    assert made[0].start == 0
    assert made[-1].end == 1 << 64
    assert all(one.end == two.start for one, two in pairwise(made))
