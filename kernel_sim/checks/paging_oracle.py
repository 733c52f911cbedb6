"""The judge of Lab 3: follows each call with a model, and compares the tables in RAM with it.

::

    call ──▶ model of the address space ──▶ expected ranges ─┐
    RAM  ──▶ directory, tables, sweep ─────▶ found ranges ───┴─▶ first difference ──▶ rule, cause
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Failure, Outcome, Run
from kernel_sim.checks.fault_judge import FaultJudge
from kernel_sim.checks.fault_report import PRESENT, WRITE
from kernel_sim.checks.fault_report import USER as USER_MODE
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations import Place
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.checks.paging_access import WRITES, AccessJudge
from kernel_sim.checks.paging_breaches import (
    KINDS,
    LastCall,
    difference_breach,
    exposed,
    garbage_breach,
)
from kernel_sim.checks.paging_calls import CallJudge, Space
from kernel_sim.checks.paging_control import enabled_breach, failed_enabling, writes_in_init
from kernel_sim.checks.paging_frames import FrameBook
from kernel_sim.checks.paging_model import AddressSpaceModel, without_page_0
from kernel_sim.checks.paging_order import flush_breach, link_breach
from kernel_sim.checks.paging_picture import AddressSpaceScene
from kernel_sim.checks.paging_rules import ALL_RULES, Rule
from kernel_sim.checks.paging_symptoms import (
    EXTRA,
    Difference,
    differences,
    is_unwritten,
    refusal_cause,
)
from kernel_sim.checks.paging_tables import Tables
from kernel_sim.checks.region_rules import Violation
from kernel_sim.inspection import MappedRange
from kernel_sim.inspection.diff import diff
from kernel_sim.inspection.mapped_range import merged

_TABLE_CALLS: Final = frozenset({"init_paging", "map_page", "unmap_page", "protect_page"})


class PagingOracle:
    """Judges one boot.

    Args:
        place: where.
        rules: what counts.
    """

    def __init__(self, place: Place, rules: frozenset[Rule] = ALL_RULES) -> None:
        self._rules = rules
        self._place = place
        self._pse = place.spec().pse
        self._spaces: dict[int, Space] = {}
        self._active: int | None = None
        self._changed = ""
        self._page = -1
        self._looked = 0
        self._run: Run | None = None
        self._frames = FrameBook(strict=Rule.FRAMES in rules)
        self._accesses = AccessJudge()
        self._faults = FaultJudge()
        self._calls = CallJudge(rules, self._frames, self._accesses, self._tables)
        self._judges: Mapping[str, Callable[[Turn], Violation | None]] = {
            "init_paging": self._init_paging,
            "enable_paging": self._enable_paging,
            "pmm_alloc_frame": self._frames.allocated,
            "pmm_free_frame": self._frames.freed,
            "page_fault": self._page_fault,
        }

    # --- the oracle's protocol --------------------------------------------------------------------

    def begin(self, run: Run) -> Violation | None:
        """Note what the kernel and the allocator keep on this machine."""
        self._run = run
        self._frames.begin(run)
        if Rule.REPORT in self._rules:
            self._faults.begin(run)
        return None

    def boot_failed(self, outcome: Outcome) -> Violation:
        """A boot that ends early."""
        failure = outcome.failure or Failure("stopped", message="the machine did not start")
        return violation_of(failure, "KV-23")

    def judge(self, turn: Turn) -> Violation | None:
        """Compare one outcome with the model, and bring the model up to date."""
        self._changed = turn.hook if turn.hook in _TABLE_CALLS else ""
        judge = self._judges.get(turn.hook)
        if judge is not None:
            return judge(turn)
        if turn.hook.startswith(("cpu.", "user.")):
            return self._access(turn)
        root = turn.args[0] if turn.args else None
        space = self._spaces.get(root) if isinstance(root, int) else None
        if space is None:
            return None
        if turn.hook != "translate":
            self._page = int(turn.args[1])  # type: ignore[call-overload]
        calls = {
            "map_page": self._calls.map_page,
            "unmap_page": self._calls.unmap_page,
            "protect_page": self._calls.protect_page,
            "translate": self._calls.translate,
        }
        breach = calls[turn.hook](turn, space) if turn.hook in calls else None
        if breach is not None and len(self._spaces) > 1 and turn.outcome.failure is None:
            return replace(breach, concept="root-argument")
        return breach

    def look(self, run: Run) -> Violation | None:
        """Compare the tables in RAM with the model, after a call that may have changed them."""
        if not self._changed:
            return None
        breach = self._order(run)
        if breach is not None:
            return breach
        for root, space in self._spaces.items():
            violation = self._compare(root, space, run)
            if violation is not None:
                return violation
        state = {root: space.model.ranges for root, space in self._spaces.items()}
        return self._frames.counted(repr(state), run)

    def scene(self, run: Run) -> AddressSpaceScene:  # noqa: ARG002 - the protocol's signature
        """The address space that is in use, or was built last: expected beside found."""
        root = self._active if self._active is not None else next(reversed(self._spaces), None)
        if root is None:
            return AddressSpaceScene([], [])
        space, tables = self._spaces[root], self._tables(root)
        if tables.garbage(self._place.seed) is not None:
            return AddressSpaceScene(space.model.ranges, [])
        found = tables.ranges()
        return AddressSpaceScene(_expected(space, found), found)

    # --- calls ------------------------------------------------------------------------------------

    def _init_paging(self, turn: Turn) -> Violation | None:
        if turn.outcome.failure is not None:
            return self._calls.failed(turn, "KV-19", self._refused_at(turn))
        root = turn.outcome.value
        if not isinstance(root, int) or root % PAGE_SIZE or not 0 < root < 1 << 32:
            problem = f"init_paging returned {root:#x} as the root"
            return Breach("root", "KV-19", problem, concept="root-address")
        if Rule.CONTROL in self._rules and self._run is not None and self._active is None:
            breach = writes_in_init(self._run.events())
            if breach is not None:
                return breach
        model = AddressSpaceModel.of_layout(turn.args[0])  # type: ignore[arg-type] # requests
        self._spaces[root] = Space(model, page_0_free=model.find(0) is not None)
        tables = self._tables(root)
        if Rule.ADOPT in self._rules and tables.garbage(self._place.seed) is None:
            self._spaces[root] = Space(AddressSpaceModel(tables.ranges()))
        self._frames.note_tables(tables)
        return None

    def _refused_at(self, turn: Turn) -> str:
        """Why a plugin may have refused a page that it has not mapped yet; empty if unknown."""
        failure, run = turn.outcome.failure, self._run
        address = re.search(r"0x[0-9a-f]+", failure.message) if failure is not None else None
        if failure is None or failure.error != "MapError" or run is None:
            return ""
        if self._frames.free(run) == 0:
            return "new-table"
        first = next((e for e in run.events() if e.fields.get("hook") == "pmm_alloc_frame"), None)
        root = first.fields.get("result") if first is not None else None
        if address is None or not isinstance(root, int):
            return ""
        model = AddressSpaceModel.of_layout(turn.args[0])  # type: ignore[arg-type] # requests
        page = int(address[0], 16)
        return refusal_cause(page, model.ranges, self._tables(root), self._place.seed)

    def _enable_paging(self, turn: Turn) -> Violation | None:
        root, failure = turn.args[0], turn.outcome.failure
        if self._run is None or not isinstance(root, int):
            return None
        if failure is not None and failure.kind == "stopped":
            return failed_enabling(turn, self._run, self._tables(root), self._frames.kept)
        if failure is not None:
            return self._calls.failed(turn, "KV-22")
        self._active = root
        if Rule.REPORT in self._rules:
            self._faults.passed_over(self._run)
        if self._place.stores:
            self._looked = len(self._run.events())
        if Rule.CONTROL not in self._rules:
            return None
        return enabled_breach(self._run.events(), root)

    def _access(self, turn: Turn) -> Violation | None:
        if self._active is None or self._run is None or self._active not in self._spaces:
            return None
        model = self._spaces[self._active].model
        breach = self._accesses.judge(turn, model, self._run)
        if breach is not None and Rule.ACCESSES in self._rules:
            return breach
        failure = turn.outcome.failure
        if failure is None or Rule.REPORT not in self._rules:
            return None
        address = int(turn.args[0])  # type: ignore[call-overload]
        who, _, what = turn.hook.partition(".")
        code = PRESENT if model.find(address) is not None else 0
        code |= WRITE if what in WRITES else 0
        code |= USER_MODE if who == "user" else 0
        return self._faults.happened(address, code, failure, self._run)

    def _page_fault(self, turn: Turn) -> Violation | None:
        if self._run is None or Rule.REPORT not in self._rules:
            return None
        return self._faults.called(turn, self._run)

    # --- tables -----------------------------------------------------------------------------------

    def _tables(self, root: int) -> Tables:
        if self._run is None:
            raise ValueError("no machine has booted")
        return Tables(self._run.ram, root, self._pse)

    def _order(self, run: Run) -> Breach | None:
        """What is wrong with the order in which the last call wrote to memory."""
        if not self._place.stores or self._active is None:
            return None
        events, tables = run.events(), self._tables(self._active)
        part, self._looked = events[self._looked :], len(events)
        breach = link_breach(part, tables, run.ram) if Rule.LINKED in self._rules else None
        if breach is None and Rule.FLUSHED in self._rules:
            return flush_breach(part, tables)
        return breach

    def _compare(self, root: int, space: Space, run: Run) -> Violation | None:
        tables = self._tables(root)
        garbage = tables.garbage(self._place.seed)
        if garbage is not None:
            return garbage_breach(root, *garbage)
        found = tables.ranges()
        expected = _expected(space, found)
        changes = diff(expected, found) if expected != found else []
        items = [item for item in differences(changes) if self._counts(item, tables)]
        if items:
            return self._difference(items, expected, tables)
        if Rule.FRAMES in self._rules:
            return self._frames.check(tables, self._place.seed, run)
        if Rule.CALLS in self._rules:
            return self._frames.lost(run)
        return exposed(tables, found) if Rule.USER in self._rules else None

    def _counts(self, item: Difference, tables: Tables) -> bool:
        """Whether a difference breaks a rule of this check."""
        if item.kind == EXTRA and is_unwritten(tables, self._place.seed, item.start):
            return False
        return KINDS[item.kind][0] in self._rules

    def _difference(
        self, items: list[Difference], expected: list[MappedRange], tables: Tables
    ) -> Breach:
        """The worst difference as a breach."""
        context = LastCall(
            self._changed,
            self._page,
            exhausted=self._frames.exhausted,
            several_roots=len(self._spaces) > 1,
        )
        return difference_breach(items, expected, tables, context)


def _expected(space: Space, found: list[MappedRange]) -> list[MappedRange]:
    """What should be mapped; page 0 only if it is."""
    expected = space.model.ranges
    if space.page_0_free and not (found and found[0].start == 0):
        return merged(without_page_0(expected))
    return expected
