"""The judge of a heap: the shadow model held against every outcome, and against RAM.

A check may judge a part of the rules only; the model follows what the plugin does all the same.
"""

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import cast

from kernel_sim.checks.bench import Failure, Outcome, Run
from kernel_sim.checks.heap_ground import HeapGround, ground_of
from kernel_sim.checks.heap_model import CPU_FILL, HeapModel, LiveBlock
from kernel_sim.checks.heap_page_rules import broken_contents, broken_pages
from kernel_sim.checks.heap_records import Records, broken_exhaustion, broken_record, broken_tail
from kernel_sim.checks.heap_rules import (
    ALL_RULES,
    broken_by_block,
    broken_init,
    broken_stats,
    failed_kfree,
    failed_kmalloc,
    failed_refusal,
    hook_breach,
    not_reused,
    not_served,
    wrongly_freed,
)
from kernel_sim.checks.heap_scene import HeapScene
from kernel_sim.checks.heap_window import HeapWindow
from kernel_sim.checks.operations import Place
from kernel_sim.checks.operations_run import Breach, Scene, Turn
from kernel_sim.values import AddrRange, HeapStats


class HeapOracle:
    """Judges one boot.

    Args:
        place: where; with ``until`` before ``heap`` the case itself calls ``heap_init``.
        rules: the rules that count.
    """

    def __init__(self, place: Place, rules: AbstractSet[str] = ALL_RULES) -> None:
        self.rules = rules
        self.place = place
        self.ground: HeapGround = ground_of(place)
        self.model = HeapModel(self.ground.window, self.ground.free_frames)
        self.window = HeapWindow({}, frozenset())
        self.peak_frames = 0
        self.peak_payload = 0
        self.highest = 0
        self.scarce = False
        self._told: AddrRange | None = self.ground.window if place.until == "heap" else None
        self._first_stats: HeapStats | None = None
        self._records = Records()
        self._invalid = False
        self._highlight: tuple[int, int] | None = None
        self._judges: Mapping[str, Callable[[Turn], Breach | None]] = {
            "kmalloc": self._allocated,
            "kfree": self._freed,
            "heap_stats": self._counted,
            "heap_init": self._initialized,
            "pmm_alloc_frame": self._drained,
            "pmm_free_frame": self._refilled,
            CPU_FILL: self._filled,
        }

    # --- the boot ---------------------------------------------------------------------------------

    def begin(self, run: Run) -> Breach | None:
        """Look at RAM as ``heap_init`` left it."""
        return self.look(run)

    def boot_failed(self, outcome: Outcome) -> Breach:
        """The boot did not come so far."""
        failure = outcome.failure or Failure("stopped", message="the boot ended early")
        return hook_breach(failure, "KV-31")

    # --- outcomes ---------------------------------------------------------------------------------

    def judge(self, turn: Turn) -> Breach | None:
        """Compare one outcome with the model."""
        self._records.turns.append(turn)
        judge = self._judges.get(turn.hook)
        return self._counting(judge(turn)) if judge is not None else None

    def _counting(self, breach: Breach | None) -> Breach | None:
        """The breach if its rule is one that counts; that a hook fails always does."""
        if breach is None or self._invalid:
            return None
        self._highlight = (breach.at, breach.at + 1) if breach.at else None
        counts = breach.rule in self.rules or breach.rule.startswith("hook-")
        return breach if counts else None

    def _allocated(self, turn: Turn) -> Breach | None:
        size, align = cast("tuple[int, int]", turn.args)
        value, failure = turn.outcome.value, turn.outcome.failure
        if failure is not None:
            return failed_kmalloc(self.model, failure, size, align)
        if value is None:
            self.scarce = True
            reuse = not_reused(self.model, size, align) if "reuse" in self.rules else None
            return reuse or not_served(self.model, size, align)
        block = LiveBlock(cast("int", value), size, align, turn.step)
        breach = broken_by_block(self.model, block)
        self.model.add(block)
        self.peak_payload = max(self.peak_payload, self.model.payload)
        self.highest = max(self.highest, block.end)
        self._records.note(block)
        return breach

    def _freed(self, turn: Turn) -> Breach | None:
        pointer = cast("int | None", turn.args[0])
        failure = turn.outcome.failure
        if pointer is not None and pointer not in self.model.live:
            if failure is None:
                return wrongly_freed(self.model, pointer)
            return failed_refusal(pointer, failure)
        if failure is not None:
            return failed_kfree(self.model, pointer, failure)
        if pointer is not None:
            self.model.remove(pointer)
            self._records.forget()
        return None

    def _counted(self, turn: Turn) -> Breach | None:
        failure, stats = turn.outcome.failure, turn.outcome.value
        if failure is not None or not isinstance(stats, HeapStats):
            return hook_breach(failure or Failure("wrong_type", hook="heap_stats"), "KV-30")
        if self._first_stats is None:
            self._first_stats = stats
        return broken_stats(self.model, stats, self._first_stats)

    def _initialized(self, turn: Turn) -> Breach | None:
        start, end = cast("tuple[int, int]", turn.args)
        breach = broken_init(self._told, start, end, turn.outcome.failure)
        if self._told is None and start < end:
            self._told = AddrRange(start, end)
            self.model.window = self._told
        return breach

    def _filled(self, turn: Turn) -> Breach | None:
        address, size, byte = cast("tuple[int, int, int]", turn.args)
        block = self.model.live.get(address)
        if block is None or size > block.size:
            self._invalid = True  # an overrun of the case's own, met while shrinking
            return None
        failure = turn.outcome.failure
        if failure is not None:
            problem = f"writing to {size} bytes at {address:#x}: {failure.message}"
            wanted = "memory behind every byte"
            got = failure.message
            return Breach("backed", "KV-32", problem, address, "block-unmapped", wanted, got)
        block.byte, block.filled = byte, size
        return None

    def _drained(self, turn: Turn) -> Breach | None:
        if isinstance(turn.outcome.value, int):
            self.model.drained += 1
        return None

    def _refilled(self, turn: Turn) -> Breach | None:
        if turn.outcome.failure is None:
            self.model.drained -= 1
            self.model.drained_before = True
        return None

    # --- RAM --------------------------------------------------------------------------------------

    def look(self, run: Run) -> Breach | None:
        """Judge what only RAM can tell."""
        self.window = HeapWindow.read(run.ram, self.ground.root, self.model.window)
        used = self.ground.used_frames(run.ram)
        self.peak_frames = max(self.peak_frames, self._frames_taken(used))
        breach = (
            self._counting(broken_exhaustion(self._records, self.window, used))
            or self._counting(broken_pages(self.model, self.ground, self.window, used))
            or self._counting(broken_contents(self.model, self.window, run.ram))
            or self._counting(self._recorded(run))
            or self._counting(self._tail(run))
        )
        self._records.looked(self.window, used)
        return breach

    def _frames_taken(self, used: int) -> int:
        """Frames that the heap holds, page tables and what the check took not counted."""
        taken = (used & ~self.ground.used).bit_count()
        tables = sum(not self.ground.used >> (frame >> 12) & 1 for frame in self.window.tables)
        return taken - tables - self.model.drained

    def _recorded(self, run: Run) -> Breach | None:
        if "record" not in self.rules:
            return None
        return broken_record(self._records, self.ground, self.window, run.ram)

    def _tail(self, run: Run) -> Breach | None:
        if "tail" not in self.rules:
            return None
        return broken_tail(self._records, self.model, self.window, run.ram, self.place.seed)

    def scene(self, run: Run) -> Scene:
        """The blocks as the calls made them."""
        window = HeapWindow.read(run.ram, self.ground.root, self.model.window)
        return HeapScene.of(self.model, window, self._highlight)
