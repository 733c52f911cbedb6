"""Judging the page-fault handler: that it reports, what it reports, and what it decides (KV-24)."""

from collections.abc import Sequence
from typing import Any

from kernel_sim.checks.bench import Failure, Run
from kernel_sim.checks.fault_report import BITS, RARE_BITS, Bit, same_words, says_address, stated
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.values import Event, FaultAction, PageFault


class FaultJudge:
    """Remembers what was reported for which error code."""

    def __init__(self) -> None:
        self._reports: dict[int, str] = {}
        self._seen = 0
        self._rows: list[str] = []

    def begin(self, run: Run) -> None:
        """Whatever was printed so far is no report."""
        self._take(run)

    def passed_over(self, run: Run) -> None:
        """What was printed since then is none either."""
        self._take(run)

    def called(self, turn: Turn, run: Run) -> Breach | None:
        """Judge one call of `page_fault`."""
        fault, failure = turn.args[0], turn.outcome.failure
        text = self._take(run)
        if not isinstance(fault, PageFault):
            return None
        if failure is not None:
            return _failed(failure)
        if turn.outcome.value is FaultAction.RETRY:
            problem = f"the handler answered RETRY for {fault.address:#x} and mended nothing"
            return _breach("fault-retry", problem, "None or PANIC", "RETRY")
        return self._judge(text, fault.address, fault.error_code)

    def happened(self, address: int, code: int, failure: Failure, run: Run) -> Breach | None:
        """Judge what was reported of a fault that an access caused."""
        text = self._take(run)
        if failure.error == "FaultLoop":
            problem = f"the access at {address:#x} faults for ever: {failure.message}"
            return _breach("fault-retry", problem, "None or PANIC", "RETRY")
        if failure.hook == "page_fault":
            return _failed(failure)
        return self._judge(text, address, code)

    def _judge(self, text: str, address: int, code: int) -> Breach | None:
        if not text.strip():
            problem = f"the fault at {address:#x}, error code {code:#x}, was not reported"
            return _breach("fault-report", problem, "a report", "nothing")
        if not says_address(text, address):
            problem = f"the report of the fault at {address:#x} does not name the address"
            return _breach("fault-address", problem, hex(address), text)
        return self._misread(text, code) or self._undecoded(text, code)

    def _misread(self, text: str, code: int) -> Breach | None:
        values = {bit: stated(text, bit) for bit in BITS}
        wrong = [b for b, v in values.items() if v is not None and v is not bool(code & b.mask)]
        if not wrong:
            return None
        bit = wrong[0]
        concept = "fault-bits-swapped" if len(wrong) > 1 else bit.concept
        problem = f"the report of error code {code:#x} is wrong about {bit.letters}"
        return _breach(concept, problem, _value(bit, code), text)

    def _undecoded(self, text: str, code: int) -> Breach | None:
        """A bit that makes no difference to the report."""
        for bit in (*BITS, *RARE_BITS):
            other = self._reports.get(code ^ bit.mask)
            if other is not None and same_words(text, other):
                codes = f"{code ^ bit.mask:#x} and {code:#x}"
                problem = f"error codes {codes} are reported alike: {bit.letters} is not decoded"
                return _breach(bit.concept, problem, _value(bit, code), text)
        self._reports[code] = text
        return None

    def _take(self, run: Run) -> str:
        """What the screen and the log have to say since the last time."""
        events = run.events()
        new, self._seen = events[self._seen :], len(events)
        rows = [row.rstrip() for row in run.screen()]
        lines = [line for line in _printed(new) if _is_on(rows, line)]
        if not lines:
            lines = _added(self._rows, rows)
        self._rows = rows
        return "\n".join([*lines, *_logged(new)])


def _printed(events: Sequence[Event]) -> list[str]:
    fields: list[Any] = [event.fields for event in events if event.kind == "log"]
    return [str(item.get("text", "")) for item in fields if item.get("event") == "console"]


def _is_on(rows: Sequence[str], line: str) -> bool:
    """Whether a printed line is on the screen; a long one goes on in the next row."""
    return any(row.startswith(line.expandtabs()[:80].rstrip()[:79]) for row in rows)


def _added(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Lines that are on the screen now and were not before."""
    left = list(before)
    added: list[str] = []
    for line in after:
        if line in left:
            left.remove(line)
        else:
            added.append(line)
    return added


def _logged(events: Sequence[Event]) -> list[str]:
    """Structured events as text, numbers in hexadecimal."""
    lines: list[str] = []
    for event in events:
        fields: Any = event.fields
        if event.kind != "log" or fields.get("event") == "console":
            continue
        words = [str(fields.get("event", ""))]
        for name, value in fields.items():
            if name not in {"event", "plugin"}:
                is_number = isinstance(value, int) and not isinstance(value, bool)
                words.append(f"{name}={value:#x}" if is_number and value > 9 else f"{name}={value}")
        lines.append(" ".join(words))
    return lines


def _failed(failure: Failure) -> Breach:
    violation = violation_of(failure, "KV-24")
    known = failure.kind == "missing" or failure.error == "NotImplementedError"
    concept = violation.concept if known else "fault-crash"
    return Breach(violation.rule, "KV-24", violation.problem, concept=concept)


def _value(bit: Bit, code: int) -> str:
    return f"{bit.letters} = {1 if code & bit.mask else 0}"


def _breach(concept: str, problem: str, expected: str, got: str) -> Breach:
    return Breach(concept, "KV-24", problem, concept=concept, expected=expected, got=got)
