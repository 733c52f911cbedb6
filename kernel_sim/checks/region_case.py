"""One boot with a made-up firmware map: what the plugin made of it, and the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from kernel_sim.checks.bench import Failure, Run, Scenario
from kernel_sim.checks.coverage import Claim, Stretch, claims_of, stretches
from kernel_sim.checks.firmware_map import FirmwareMap
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.parser_model import Table
from kernel_sim.checks.region_rules import Violation, broken_rule
from kernel_sim.values import MemoryRegion, RegionKind

BEFORE_MEMMAP: Final = "console"
"""The hook is called by the check itself, so that ``describe_region`` need not work yet."""
LONG_MAP: Final = 128
"""More entries than this need not find room (KV-8)."""
_SLACK_BYTES: Final = 64


class Boots(Protocol):
    """A bench or a subject."""

    def boot(self, scenario: Scenario) -> Run:
        """A new machine."""


@dataclass(frozen=True)
class Observation:
    """What ``parse_memory_map`` returned for a map.

    Args:
        map: what the firmware wrote.
        table: the bytes in memory, for diagnosis.
        regions: the table that came back; empty after a failure.
        failure: how the hook failed, if it did.
    """

    map: FirmwareMap
    table: Table
    regions: Sequence[MemoryRegion] = ()
    failure: Failure | None = None

    def expected(self, carried: Mapping[int, RegionKind] | None = None) -> list[Stretch]:
        """The reference model of the map; ``carried`` are classes that are accepted, too."""
        return list(stretches(accepted_claims(self.map, carried or {})))

    def violation(self, carried: Mapping[int, RegionKind] | None = None) -> Violation | None:
        """The rule that was broken, None if all is well.

        Of a very long map a table of limited size may leave something out, if that is safe (KV-8).
        """
        may_drop = self.table.count > LONG_MAP
        if self.failure is not None:
            return violation_of(self.failure)
        return broken_rule(self.expected(carried), self.regions, may_drop=may_drop)


def accepted_claims(given: FirmwareMap, carried: Mapping[int, RegionKind]) -> list[Claim]:
    """The claims of a map, with the kind that the plugin gives a type besides the right ones."""
    claims = claims_of(given.entries(), given.entry_size)
    if not carried:
        return claims
    return [
        claim._replace(kinds=claim.kinds | {carried[claim.type]})
        if claim.type in carried
        else claim
        for claim in claims
    ]


def observe(
    bench: Boots, given: FirmwareMap, *, seed: int = 0, count: int | None = None
) -> Observation:
    """Boot with ``given`` and let the plugin parse it; ``count`` overrides boot_info's."""
    run = bench.boot(Scenario(given.spec(), until=BEFORE_MEMMAP, seed=seed))
    info = run.boot_info
    if run.booted.failure or info is None:
        failure = run.booted.failure or Failure("stopped", message="the machine did not start")
        return Observation(given, Table(b"", 0, given.entry_size), failure=failure)
    if count is not None:
        info = replace(info, count=count)
    outcome = run.call("parse_memory_map", info)
    memory = run.ram.read(info.table, info.count * max(info.entry_size, 32) + _SLACK_BYTES)
    table = Table(memory, info.count, info.entry_size, info.table)
    if outcome.failure:
        return Observation(given, table, failure=outcome.failure)
    regions = outcome.value
    if not isinstance(regions, (list, tuple)):
        failure = Failure("wrong_type", message=f"returned {type(regions).__name__}, not a list")
        return Observation(given, table, failure=failure)
    return Observation(given, table, tuple(regions))
