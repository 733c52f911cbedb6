"""A lab and its views in JupyterLab, by keyboard alone, with the kernel asked by another client."""

import pytest

from .lab_page import LabPage, LabServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser")]

PANEL = "[one for one in Out.values() if type(one).__name__ == 'SwapPanel'][-1]"
PAINTED = "[data-testid={}][data-paints]"


@pytest.fixture
def solved(lab: LabPage) -> LabPage:
    """Lab 1 with its reference solution, run from top to bottom."""
    lab.close_all()
    lab.open("lab1.ipynb")
    lab.run_all()
    return lab


@pytest.fixture
def views(lab: LabPage) -> LabPage:
    """A notebook that shows the screen and the frames of a booted machine, just run."""
    lab.close_all()
    lab.open("views.ipynb")
    lab.run_all()
    assert lab.error_outputs() == []
    lab.page.wait_for_selector(PAINTED.format("ksim-screen"))
    lab.page.wait_for_selector(PAINTED.format("ksim-frames"))
    return lab


def test_the_solved_lab_runs_from_top_to_bottom_and_passes_every_check(solved: LabPage):
    assert solved.error_outputs() == []
    shown = [str(output.get("data", {}).get("text/plain", "")) for output in solved.outputs()]
    assert any("45 of 45 points" in text for text in shown)


def test_the_courses_settings_are_in_force(views: LabPage):
    kernel = "jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    assert views.page.evaluate(f"() => {kernel}.commsOverSubshells") == "disabled"


def choose(lab: LabPage, wanted: str) -> None:
    """Choose ``wanted`` by arrow keys in the list that has the focus."""
    lab.page.keyboard.press("Home")
    names = lab.page.evaluate("() => [...document.activeElement.options].map(one => one.text)")
    labels = [name.replace("\xa0", " ") for name in names]
    for _ in range(labels.index(wanted)):
        lab.page.keyboard.press("ArrowDown")
    assert lab.page.evaluate("() => document.activeElement.value") == wanted


def test_the_panel_swaps_the_parser_and_boots_another_machine_by_keyboard(
    solved: LabPage, server: LabServer
):
    page = solved.page
    page.wait_for_selector(".ksim-panel[data-lm-suppress-shortcuts]")
    page.locator(".ksim-panel-machine select").focus()
    choose(solved, "pc-nasty")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    choose(solved, "kernel_v_memmap")
    asked = f"({PANEL}.choice.machine, {PANEL}.choice.plugins['memmap'])"
    server.wait_for("lab1.ipynb", asked, "('pc-nasty', 'kernel_v_memmap')")
    for _ in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Boot"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(f".ksim-panel {PAINTED.format('ksim-frames')}")
    page.wait_for_function(
        "() => document.querySelector('.ksim-panel-status').textContent.includes('pc-nasty')"
    )
    said = page.locator(".ksim-panel-status").inner_text()
    assert "everything firmware gets wrong" in said
    assert "memmap from kernel_v_memmap" in said
    assert "45 of 45 points" in said
    screen = page.locator(".ksim-panel [data-testid=ksim-screen-canvas]").get_attribute(
        "aria-label"
    )
    assert screen is not None
    assert "booting on pc-nasty" in screen or "[SELFTEST]" in screen
    assert "kernel's table" in page.locator(".ksim-panel-regions").inner_text()
    booted = f"{PANEL}.booted.result"
    asked = f"({booted}.machine.spec.name, {booted}.roles['memmap'], {booted}.oops)"
    assert server.ask_kernel("lab1.ipynb", asked) == "('pc-nasty', 'kernel_v_memmap', None)"


def test_keys_on_a_view_are_no_shortcuts_of_the_notebook(views: LabPage):
    page = views.page
    count = "() => jupyterapp.shell.currentWidget.content.model.cells.length"
    for view in ("ksim-screen-canvas", "ksim-frames-canvas"):
        page.get_by_test_id(view).focus()
        for key in ("d", "d", "x", "a", "b", "m", "ArrowDown"):
            page.keyboard.press(key)
        assert page.evaluate("() => document.activeElement.dataset.testid") == view
    assert page.evaluate(count) == 1


def test_a_cell_of_the_screen_is_told_by_the_arrow_keys(views: LabPage):
    page = views.page
    page.get_by_test_id("ksim-screen-canvas").focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    status = page.get_by_test_id("ksim-screen-status").inner_text()
    assert "row 0, column 1, address 0xb8002" in status
    assert "character 0x65 'e', light grey on black" in status


def test_the_frame_map_is_zoomed_to_one_frame_and_asks_python_by_keyboard(
    views: LabPage, server: LabServer
):
    page = views.page
    frames = page.get_by_test_id("ksim-frames")
    page.get_by_test_id("ksim-frames-canvas").focus()
    for _ in range(17):
        page.keyboard.press("ArrowRight")
    for bits in (13, 11, 9):
        page.keyboard.press("+")
        page.wait_for_selector(f"[data-testid=ksim-frames][data-bits='{bits}']")
    assert frames.get_attribute("data-chosen") == "17"
    page.keyboard.press("Enter")
    answer = page.get_by_test_id("ksim-frames-answer").get_by_text("frame 17")
    answer.wait_for()
    assert (
        answer.inner_text()
        == "frame 17, address 0x11000: kernel image, kernel-image, tags dma-safe"
    )
    asked = "[(info.frame, info.owner) for info in chosen]"
    assert server.ask_kernel("views.ipynb", asked) == "[(17, 'kernel-image')]"
    page.keyboard.press("0")
    page.wait_for_selector("[data-testid=ksim-frames][data-bits='15'][data-chosen='17']")


def test_frames_that_a_later_cell_takes_are_seen_with_few_messages(
    views: LabPage, server: LabServer
):
    page = views.page
    before = int(page.get_by_test_id("ksim-frames").get_attribute("data-paints") or 0)
    first = server.ask_kernel("views.ipynb", "booted.call('pmm_alloc_frame') // 4096")
    page.evaluate(
        """async () => {
          const kernel = jupyterapp.shell.currentWidget.sessionContext.session.kernel;
          const code = "for _ in range(20000): booted.call('pmm_alloc_frame')";
          const done = await kernel.requestExecute({code}).done;
          if (done.content.status !== "ok") throw new Error(done.content.evalue);
        }"""
    )
    page.get_by_test_id("ksim-frames").get_by_text("As text").click()
    page.get_by_test_id("ksim-frames-text").get_by_text("used 20135").wait_for()
    assert int(page.get_by_test_id("ksim-frames").get_attribute("data-paints") or 0) > before
    page.get_by_test_id("ksim-frames-canvas").focus()
    for _ in range(4):
        page.keyboard.press("PageDown")
    status = page.get_by_test_id("ksim-frames-status").inner_text()
    assert status.startswith(f"frame {32 * 256}, address 0x2000000: used"), (status, first)
    assert 1 <= int(server.ask_kernel("views.ipynb", "frames.patch_count")) < 300


def test_a_saved_notebook_shows_its_views_when_it_is_opened_again(views: LabPage):
    page = views.page
    views.save()
    views.close_all()
    assert page.locator("[data-testid=ksim-screen]").count() == 0
    views.open("views.ipynb")
    page.wait_for_selector(PAINTED.format("ksim-screen"))
    page.wait_for_selector(PAINTED.format("ksim-frames"))
    label = page.get_by_test_id("ksim-screen-canvas").get_attribute("aria-label")
    assert label is not None
    assert "booting on pc128" in label
