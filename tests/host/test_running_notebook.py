"""The running notebook as a plugin: cells that run again retire what they defined before."""

from types import SimpleNamespace

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kernel_sim.boot import boot
from kernel_sim.host.oops import KernelOops
from kernel_sim.host.running_notebook import RunningNotebook, watch_notebook
from kernel_sim.loading import load_plugin

IMPORT = "from kernel_sim import hookimpl\n"
ALLOC = IMPORT + "@hookimpl\ndef pmm_alloc_frame(kernel):\n    return 0x1000\n"


class Notebook:
    """Runs cells in a namespace, as a front end does."""

    def __init__(self):
        self.namespace = {}
        self.plugin = RunningNotebook(self.namespace)

    def run(self, cell_id, source):
        self.plugin.before_cell(cell_id)
        try:
            exec(compile(source, f"<{cell_id}>", "exec"), self.namespace)  # noqa: S102 - a cell
        except ZeroDivisionError:
            pass
        finally:
            self.plugin.after_cell(cell_id)

    def load(self):
        return load_plugin(self.plugin)


def test_functions_of_all_cells_are_one_plugin():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("b", "@hookimpl\ndef kmalloc(size):\n    return size\n")
    plugin = notebook.load()
    assert plugin.roles == ("pmm", "heap")
    assert plugin.name == "notebook"
    assert boot(until="console", extras=[notebook.plugin]).call("kmalloc", 24) == 24


def test_a_cell_that_runs_again_replaces_its_hooks():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("a", ALLOC.replace("0x1000", "0x2000"))
    assert boot(until="console", extras=[notebook.plugin]).call("pmm_alloc_frame") == 0x2000


def test_a_corrected_misspelling_is_forgotten():
    notebook = Notebook()
    notebook.run("a", ALLOC.replace("pmm_alloc_frame", "pmm_aloc_frame"))
    assert [problem.kind for problem in notebook.load().problems] == ["misspelt"]
    notebook.run("a", ALLOC)
    assert notebook.load().problems == ()
    assert notebook.load().roles == ("pmm",)


def test_a_hook_that_the_cell_no_longer_defines_is_gone():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("a", "x = 1\n")
    assert notebook.load().roles == ()


def test_a_cell_that_raises_has_retired_its_hooks_too():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("a", "1 / 0\n" + ALLOC)
    assert notebook.load().roles == ()


def test_another_cells_hooks_stay():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("b", "x = 1\n")
    notebook.run("b", "x = 2\n")
    assert notebook.load().roles == ("pmm",)


def test_a_hook_that_moves_to_another_cell_survives_the_first_ones_next_run():
    notebook = Notebook()
    notebook.run("a", ALLOC)
    notebook.run("b", ALLOC.replace("0x1000", "0x3000"))
    notebook.run("a", "x = 1\n")
    assert boot(until="console", extras=[notebook.plugin]).call("pmm_alloc_frame") == 0x3000


@pytest.fixture
def shell():
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def test_ipython_tells_of_its_cells(shell):
    notebook = watch_notebook(shell)
    shell.run_cell(ALLOC.replace("pmm_alloc_frame", "pmm_aloc_frame"), cell_id="a")
    assert [problem.kind for problem in notebook.loaded_plugin().problems] == ["misspelt"]
    shell.run_cell(ALLOC.replace("0x1000", "None.x"), cell_id="a")
    booted = boot(until="console", extras=[notebook])
    with pytest.raises(KernelOops) as caught:
        booted.call("pmm_alloc_frame")
    oops = caught.value.oops
    assert oops.source_line == "return None.x"
    assert oops.file.startswith("Cell In[")


def test_an_error_in_a_helper_of_another_cell_is_reported_at_the_helpers_line(shell):
    notebook = watch_notebook(shell)
    shell.run_cell("def helper(size):\n    return None.x")
    shell.run_cell("class Table:\n    def row(self):\n        return helper(1)")
    shell.run_cell(ALLOC.replace("0x1000", "Table().row()"))
    with pytest.raises(KernelOops) as caught:
        boot(until="console", extras=[notebook]).call("pmm_alloc_frame")
    assert caught.value.oops.source_line == "return None.x"


def test_a_helper_that_is_not_written_is_named(shell):
    notebook = watch_notebook(shell)
    shell.run_cell("def helper(size):\n    raise NotImplementedError()")
    shell.run_cell(ALLOC.replace("0x1000", "helper(1)"))
    with pytest.raises(KernelOops) as caught:
        boot(until="console", extras=[notebook]).call("pmm_alloc_frame")
    assert caught.value.oops.message == "helper is not written yet"


def test_a_front_end_without_cell_ids_is_told_apart_by_the_text(shell):
    notebook = watch_notebook(shell)
    shell.run_cell(ALLOC)
    shell.run_cell(ALLOC)
    assert notebook.loaded_plugin().roles == ("pmm",)
    assert SimpleNamespace(**shell.user_ns).pmm_alloc_frame(None) == 0x1000
