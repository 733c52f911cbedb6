"""The nbgrader stages of ours: read any submission, run the checks outside, flag what we broke.

``nbgrader autograde`` goes on as it does; three things are put in (`configure`):

- `SubmissionExporter` reads the submitted file, so that no file stops a batch;
- `GradeChecks` stands in the place of *Execute*: the notebook's code is one plugin, which a worker
  loads, and each check's report and score become its test cell's outputs;
- `FlagErrors` comes after the scores: what could not be checked waits for the instructor.
"""

import json
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_output
from nbgrader import utils
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    IgnorePattern,
    LimitOutput,
    NbGraderPreprocessor,
    SaveAutoGrades,
)
from sqlalchemy.exc import SAWarning
from traitlets import Enum
from traitlets.config import Config

from kernel_sim.errors import InputError
from kernel_sim_grader import feedback
from kernel_sim_grader.grading import (
    GradedReport,
    file_hash,
    grade_text,
    keep_report,
    lab_facts,
    unread,
    workers,
)
from kernel_sim_grader.sandbox.modes import AUTO, MODES, chosen
from kernel_sim_grader.seeds import grading_seed, read_secret
from kernel_sim_grader.submission import SKIP_TAG, TrustedCell, read_submission
from kernel_sim_grader.trusted import in_order_of, trusted_cells

Resources = dict[str, Any]
Converted = tuple[NotebookNode, Resources]
KEY: Final = "kernel_sim"
"""Under this name notebook and resources carry what our stages tell each other."""


def configure(config: Config) -> None:
    """Put our stages into nbgrader's configuration, and keep a warning of its own off the screen.

    With SQLAlchemy 2 nbgrader warns at each new submission about its order of insertions.
    """
    warnings.filterwarnings("ignore", message="Object of type <Submitted", category=SAWarning)
    config.Autograde.exporter_class = SubmissionExporter
    config.Autograde.autograde_preprocessors = [
        GradeChecks,
        IgnorePattern,
        ClearMetadataPreprocessor,
        LimitOutput,
        SaveAutoGrades,
        FlagErrors,
        AssignLatePenalties,
        CheckCellMetadata,
    ]


class SubmissionExporter(NotebookExporter):
    """Reads a submitted file into a notebook with all trusted cells; writes notebooks as usual."""

    def from_filename(
        self, filename: str, resources: Resources | None = None, **kw: object
    ) -> Converted:
        """The converted notebook; a file that has been through this already is only read."""
        converter: Any = self.parent
        if resources is None or not getattr(converter, "_sanitizing", False):
            plain: Converted = super().from_filename(filename, resources=resources, **kw)
            return plain
        path = Path(filename)
        self._refuse_unless_isolated(converter, resources["nbgrader"])
        resources["metadata"] = {"name": path.stem, "path": str(path.parent)}
        submission = read_submission(path, trusted_of(converter.coursedir, resources["nbgrader"]))
        if submission.notes:
            self.log.warning("%s: %s", filename, "; ".join(submission.notes))
        submission.notebook.metadata[KEY] = {
            "unreadable": submission.unreadable,
            "notes": submission.notes,
            "sha256": file_hash(path),
        }
        read = submission.notebook
        converted: Converted = super().from_notebook_node(read, resources, **kw)  # type: ignore[no-untyped-call]
        return converted

    def _refuse_unless_isolated(self, converter: Any, names: Mapping[str, str]) -> None:  # noqa: ANN401
        """End nbgrader with one line, before it has graded anything, where there is no isolation.

        What it has begun is removed, as it does itself with what fails, so that it begins again.
        """
        reason = GradeChecks(parent=self).refusal(names["assignment"])
        if reason:
            self.log.error("%s (here: --GradeChecks.sandbox=none)", reason)
            started = converter._format_dest(names["assignment"], names["student"])  # noqa: SLF001
            shutil.rmtree(started, ignore_errors=True)
            raise SystemExit(2)


def trusted_of(coursedir: CourseDirectory, names: Mapping[str, str]) -> list[TrustedCell]:
    """The trusted cells of the notebook that ``names`` speak of, in the released order."""
    lab, notebook = names["assignment"], names["notebook"]
    with Gradebook(names["db_url"]) as gradebook:
        cells = trusted_cells(gradebook, notebook, lab)
    folder = Path(coursedir.format_path(coursedir.release_directory, ".", lab))
    return in_order_of(cells, folder / f"{notebook}.ipynb")


