"""The calls of the paging interface, each judged by its outcome: `map_page` to `translate`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Failure
from kernel_sim.checks.hook_failure import sentence, violation_of
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.checks.paging_access import AccessJudge
from kernel_sim.checks.paging_frames import FrameBook
from kernel_sim.checks.paging_model import PAGE_0, AddressSpaceModel
from kernel_sim.checks.paging_rules import Rule
from kernel_sim.checks.paging_tables import PRESENT, Tables
from kernel_sim.checks.paging_words import translation_breach
from kernel_sim.values import Translation

NOT_MAPPED_ERRORS: Final = frozenset({"NotMapped", "TranslationError"})


@dataclass(slots=True)
class Space:
    """One address space: what it should be, and whether page 0 may be left out."""

    model: AddressSpaceModel
    page_0_free: bool = False


class CallJudge:
    """Judges outcomes, and brings the model up to date.

    Args:
        rules: what counts.
        frames: knows whether memory is used up.
        accesses: is told which pages were taken away or changed.
        tables_of: the tables at a root.
    """

    def __init__(
        self,
        rules: frozenset[Rule],
        frames: FrameBook,
        accesses: AccessJudge,
        tables_of: Callable[[int], Tables],
    ) -> None:
        self._rules = rules
        self._frames = frames
        self._accesses = accesses
        self._tables_of = tables_of

    def map_page(self, turn: Turn, space: Space) -> Breach | None:
        """A page that is free is taken, one that is mapped refused."""
        root, page, frame, flags = numbers(turn)
        there = space.model.find(page) is not None
        failure = turn.outcome.failure
        if failure is not None:
            if _raised(failure, "MapError") and (there or self._frames.exhausted):
                return None
            empty = not self._tables_of(root).directory[page >> 22] & PRESENT
            refused = "new-table" if empty else "map-refused"
            return self._failed(turn, "MapError" if there else "", "map-over", refused)
        if not there:
            space.model.map(page, frame, flags)
            return None
        problem = f"map_page({page:#x}) took a page that is mapped already"
        return self._breach("map-over", problem, "MapError, and the page as before", "no error")

    def unmap_page(self, turn: Turn, space: Space) -> Breach | None:
        """A page that is mapped is given up with its frame, another one refused."""
        root, page = numbers(turn)
        frame, failure = space.model.physical(page), turn.outcome.failure
        if failure is not None:
            large = frame is not None and self._tables_of(root).leaf(page)[2] > PAGE_SIZE
            if _raised(failure, "UnmapError") and (frame is None or large):
                return None
            wanted = "UnmapError" if frame is None else ""
            return self._failed(turn, wanted, "unmap-missing", "unmap-entry")
        if frame is None:
            problem = f"unmap_page({page:#x}) accepted a page that is not mapped"
            return self._breach("unmap-missing", problem, "UnmapError", "no error")
        space.model.unmap(page)
        self._accesses.unmapped(page)
        got = turn.outcome.value
        if got == frame:
            return None
        problem = f"unmap_page({page:#x}) returned {got:#x}, not the frame"
        return self._breach("unmap-result", problem, hex(frame), f"{got:#x}")

    def protect_page(self, turn: Turn, space: Space) -> Breach | None:
        """The flags change, the frame does not. The hook is optional."""
        failure = turn.outcome.failure
        if failure is not None and (failure.kind == "missing" or failure.error == "NotSupported"):
            return None
        _, page, flags = numbers(turn)
        frame = space.model.physical(page)
        if failure is not None:
            if frame is None and failure.kind == "raised":
                return None
            return self._failed(turn, "", "", "protect-page")
        if frame is None:
            problem = f"protect_page({page:#x}) accepted a page that is not mapped"
            return self._breach("protect-page", problem, "MapError", "no error")
        space.model.map(page, frame, flags)
        self._accesses.changed(page)
        return None

    def translate(self, turn: Turn, space: Space) -> Breach | None:
        """The answer is what the processor would find."""
        root, address = numbers(turn)
        failure, there = turn.outcome.failure, space.model.find(address)
        if failure is not None:
            if there is None and failure.kind == "raised" and failure.error in NOT_MAPPED_ERRORS:
                return None
            wanted = "NotMapped" if there is None else ""
            return self._failed(turn, wanted, "translate-missing", "translate-address")
        found = turn.outcome.value
        if not isinstance(found, Translation) or Rule.CALLS not in self._rules:
            return None
        if space.page_0_free and address in range(PAGE_0.start, PAGE_0.end):
            return None
        return translation_breach(address, there, found, self._tables_of(root).leaf(address)[2])

    def failed(self, turn: Turn, requirement: str, concept: str = "") -> Breach:
        """A call that had to go well and did not."""
        failure = turn.outcome.failure or Failure("stopped")
        violation = violation_of(failure, requirement)
        return Breach(
            violation.rule,
            requirement,
            violation.problem,
            concept=self._concept_of(failure) or concept or violation.concept,
            expected="a call that returns",
            got=sentence(failure),
        )

    def _failed(self, turn: Turn, wanted: str, missing: str, refused: str) -> Breach | None:
        """A call that failed in another way than it should.

        Args:
            turn: the call.
            wanted: the error that was right, empty if none was.
            missing: the concept where an error was right.
            refused: the concept where none was.
        """
        failure = turn.outcome.failure or Failure("stopped")
        if failure.kind != "raised":
            return self.failed(turn, "KV-19", missing if wanted else "")
        problem = f"{turn.hook} raised {failure.error}: {failure.message}"
        if wanted:
            return self._breach("wrong-error", problem, wanted, failure.error)
        breach = self._breach(refused, problem, "no error", failure.error)
        return breach or Breach("refused", "KV-19", problem, concept=refused)

    def _concept_of(self, failure: Failure) -> str:
        """What a hook that failed is most likely about; empty if that can't be told."""
        if self._frames.exhausted and failure.kind != "missing":
            return "out-of-frames"
        stopped = failure.kind == "stopped" and "page fault" in failure.message
        return "table-reach" if stopped else ""

    def _breach(self, concept: str, problem: str, expected: str, got: str) -> Breach | None:
        if Rule.CALLS not in self._rules:
            return None
        return Breach(concept, "KV-19", problem, concept=concept, expected=expected, got=got)


def numbers(turn: Turn) -> tuple[int, ...]:
    """The arguments of a call that takes only numbers."""
    return tuple(int(value) for value in turn.args)  # type: ignore[call-overload]


def _raised(failure: Failure, error: str) -> bool:
    return failure.kind == "raised" and failure.error == error
