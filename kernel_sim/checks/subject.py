"""The subject of a lab's checks: a bench that can be made anew, and what is known so far."""

from collections.abc import Callable, Mapping
from typing import Final

from kernel_sim.checks.bench import Bench, Failure, Outcome, Run, Scenario
from kernel_sim.checks.finding import Finding
from kernel_sim.checks.hook_failure import COSTLY_KINDS
from kernel_sim.checks.parser_model import Mistake
from kernel_sim.checks.region_case import Observation
from kernel_sim.values import RegionKind

WAITING_KINDS: Final = frozenset({"budget", "died"})
"""Failures that are waited for."""
MOST_COSTLY: Final = 4
"""After so many cases in which the plugin looped or died, further cases count as failed."""


class Subject:
    """A `Bench` for as many checks as share it. The plugin is loaded at the first use.

    Args:
        make_bench: loads the plugin into a new bench.

    Attributes:
        stateful: whether an earlier boot was seen to change a later one. Checks that are not about
        this then use a new
            bench for every boot, so that the mistake costs points only once.
        carried: firmware type → kind, where the plugin's class of a type is wrong in itself. Checks
        that are not about
            classes accept it, for the same reason.
        history: what the plugin made of the maps so far; compared with what mistakes predict.
        mistakes: those that were recognised.
        diagnosed: what it made of the maps that are booted to explain a failure.
        poison: the seed of the poison in RAM. Not 0 where only quiet bytes behind the table's
            count let the plugin boot.
        noisy: what happened with the usual poison, where that is so.
        boots: how many machines were booted.
        explained: rule, concept and hook → the finding that was shrunk and explained for it.
        slow: whether a failure was explained that takes long.
        singly: whether a call has used up its budget. From then on calls go one by one, so that
            none is made behind the one that failed.
        costly: findings that took a hook's whole budget, or the process, or a hook that is missing.
        waits: how many of them took time: a missing hook fails what needs it, and nothing else.
        slow_tries: how many tries to make a case smaller used up a limit.
        loops: hook → findings in which it used up its budget.
    """

    def __init__(self, make_bench: Callable[[], Bench]) -> None:
        self.stateful = False
        self.carried: Mapping[int, RegionKind] = {}
        self.history: list[Observation] = []
        self.mistakes: list[Mistake] = []
        self.diagnosed: list[Observation] | None = None
        self.poison = 0
        self.noisy: Observation | None = None
        self.boots = 0
        self.explained: dict[tuple[str, str, str], Finding] = {}
        self.slow = False
        self.singly = False
        self.costly: list[Finding] = []
        self.waits = 0
        self.slow_tries = 0
        self.loops: dict[str, list[Finding]] = {}
        self._make_bench = make_bench
        self._bench: Bench | None = None
        self._used = False

    @property
    def given_up(self) -> Finding | None:
        """The last costly finding if there were so many that nothing more is tried."""
        return self.costly[-1] if self.waits >= MOST_COSTLY else None

    def note_cost(self, found: Finding, failure: Failure | None) -> None:
        """Remember the finding for a failure of a costly kind."""
        self.costly.append(found)
        self.waits += failure is not None and failure.kind in WAITING_KINDS

    def known_cost(self, failure: Failure | None) -> Finding | None:
        """The finding for an earlier failure of this kind in this hook, if it was a costly one."""
        if failure is None or not self.costly or failure.kind not in COSTLY_KINDS:
            return None
        self.note_cost(self.costly[-1], failure)
        return self.costly[-1]

    @property
    def bench(self) -> Bench:
        """The present bench."""
        if self._bench is None:
            self._bench = self._make_bench()
        return self._bench

    @property
    def loaded(self) -> Outcome:
        """Whether the plugin could be loaded."""
        return self.bench.loaded

    @property
    def used(self) -> bool:
        """Whether the present bench has booted before."""
        return self._used

    def boot(self, scenario: Scenario) -> Run:
        """A new machine with the plugin; module globals are those of the boots before."""
        self._used = True
        self.boots += 1
        return self.bench.boot(scenario)

    def boot_alone(self, scenario: Scenario) -> Run:
        """As `boot`, but on a new bench if the plugin is known to carry state from boot to boot."""
        if self.stateful and self._used:
            self.renew()
        return self.boot(scenario)

    def renew(self) -> None:
        """Load the plugin anew at the next use."""
        self.close()

    def close(self) -> None:
        """Give the bench back."""
        if self._bench is not None:
            self._bench.close()
        self._bench = None
        self._used = False
