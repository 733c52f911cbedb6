"""Loading plugins from names, files, notebooks and objects."""

import json
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from kernel_sim import hookimpl
from kernel_sim.errors import InputError
from kernel_sim.host.budget import Budget
from kernel_sim.loading import LoadedPlugin, load_plugin, load_text, plugin_names

ROOT = Path(__file__).parents[2]
GOOD = """
from kernel_sim import hookimpl

@hookimpl
def pmm_alloc_frame(kernel):
    return 0x1000

@hookimpl
def selftest(kernel):
    return None
"""


def load(tmp_path, source, name="mine.py"):
    path = tmp_path / name
    path.write_text(source, encoding="utf-8")
    return load_plugin(path)


def kinds(plugin):
    return [problem.kind for problem in plugin.problems]


def test_every_reference_plugin_is_an_entry_point_and_loads_without_a_problem():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    declared = project["project"]["entry-points"]["kernel_sim"]
    assert set(declared) <= set(plugin_names())
    for name, module in declared.items():
        plugin = load_plugin(name)
        assert plugin.plugin.__name__ == module
        assert plugin.problems == ()


def test_a_named_module_that_was_changed_is_looked_through_anew(monkeypatch):
    before = load_plugin("kernel_v_pmm")
    assert load_plugin("kernel_v_pmm") is before
    monkeypatch.delattr(before.plugin, "pmm_alloc_frame")
    assert not load_plugin("kernel_v_pmm").implements("pmm_alloc_frame")
    monkeypatch.undo()
    assert load_plugin("kernel_v_pmm").implements("pmm_alloc_frame")


def test_a_python_file_is_a_plugin(tmp_path):
    plugin = load(tmp_path, GOOD)
    assert (plugin.name, plugin.roles, plugin.problems) == ("mine", ("pmm",), ())
    assert plugin.implements("pmm_alloc_frame")
    assert plugin.files == {str(tmp_path / "mine.py")}


def test_a_path_may_be_text(tmp_path):
    load(tmp_path, GOOD)
    assert load_plugin(str(tmp_path / "mine.py")).roles == ("pmm",)


def test_a_module_and_an_instance_are_plugins():
    class Heap:
        @hookimpl
        def kmalloc(self, kernel, size):
            return size if kernel else None

    module = ModuleType("package.mine")
    module.kmalloc = hookimpl(lambda size: size)
    assert load_plugin(Heap()).roles == ("heap",)
    assert load_plugin(Heap()).name == "Heap"
    assert load_plugin(module).name == "mine"


def test_a_loaded_plugin_is_passed_through(tmp_path):
    plugin = load(tmp_path, GOOD)
    assert load_plugin(plugin) is plugin


def test_a_file_imports_modules_that_lie_beside_it(tmp_path):
    (tmp_path / "beside_it_ksim.py").write_text("FRAME = 0x9000", encoding="utf-8")
    before = list(sys.path)
    plugin = load(tmp_path, "import beside_it_ksim\n" + GOOD)
    assert plugin.plugin.beside_it_ksim.FRAME == 0x9000
    assert sys.path == before


def test_dataclasses_with_text_annotations_work_in_a_file(tmp_path):
    source = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Block:\n    size: int\n"
    )
    assert load(tmp_path, source + GOOD.replace("from kernel_sim", "\nfrom kernel_sim")).roles


