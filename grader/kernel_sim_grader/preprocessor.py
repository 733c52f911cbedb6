"""The nbgrader stages of ours: read any submission, run the checks outside, flag what we broke.

``nbgrader autograde`` goes on as it does; three things are put in (`configure`), beside the faster
and cleaned feedback page:

- `SubmissionExporter` reads the submitted file, so that no file stops a batch;
- `GradeChecks` stands in the place of *Execute*: the notebook's code is one plugin, which a worker
  loads, and each check's report and score become its test cell's outputs;
- `KeepReport` comes last: what could not be checked waits for the instructor, and the report says
  what was graded.
"""

import hashlib
import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbconvert.exporters import NotebookExporter
from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbformat import NotebookNode
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
from kernel_sim_grader.cleaned_markdown import cleaned_html, cleaned_markdown
from kernel_sim_grader.feedback_exporter import FeedbackExporter, PageStyle, ReadGrades
from kernel_sim_grader.graded_notebook import plugin_text, write_outputs
from kernel_sim_grader.grading import (
    grade_text,
    keep_report,
    lab_facts,
    unread,
    workers,
)
from kernel_sim_grader.grounds import files_digest, grounds_digest
from kernel_sim_grader.judging import KEY
from kernel_sim_grader.sandbox.modes import AUTO, MODES, chosen
from kernel_sim_grader.seeds import grading_seed, read_secret
from kernel_sim_grader.submission import TrustedCell, read_submission
from kernel_sim_grader.trusted import in_order_of, trusted_cells

Resources = dict[str, Any]
Converted = tuple[NotebookNode, Resources]


def configure(config: Config) -> None:
    """Put our stages into nbgrader's configuration, and keep a warning of its own off the screen.

    Pages of feedback and of the formgrader show a student's text without what could run in it.
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
        AssignLatePenalties,
        CheckCellMetadata,
        KeepReport,
    ]
    config.HTMLExporter.filters = {"markdown2html": cleaned_markdown, "clean_html": cleaned_html}
    config.GenerateFeedback.exporter_class = FeedbackExporter
    config.GenerateFeedback.preprocessors = [ReadGrades, PageStyle]


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
        names = resources["nbgrader"]
        cells, kernelspec = trusted_of(converter.coursedir, names)
        submission = read_submission(path, cells)
        if submission.notes:
            self.log.warning("%s: %s", filename, "; ".join(submission.notes))
        submission.notebook.metadata[KEY] = {
            "unreadable": submission.unreadable,
            "notes": submission.notes,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "files": files_digest(path.parent),
            "grounds": grounds_digest(
                names["assignment"],
                grading_seed(read_secret(Path.cwd()), names["assignment"]),
                cells,
                kernelspec,
            ),
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


def trusted_of(
    coursedir: CourseDirectory, names: Mapping[str, str]
) -> tuple[list[TrustedCell], str | None]:
    """The released cells of the notebook that ``names`` speak of, in order, and its kernelspec."""
    lab, notebook = names["assignment"], names["notebook"]
    with Gradebook(names["db_url"]) as gradebook:
        cells = trusted_cells(gradebook, notebook, lab)
        kernelspec = gradebook.find_notebook(notebook, lab).kernelspec
    folder = Path(coursedir.format_path(coursedir.release_directory, ".", lab))
    return in_order_of(cells, folder / f"{notebook}.ipynb"), kernelspec


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
        report.files, report.grounds = facts.get("files", ""), facts.get("grounds", "")
        resources[KEY] = write_outputs(nb, report), report
        nb.metadata[KEY] = {"seed": report.seed, "versions": report.versions}
        return nb, resources

    def refusal(self, lab: str) -> str:
        """Empty, or why no submission of ``lab`` can be isolated as this stage is told to."""
        try:
            workers(tuple(lab_facts(lab)["roles"]), chosen(self.sandbox))
        except InputError as error:
            return str(error)
        return ""


class KeepReport(NbGraderPreprocessor):  # type: ignore[misc] # nbgrader has no types
    """Comes after the scores: flags what broke on our side, then keeps the report.

    The points of a check that broke stay, and wait for the instructor. A submission counts as
    graded once its report is there, so the report comes last.
    """

    def preprocess(self, nb: NotebookNode, resources: Resources) -> Converted:
        """The notebook as it was."""
        broken, report = resources[KEY]
        names = resources["nbgrader"]
        if broken:
            with Gradebook(names["db_url"]) as gradebook:
                for check in broken:
                    grade = gradebook.find_grade(
                        check, names["notebook"], names["assignment"], names["student"]
                    )
                    grade.needs_manual_grade = True
                gradebook.db.commit()
        keep_report(Path.cwd(), names["student"], report)
        return nb, resources
