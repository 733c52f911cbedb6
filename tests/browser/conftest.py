"""One server, one browser and one page for all tests of this folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from kernel_sim_grader.course import read_course
from kernel_sim_grader.course_folder import LAB_SETTINGS_FILE, build_course

pytest.importorskip("playwright", reason="playwright is not installed")

from playwright.sync_api import sync_playwright

from .lab_page import LabPage, LabServer

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-dev-shm-usage"]
SIZE = {"width": 1280, "height": 1000}
VIEWS = """
from kernel_sim.notebook import boot, power_on, show_frames, show_screen
booted = boot("pc128", show=False)
chosen = []
screen = show_screen(booted)
frames = show_frames(booted, chosen.append)
"""


def notebook(*cells: str) -> nbformat.NotebookNode:
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c.strip()) for c in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3 (ipykernel)"}
    return made


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: apt-get install chromium")
    course = tmp_path_factory.mktemp("course")
    build_course(read_course(ROOT / "course.yml"), course, ["lab1"])
    work = tmp_path_factory.mktemp("work")
    shutil.copy(course / "source" / "lab1" / "lab1.ipynb", work / "lab1.ipynb")
    nbformat.write(notebook(VIEWS), work / "views.ipynb")
    settings = (course / LAB_SETTINGS_FILE).parent
    running = LabServer(work, tmp_path_factory.mktemp("home"), settings)
    yield running
    running.close()


@pytest.fixture(scope="session")
def lab(server: LabServer) -> Iterator[LabPage]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        yield LabPage(page, server)
        browser.close()


@pytest.fixture(autouse=True)
def nothing_foreign(request: pytest.FixtureRequest) -> Iterator[None]:
    """No request may leave this machine, and no script may fail."""
    yield
    if "lab" in request.fixturenames:
        lab: LabPage = request.getfixturevalue("lab")
        assert lab.foreign == []
        assert lab.errors == []