@pytest.mark.parametrize(
    ("source", "message", "line"),
    [
        ("x = 1\n1 / 0\n", "ZeroDivisionError: division by zero", 2),
        ("x = 1\ndef f(:\n", "SyntaxError", 2),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3", 2),
        ("import nowhere_at_all\n", "ModuleNotFoundError", 1),
        ("def f():\n    raise KeyError('x')\nf()\n", "KeyError: 'x'", 2),
    ],
)
def test_a_file_that_raises_gives_a_plugin_with_the_problem(tmp_path, source, message, line):
    plugin = load(tmp_path, source)
    assert plugin.roles == ()
    (problem,) = plugin.problems
    assert problem.kind == "raised"
    assert message in problem.message
    assert problem.location.line == line
    assert problem.location.source_line == source.splitlines()[line - 1].strip()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.py", None, "there is no such file"),
        ("text.txt", b"", "there is no such file|is no plugin file"),
        ("latin.py", b"x = '\xe9'", "is no text in UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_input_error(tmp_path, name, content, message):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load_plugin(path)


def test_an_unknown_name_is_answered_with_the_nearest_right_one():
    with pytest.raises(InputError, match="did you mean kernel_v_memmap"):
        load_plugin("kernel_v_memap")


# --- friendly answers -----------------------------------------------------------------------------


def test_a_misspelt_hook_is_answered_with_the_nearest_right_name(tmp_path):
    plugin = load(tmp_path, GOOD.replace("pmm_alloc_frame", "pmm_aloc_frame"))
    assert kinds(plugin) == ["misspelt"]
    problem = plugin.problems[0]
    assert problem.message == "there is no hook 'pmm_aloc_frame'; did you mean pmm_alloc_frame?"
    assert problem.location.line == 5
    assert problem.location.source_line == "def pmm_aloc_frame(kernel):"
    assert plugin.implements("selftest")


def test_a_wrong_parameter_is_answered_with_the_right_ones(tmp_path):
    plugin = load(
        tmp_path, GOOD.replace("def pmm_alloc_frame(kernel)", "def kmalloc(kernel, sise)")
    )
    assert kinds(plugin) == ["wrong_parameters"]
    assert plugin.problems[0].message == (
        "kmalloc(kernel, size, align) passes no 'sise'; did you mean size?"
    )
    assert plugin.roles == ()


def test_a_wrapper_that_does_not_yield_is_refused(tmp_path):
    plugin = load(tmp_path, GOOD.replace("@hookimpl\ndef pmm", "@hookimpl(wrapper=True)\ndef pmm"))
    assert kinds(plugin) == ["wrong_wrapper"]


def test_a_hook_without_the_mark_is_pointed_out(tmp_path):
    plugin = load(tmp_path, GOOD.replace("@hookimpl\ndef pmm", "def pmm"))
    assert kinds(plugin) == ["unmarked"]
    assert "pmm_alloc_frame" in plugin.problems[0].message


def test_two_functions_for_one_hook_are_refused(tmp_path):
    more = "\n@hookimpl(specname='pmm_alloc_frame')\ndef second(kernel):\n    return None\n"
    assert kinds(load(tmp_path, GOOD + more)) == ["duplicate"]


def test_an_optional_unknown_hook_is_no_problem(tmp_path):
    more = "\n@hookimpl(optionalhook=True)\ndef hook_of_tomorrow(kernel):\n    return None\n"
    assert load(tmp_path, GOOD + more).problems == ()


def test_specname_gives_a_function_another_hooks_name(tmp_path):
    plugin = load(
        tmp_path,
        GOOD.replace(
            "@hookimpl\ndef pmm_alloc_frame", "@hookimpl(specname='pmm_alloc_frame')\ndef take"
        ),
    )
    assert plugin.implements("pmm_alloc_frame")
    assert plugin.problems == ()


# --- notebooks ------------------------------------------------------------------------------------


def cell(source, *tags):
    return {"cell_type": "code", "metadata": {"tags": list(tags)}, "source": source}


def notebook(*cells):
    return json.dumps({"cells": list(cells), "nbformat": 4, "nbformat_minor": 5})


def test_a_notebooks_cells_share_one_namespace(tmp_path):
    text = notebook(
        cell("from kernel_sim import hookimpl\nFRAME = 0x3000"),
        cell("%time\n@hookimpl\ndef pmm_alloc_frame(kernel):\n    return FRAME"),
        cell("raise RuntimeError('a demonstration')", "ksim-skip"),
    )
    plugin = load(tmp_path, text, "lab.ipynb")
    assert (plugin.roles, plugin.problems) == (("pmm",), ())
    assert plugin.plugin.pmm_alloc_frame(None) == 0x3000


def test_a_cell_that_raises_is_reported_and_passed_over(tmp_path):
    text = notebook(cell("x = 1"), cell("y = 1\nunknown"), cell(GOOD))
    plugin = load(tmp_path, text, "lab.ipynb")
    assert plugin.roles == ("pmm",)
    assert str(plugin.problems[0]) == (
        "lab.ipynb, cell 2, line 2: NameError: name 'unknown' is not defined"
    )
    assert plugin.problems[0].location.source_line == "unknown"


def test_text_is_a_plugin_without_a_file():
    assert load_text(GOOD, "handed_in.py").roles == ("pmm",)
    assert load_text(notebook(cell(GOOD)), "handed_in.ipynb").roles == ("pmm",)


def test_an_endless_cell_is_stopped(tmp_path):
    path = tmp_path / "endless.py"
    path.write_text("x = 1\nwhile True:\n    pass\n", encoding="utf-8")
    plugin = load_plugin(path, Budget(seconds=0.2))
    assert "more than 0.2 seconds used" in plugin.problems[0].message
    assert plugin.problems[0].location.line in {2, 3}


def test_two_loads_of_one_file_are_two_plugins(tmp_path):
    first, second = load(tmp_path, GOOD), load(tmp_path, GOOD)
    assert isinstance(first, LoadedPlugin)
    assert first.plugin is not second.plugin
