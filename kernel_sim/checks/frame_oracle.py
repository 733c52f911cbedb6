"""The judge of a frame allocator: the model held against every outcome, and against RAM.

A check may judge a part of the rules only; the model follows what the plugin does all the same.
"""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Failure, Outcome, Run
from kernel_sim.checks.frame_bitmap import Bitmap, read_bitmap
from kernel_sim.checks.frame_layout import layout_from, layout_of
from kernel_sim.checks.frame_model import FrameModel
from kernel_sim.checks.frame_ram_rules import (
    broken_bitmap,
    broken_by_none,
    broken_free_bits,
    broken_place,
)
from kernel_sim.checks.frame_rules import (
    ALL_RULES,
    broken_by_address,
    broken_count,
    broken_sum,
    broken_total,
    changed_by_refusal,
    failed_allocation,
    failed_call,
    failed_count,
    is_counted_twice,
    refused_free,
    second_init,
    trampled,
    wrong_free,
)
from kernel_sim.checks.frame_scene import FrameScene
from kernel_sim.checks.operations import Place
from kernel_sim.checks.operations_run import Breach, Scene, Turn
from kernel_sim.values import FrameStats


class FrameOracle:
    """Judges one boot.

    Args:
        place: where; with ``until`` before ``pmm`` the case itself calls ``pmm_init``.
        rules: the rules that count.
    """

    def __init__(self, place: Place, rules: AbstractSet[str] = ALL_RULES) -> None:
        self.rules = rules
        self.model = FrameModel(layout_of(place.spec()), place.seed)
        self._began = place.until == "pmm"
        self._when_none: int | None = None
        self._base: int | None = None
        self._ran_out = False
        self._changed = 0
        self._calls = 0
        self._failures = 0
        self._refused: int | None = None
        self._again = False
        self._table = self.model.layout.table
        self._is_known = False

    def begin(self, run: Run) -> Breach | None:
        """Ask where the bitmap is; how the answer is to be judged is a later question."""
        self._find_bitmap(run)
        return None

    def boot_failed(self, outcome: Outcome) -> Breach:
        """The boot did not come so far."""
        failure = outcome.failure or Failure("stopped", message="the boot ended early")
        return failed_call(failure, "KV-13")

    def judge(self, turn: Turn) -> Breach | None:
        """Compare one outcome with the model."""
        judges = {
            "pmm_alloc_frame": self._allocated,
            "pmm_free_frame": self._freed,
            "pmm_stats": self._counted,
            "pmm_init": self._initialized,
        }
        judge = judges.get(turn.hook)
        return self._counting(judge(turn)) if judge is not None else None

    def look(self, run: Run) -> Breach | None:
        """Judge what only RAM can tell."""
        before, stats = self.model.bitmap, self.model.stats
        self._find_bitmap(run)
        found = (
            self._counting(self._disturbed(before, stats))
            or self._counting(self._trampled(run))
            or self._counting(broken_place(self.model) if self._is_known else None)
            or self._counting(self._missing(run))
            or self._counting(self._broken_bits(before))
        )
        self._changed = self._calls = 0
        self._refused = None
        return found

    def scene(self, run: Run) -> Scene:
        """The frames as model and bitmap see them."""
        self._find_bitmap(run)
        return FrameScene.of(self.model)

    def _counting(self, breach: Breach | None) -> Breach | None:
        """The breach if its rule is one that counts; that a hook fails always does."""
        if breach is None or not (breach.rule in self.rules or breach.rule.startswith("hook-")):
            return None
        if self._again and "init-once" in self.rules:
            return replace(breach, rule="init-once", requirement="KV-13", concept="init-once")
        return breach

    def _find_bitmap(self, run: Run) -> None:
        answer = run.call("pmm_stats") if self._began else Outcome()
        self._is_known = isinstance(answer.value, FrameStats)
        if isinstance(answer.value, FrameStats):
            self.model.stats = answer.value
            self.model.bitmap = read_bitmap(run, answer.value)

    # --- the hooks --------------------------------------------------------------------------------

    def _allocated(self, turn: Turn) -> Breach | None:
        self._calls += 1
        frame, failure = turn.outcome.value, turn.outcome.failure
        if failure is not None:
            return failed_allocation(self.model, failure)
        if not isinstance(frame, int):
            self._failures += 1
            self._ran_out = True
            if self._when_none is None:
                self._when_none = self.model.available
            return None
        breach = broken_by_address(self.model, frame)
        if frame % PAGE_SIZE == 0 and frame:
            self.model.allocate(frame)
            self._changed |= 1 << frame // PAGE_SIZE
        return breach

    def _freed(self, turn: Turn) -> Breach | None:
        self._calls += 1
        (frame,) = turn.args
        if not isinstance(frame, int):
            return None
        failure = turn.outcome.failure
        if not self.model.is_live(frame):
            self._failures += 1
            self._refused = frame if failure is not None else None
            return wrong_free(self.model, frame, failure)
        if failure is not None:
            rightly = self.model.layout.owned >> frame // PAGE_SIZE & 1
            return refused_free(frame, failure) if rightly else None
        self.model.free(frame)
        self._ran_out = False
        self._changed |= 1 << frame // PAGE_SIZE
        return None

    def _counted(self, turn: Turn) -> Breach | None:
        stats, failure = turn.outcome.value, turn.outcome.failure
        if failure is not None:
            worked = self._base is not None
            return failed_count(failure, after_failure=self._failures > 0, worked=worked)
        if not isinstance(stats, FrameStats):
            return None
        return (
            self._counting(broken_sum(stats))
            or self._counting(self._miscounted(stats))
            or broken_total(self.model, stats)
        )

    def _initialized(self, turn: Turn) -> Breach | None:
        failure = turn.outcome.failure
        if failure is not None and not (self._began and failure.kind == "raised"):
            return failed_call(failure, "KV-13")
        self._again = self._began
        regions, reserved = turn.args
        if not self._began and isinstance(regions, list) and isinstance(reserved, list):
            self.model.layout = layout_from(self.model.layout, regions, reserved)
            self._began = True
        return None

    # --- what RAM decides -------------------------------------------------------------------------

    def _disturbed(self, before: Bitmap | None, stats: FrameStats | None) -> Breach | None:
        """A refused free, alone since the last look, changed bits or counters."""
        after = self.model.bitmap
        if self._again and not self._calls and before is not None and before != after:
            return second_init("the bitmap or the statistics")
        if self._refused is None or self._calls != 1 or before is None or after is None:
            return None
        if before.data != after.data:
            return changed_by_refusal("the bitmap", self._refused)
        return changed_by_refusal("pmm_stats", self._refused) if stats != after.stats else None

    def _trampled(self, run: Run) -> Breach | None:
        """The firmware's table is not what it was; looked at once."""
        layout = self.model.layout
        expected, self._table = self._table, b""
        at = layout.boot[-1][1].start
        changed = bool(expected) and run.ram.read(at, len(expected)) != expected
        return trampled(at) if changed else None

    def _broken_bits(self, before: Bitmap | None) -> Breach | None:
        """What is wrong with the bitmap, where it could be found."""
        if not self._is_known:
            return None
        return broken_bitmap(self.model, before, self._changed, self._calls) or broken_free_bits(
            self.model
        )

    def _missing(self, run: Run) -> Breach | None:
        """Frames that could have been handed out when None was."""
        if self._when_none is None:
            return None
        missing = self._when_none & ~self.model.bitmap_frames
        self._when_none = None
        return broken_by_none(self.model, missing & ~self.model.kept(run, missing))

    def _miscounted(self, stats: FrameStats) -> Breach | None:
        """The number of free frames held against the calls since it was first asked for.

        When memory ran out, nothing is free. So a plugin is judged by its own frames: which they
        are is another rule's matter.
        """
        live = self.model.live.bit_count()
        twice = False
        if self._base is None:
            twice = not self._failures and is_counted_twice(self.model, stats.free + live)
            self._base = stats.free + live
            expected = self.model.available.bit_count() if twice else stats.free
        else:
            expected = 0 if self._ran_out else self._base - live
        return broken_count(
            stats.free,
            expected,
            after_failure=0 < abs(stats.free - expected) <= self._failures,
            counted_twice=twice,
        )
