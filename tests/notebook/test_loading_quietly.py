"""A notebook that is loaded runs its cells again: calls of this package do nothing then."""

import json
from pathlib import Path

import pytest

from kernel_sim.loading import load_plugin

CELLS = [
    "from kernel_sim import hookimpl\nfrom kernel_sim.notebook import *",
    "booted = boot('pc128')\nfor region in booted.regions:\n    print(region)",
    "print(f'{boot().first:#x}')",
    "verdict = check('lab1', 'classes')\nassert verdict.passed, verdict.message",
    "try_it(len, [], gives=0); hint('lab1'); check_all('lab1'); show_map('pc128'); dump(1, 2, 3)",
    "use('memmap', 'nobody')\npower_on('no such machine').cpu.load(0, 1)",
    "@hookimpl\ndef parse_memory_map(kernel, boot_info):\n    return []",
]


def test_calls_in_added_cells_neither_run_nor_fail_while_the_notebook_is_loaded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    cells = [{"cell_type": "code", "metadata": {}, "source": source} for source in CELLS]
    file = tmp_path / "lab.ipynb"
    file.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "cells": cells}))
    plugin = load_plugin(file)
    assert plugin.problems == ()
    assert plugin.roles == ("memmap",)
    assert capsys.readouterr().out.strip() == ""