class GradeChecks(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader has no types
    """Runs the lab's checks on the notebook in a worker; their reports become its outputs."""

    sandbox = Enum(
        MODES,
        default_value=AUTO,
        help="auto: every wall round each submission, or no grades; none: only limits.",
    ).tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook with reports and scores as outputs of its test cells."""
        names = resources["nbgrader"]
        lab, course = names["assignment"], Path.cwd()
        facts = nb.metadata.pop(KEY, {})
        seed = grading_seed(read_secret(course), lab)
        if facts.get("unreadable"):
            report = unread(lab, seed, facts["unreadable"])
        else:
            name = f"{names['notebook']}.ipynb"
            mode = chosen(self.sandbox)
            report = grade_text(plugin_text(nb), lab, name, seed, sandbox=mode)
        report.notes = list(facts.get("notes", ()))
        report.sha256 = facts.get("sha256", "")
        resources[KEY] = write_outputs(nb, report)
        keep_report(course, names["student"], report)
        nb.metadata[KEY] = {"seed": report.seed, "versions": report.versions}
        return nb, resources

    def refusal(self, lab: str) -> str:
        """Empty, or why no submission of ``lab`` can be isolated as this stage is told to."""
        try:
            workers(tuple(lab_facts(lab)["roles"]), chosen(self.sandbox))
        except InputError as error:
            return str(error)
        return ""


def plugin_text(nb: NotebookNode) -> str:
    """The notebook with nothing in it but the plugin's cells; cell numbers stay as they are."""
    cells = [
        {
            "cell_type": "code",
            "id": cell.get("id", ""),
            "metadata": {"tags": cell.metadata.get("tags", [])},
            "source": "" if SKIP_TAG in cell.metadata.get("tags", []) else cell.source,
        }
        for cell in nb.cells
        if cell.cell_type == "code"
    ]
    return json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells})


def write_outputs(nb: NotebookNode, report: GradedReport) -> list[str]:
    """Write each check's report and score into its test cell, and a summary on top.

    Returns:
        The grade ids of cells that could not be checked, by no fault of the student's.
    """
    found = {check["id"]: check for check in report.checks}
    broken = []
    for cell in nb.cells:
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = [], None
        if utils.is_grade(cell) and not utils.is_solution(cell):
            data = cell.metadata.nbgrader
            check = found.get(data["grade_id"])
            cell.outputs = cell_outputs(check, float(data["points"]))
            if check is None or check["status"] == "errored":
                broken.append(data["grade_id"])
    nb.cells.insert(0, new_markdown_cell(summary(report), id="kernel-sim-summary"))
    return broken


def cell_outputs(check: dict[str, Any] | None, cell_points: float) -> list[NotebookNode]:
    """The outputs of a test cell: the report, then the number that nbgrader takes as the score.

    Args:
        check: what was found; None if no installed check belongs to the cell.
        cell_points: what the gradebook says the cell is worth.
    """
    if check is None:
        report = {"text/plain": "No installed check belongs to this cell; your instructor sees it."}
        return [new_output("display_data", report), _score(cell_points)]
    told = feedback.shown(check, check["told"])
    report = {"text/plain": feedback.as_text(told), "text/html": feedback.as_html(told)}
    share = min(1.0, check["points"] / check["max_points"]) if check["max_points"] else 0.0
    return [new_output("display_data", report), _score(round(share * cell_points, 2))]


def _score(points: float) -> NotebookNode:
    data = {"text/plain": repr(points)}
    output: NotebookNode = new_output("execute_result", data, execution_count=1)
    return output


def summary(report: GradedReport) -> str:
    """What stands on top of the feedback: score, seed, versions and what was put right."""
    versions = ", ".join(f"{name} {version}" for name, version in report.versions.items())
    lines = [
        f"**Checked automatically: {report.score:g} of {report.max_score:g} points.**",
        "",
        f"Seed {report.seed}, {versions}. The same again:",
        "",
        f"    ksim check {report.lab} {report.lab}.ipynb --seed {report.seed}",
    ]
    if report.notes:
        lines += ["", *(f"- {note}" for note in report.notes)]
    return "\n".join(lines)


class FlagErrors(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader has no types
    """Marks the grades of checks that broke on our side for the instructor; their points stay."""

    def preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook as it was."""
        broken = resources.get(KEY, [])
        if broken:
            names = resources["nbgrader"]
            with Gradebook(names["db_url"]) as gradebook:
                for check in broken:
                    grade = gradebook.find_grade(
                        check, names["notebook"], names["assignment"], names["student"]
                    )
                    grade.needs_manual_grade = True
                gradebook.db.commit()
        return nb, resources
