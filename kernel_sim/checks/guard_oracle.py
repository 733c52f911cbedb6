"""The judge of a Lab 5 plugin: every turn held against the model, RAM, and the events it left.

A check may judge a part of the rules only; the model follows what the plugin does all the same.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.access_rules import judge_access
from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Failure, Outcome, Run
from kernel_sim.checks.fault_log_rules import LOG_RULES, judge_log
from kernel_sim.checks.fault_rules import CLASS_RULES, judge_faults
from kernel_sim.checks.guard_ledger import usable_pages
from kernel_sim.checks.guard_ram_rules import judge_ram
from kernel_sim.checks.guard_rules import GUARD_RULES, broken_layout, is_damaged, judge_call
from kernel_sim.checks.guard_scene import GuardScene
from kernel_sim.checks.guard_world import Step, World, world_of
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations import Place
from kernel_sim.checks.operations_run import Breach, Scene, Turn
from kernel_sim.checks.view_rules import VIEW_RULES, judge_view, right_cells
from kernel_sim.checks.watch_rules import COUNT_RULES, TAG_RULES, judge_count, judge_tags
from kernel_sim.values import GuardedRegion, GuardKind, GuardRequest

ALL_RULES: Final = GUARD_RULES | CLASS_RULES | LOG_RULES | VIEW_RULES | COUNT_RULES | TAG_RULES
Judge = Callable[[World, Step], Breach | None]
_JUDGES: Final[tuple[Judge, ...]] = (
    judge_call,
    judge_access,
    judge_log,
    judge_faults,
    judge_view,
    judge_count,
    judge_tags,
)
PICTURE: Final = (80, 25)


class GuardOracle:
    """Judges one boot.

    Args:
        place: where; with ``until`` from ``guard`` on the kernel's stack is among the regions.
        rules: the rules that count.
    """

    def __init__(self, place: Place, rules: AbstractSet[str] = ALL_RULES) -> None:
        self.place = place
        self.rules = rules
        self._world: World | None = None
        self._turn: Turn | None = None
        self._events = 0

    def begin(self, run: Run) -> Breach | None:
        """Look at the region that the boot itself installed, if it did."""
        self._world = world = world_of(self.place, run)
        self._events = len(run.events())
        if "view" in self.rules:
            world.pictures[PICTURE] = [right_cells(world, *PICTURE)]
        stack = world.kernel_stack
        if stack is None:
            return None
        world.ledger.installed.clear()
        request = GuardRequest(GuardKind.STACK, world.config["kernel_stack_bytes"], "kernel stack")
        broken = broken_layout(world.ledger, request, stack, world.window)
        world.ledger.installed.append(stack)
        if "mapping" not in self.rules:
            return None
        return self._counting(broken) or self._counting(judge_ram(world, None))

    def boot_failed(self, outcome: Outcome) -> Breach:
        """The boot did not come so far."""
        failure = outcome.failure or Failure("stopped", message="the boot ended early")
        broken = violation_of(failure, "KV-39")
        return Breach(broken.rule, "KV-39", broken.problem, 0, broken.concept)

    def judge(self, turn: Turn) -> Breach | None:
        """Keep the turn; what it did shows when its events and RAM are at hand."""
        self._turn = turn
        return None

    def look(self, run: Run) -> Breach | None:
        """Judge the turn that was made last."""
        world, turn = self._world, self._turn
        if world is None or turn is None:
            return None
        world.run, self._turn = run, None
        events = run.events()
        step = Step(turn, events[self._events :])
        self._events = len(events)
        for judge in _JUDGES:
            found = self._counting(judge(world, step))
            if found is not None:
                return found
        self._note(world, step)
        failed = self._failed(turn)
        if failed is not None or turn.hook in ACCESSES or "mapping" not in self.rules:
            return failed
        return self._counting(judge_ram(world, step))

    def scene(self, run: Run) -> Scene:
        """The pages for guarded regions, as model and tables see them."""
        world = self._world
        if world is None:
            return GuardScene(())
        world.run = run
        return GuardScene.of(world)

    def _counting(self, breach: Breach | None) -> Breach | None:
        """The breach if its rule is one that counts; that a hook fails always does."""
        if breach is None or breach.rule in self.rules or breach.rule.startswith("hook-"):
            return breach
        return None

    def _failed(self, turn: Turn) -> Breach | None:
        """A hook of the kernel's own that failed in a way that is no answer."""
        failure = turn.outcome.failure
        known = {"raised", "stopped"}
        if failure is None or failure.kind in known or failure.hook == "page_fault":
            return None
        if turn.hook in ACCESSES and failure.hook == "on_event" and not self._judges_observers():
            return None
        broken = violation_of(failure, "KV-39")
        return Breach(broken.rule, broken.requirement, broken.problem, 0, broken.concept)

    def _judges_observers(self) -> bool:
        return bool(self.rules & (LOG_RULES | COUNT_RULES | TAG_RULES) - GUARD_RULES)

    def _note(self, world: World, step: Step) -> None:
        turn = step.turn
        if turn.hook == "remove_guard" and turn.outcome.failure is not None:
            (region,) = turn.args
            if isinstance(region, GuardedRegion) and is_damaged(world.ledger, region):
                _settle(world, turn, region)
                return
        world.ledger.note(turn)
        if turn.hook == "map_page" and 0 in world.ledger.mapped:
            world.page_zero = world.run.ram.read(world.ledger.mapped[0], PAGE_SIZE)


def _settle(world: World, turn: Turn, region: GuardedRegion) -> None:
    """After an error that tells of damage the region may be there still, or be gone."""
    if world.space.leaf(usable_pages(region).start) is None:
        world.ledger.note(Turn(turn.step, turn.number, turn.hook, turn.args, Outcome()))
