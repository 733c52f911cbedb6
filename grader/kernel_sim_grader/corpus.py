"""The corpus: plugins whose grade is known, and the matrix of what the checks say about them.

``python -m kernel_sim_grader.corpus lab1`` prints it; with ``--seeds 20`` each correct plugin is
also examined under 20 seeds. Each file starts with comments::

    # concept: truncation-32-bit      what a failed check has to name; 'none' for correct ones
    # check: wide-addresses           the check that has to name it; 'all' for correct ones
    # expected_score: 75              of the 90 points that checks give, at the practice seed
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from time import process_time
from typing import Final

from rich.console import Console
from rich.table import Table

from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.run import PRACTICE_SEED, CheckReport, LabReport, run_checks
from kernel_sim.cli.screen import console
from kernel_sim.errors import InputError

FOLDER: Final = Path(__file__).parent.parent / "corpus"
KINDS: Final = ("wrong", "correct", "odd")
MOST_OPERATIONS: Final = 8
"""A counterexample has no more lines than this where the concept is named..."""
SHORT_SHARE: Final = 0.95
"""... and nowhere, for this share of the wrong plugins at least."""
MATRIX_WIDTH: Final = 250
"""Columns that the matrix may take: on a narrow screen it is wrapped, but nothing is left out."""
_FIELDS: Final = ("concept", "check", "expected_score")
_MARKS: Final = {"passed": "[green]·[/]", "failed": "[red]✗[/]", "errored": "[cyan]![/]"}


@dataclass(frozen=True, slots=True)
class Specimen:
    """One plugin of the corpus and what is known of it."""

    path: Path
    kind: str
    concept: str
    check: str
    expected_score: float

    @property
    def name(self) -> str:
        """Kind and file name."""
        return f"{self.kind}/{self.path.stem}"


@dataclass(frozen=True, slots=True)
class Examined:
    """A specimen, its report, processor seconds, and what is not as it should be."""

    specimen: Specimen
    report: LabReport
    seconds: float
    complaints: tuple[str, ...]

    @property
    def long(self) -> tuple[str, ...]:
        """Counterexamples with too many operations, whichever check found them."""
        return tuple(
            f"{item.check.id}: a counterexample of {count} operations"
            for item in self.report.reports
            if (count := _operations(item)) > MOST_OPERATIONS
        )


def specimens(lab: str, folder: Path = FOLDER) -> list[Specimen]:
    """The corpus of a lab, in order.

    Raises:
        InputError: there is none, or a header is incomplete.
    """
    found = [
        _read(path, kind) for kind in KINDS for path in sorted((folder / lab / kind).glob("*.py"))
    ]
    if not found:
        raise InputError(f"no corpus of {lab!r}", where=str(folder), expected="lab1")
    return found


def _read(path: Path, kind: str) -> Specimen:
    fields: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# "):
            break
        key, _, value = line.removeprefix("# ").partition(": ")
        fields[key] = value
    if any(field not in fields for field in _FIELDS):
        raise InputError("incomplete header", where=path.name, expected=", ".join(_FIELDS))
    score = float(fields["expected_score"])
    return Specimen(path, kind, fields["concept"], fields["check"], score)


def examine(specimen: Specimen, lab: str, seed: int = PRACTICE_SEED) -> Examined:
    """Run the lab's checks on a specimen, in this process."""
    roles = lab_roles(lab)
    start = process_time()
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        report = run_checks(lab, lambda: LocalBench(str(specimen.path), roles), seed)
    seconds = process_time() - start
    return Examined(specimen, report, seconds, tuple(_complaints(specimen, report, seed)))


def examine_named(specimen: Specimen, lab: str, seed: int = PRACTICE_SEED) -> tuple[str, ...]:
    """What is wrong with the one check that a specimen's header names; a fraction of `examine`."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        report = run_checks(
            lab,
            lambda: LocalBench(str(specimen.path), lab_roles(lab)),
            seed,
            [specimen.check],
        )
    return tuple(_named(specimen, report))


def _complaints(specimen: Specimen, report: LabReport, seed: int) -> Iterator[str]:
    """What the report says that it should not."""
    for item in report.reports:
        if item.result.status == "errored":
            yield f"{item.check.id} errored: {item.result.error}"
    any_seed = specimen.kind == "correct"
    if (any_seed or seed == PRACTICE_SEED) and report.score != specimen.expected_score:
        yield f"score {report.score:g}, expected {specimen.expected_score:g}"
    if any_seed:
        return
    yield from _named(specimen, report)


def _named(specimen: Specimen, report: LabReport) -> Iterator[str]:
    """Whether the check that is meant names the concept, with a small counterexample."""
    finding = report[specimen.check].result.finding
    if finding is None:
        yield f"{specimen.check} found nothing"
        return
    if finding.concept != specimen.concept:
        yield f"{specimen.check} named {finding.concept}: {finding.message}"
    count = _operations(report[specimen.check])
    if count > MOST_OPERATIONS:
        yield f"{specimen.check}: a counterexample of {count} operations"


def _operations(item: CheckReport) -> int:
    """How many operations the counterexample of a check shows; 0 if there is none."""
    case = item.result.finding.counterexample if item.result.finding else None
    return len(case.operations) if case is not None else 0


def summary(examined: Sequence[Examined]) -> Iterator[str]:
    """What a full check costs, and how short the counterexamples of wrong plugins are."""
    for kind in KINDS:
        seconds = [item.seconds for item in examined if item.specimen.kind == kind]
        if seconds:
            cost = f"{median(seconds):.2f} s at the median, {max(seconds):.2f} s at most"
            yield f"{kind}: {len(seconds)} plugins, {cost}"
    wrong = [item for item in examined if item.specimen.kind == "wrong"]
    short = sum(not item.long for item in wrong)
    yield f"{short} of {len(wrong)} wrong plugins show at most {MOST_OPERATIONS} operations"
    for item in wrong:
        yield from (f"  long: {item.specimen.name}, {each}" for each in item.long)


def _too_long(examined: Sequence[Examined]) -> bool:
    """Whether too many wrong plugins have long counterexamples."""
    wrong = [item for item in examined if item.specimen.kind == "wrong"]
    return sum(not item.long for item in wrong) < SHORT_SHARE * len(wrong)


def matrix(lab: str, examined: Sequence[Examined]) -> Table:
    """Specimens by checks."""
    checks = [item.check.id for item in examined[0].report.reports]
    listing = Table(title=f"corpus of {lab}", header_style="bold")
    listing.add_column("specimen", no_wrap=True)
    for number in range(1, len(checks) + 1):
        listing.add_column(str(number), justify="center")
    listing.add_column("points", justify="right")
    listing.add_column("ms", justify="right")
    listing.add_column("named concept")
    for item in examined:
        marks = [_MARKS[report.result.status] for report in item.report.reports]
        style = "red" if item.complaints else ""
        listing.add_row(
            item.specimen.name,
            *marks,
            f"{item.report.score:g}",
            f"{item.seconds * 1000:.0f}",
            item.specimen.concept,
            style=style,
        )
    return listing


def failing_seeds(lab: str, count: int) -> Iterator[str]:
    """What goes wrong with a correct plugin under one of the seeds 1 to ``count``."""
    for specimen in specimens(lab):
        if specimen.kind != "correct":
            continue
        for seed in range(1, count + 1):
            for complaint in examine(specimen, lab, seed).complaints:
                yield f"{specimen.name}, seed {seed}: {complaint}"


def main(arguments: Sequence[str]) -> int:
    """Print the matrix of each lab named; 1 if a specimen is not judged as it should be."""
    parser = ArgumentParser(prog="corpus")
    parser.add_argument("labs", nargs="*", default=["lab1"], metavar="LAB")
    parser.add_argument("--seeds", type=int, default=0, metavar="N")
    options = parser.parse_args(arguments)
    failed = 0
    for lab in options.labs:
        examined = [examine(specimen, lab) for specimen in specimens(lab)]
        Console(highlight=False, width=MATRIX_WIDTH).print(matrix(lab, examined))
        for number, report in enumerate(examined[0].report.reports, start=1):
            console().print(f"  {number:>2} {report.check.id}", markup=False)
        wrong = [f"{item.specimen.name}: {each}" for item in examined for each in item.complaints]
        for complaint in [*wrong, *failing_seeds(lab, options.seeds)]:
            console().print(f"✗ {complaint}", markup=False)
            failed = 1
        for line in summary(examined):
            console().print(line, markup=False)
        failed = failed or int(_too_long(examined))
        right = sum(not item.complaints for item in examined)
        console().print(f"{right} of {len(examined)} specimens are judged as they should be")
    return failed


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
