"""The command line: names, statuses, one clear line, and only JSON where JSON is asked for."""

import json
import os
import re
import subprocess
import sys

import pytest

from kernel_sim import __version__
from kernel_sim.cli.commands import COMMANDS, GRADER_COMMANDS, load_app
from kernel_sim.cli.main import run

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def ksim(capsys, *arguments):
    """Status, standard output and standard error of one command."""
    status = run(arguments)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def wrong(capsys, *arguments):
    """The one line that a wrong command is answered with."""
    status, out, err = ksim(capsys, *arguments)
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("ksim: ")
    return err


def test_help_lists_every_command(capsys):
    status, out, _ = ksim(capsys, "--help")
    assert status == 0
    for name, (_, line) in COMMANDS.items():
        assert re.search(rf"^ {name} +{re.escape(line[:40])}", ANSI.sub("", out), re.MULTILINE)


def test_help_imports_no_command_and_no_machine():
    code = (
        "import sys\n"
        "from kernel_sim.cli.main import run\n"
        "assert run(['--help']) == 0\n"
        "loaded = [name for name in sys.modules if name.startswith('kernel_sim.')]\n"
        "heavy = ('kernel_sim.machine', 'kernel_sim.boot')\n"
        "assert not [name for name in loaded if name.startswith(heavy)]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_takes_less_than_a_moment():
    """Processor time, which others at work on the machine do not lengthen by much."""
    command = [sys.executable, "-c", "from kernel_sim.cli.main import main; main(['--help'])"]
    taken = []
    for _ in range(3):
        before = os.times()
        subprocess.run(command, capture_output=True, check=True)
        after = os.times()
        used = after.children_user + after.children_system
        taken.append(used - before.children_user - before.children_system)
    assert min(taken) < 0.3


def test_the_version_is_printed(capsys):
    assert ksim(capsys, "--version") == (0, f"kernel-sim {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_its_line_is_its_docstring(capsys, name):
    status, out, _ = ksim(capsys, name, "--help")
    assert status == 0
    shown = " ".join(re.sub(r"[│╭╮╰╯─]", " ", ANSI.sub("", out)).split())
    assert COMMANDS[name][1] in shown


def test_every_command_has_a_typer_app():
    for name in COMMANDS:
        assert type(load_app(name)).__name__ == "Typer"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bot",), "no command is called 'bot'; did you mean boot?"),
        (("boot", "--fail"), "--fail"),
        (("boot", "--machine", "pc127"), "pc128"),
        (("boot", "--machine", "none.json"), "none.json"),
        (("boot", "--profile", "kernel"), "did you mean kernel-v?"),
        (("boot", "--pmm", "kernel_v_pmn"), "did you mean kernel_v_pmm?"),
        (("boot", "--pmm", "none.py"), "none.py: there is no such file"),
        (("boot", "--until", "heep"), "did you mean heap?"),
        (("boot", "--set", "demand_pageing=on"), "did you mean demand_paging?"),
        (("boot", "--set", "x"), "--set: 'x' is no setting; expected NAME=VALUE"),
        (("boot", "--seed", "three"), "--seed"),
        (("boot", "--machine", "map-52"), "the map describes no available memory"),
    ],
)
def test_wrong_usage_is_answered_with_one_line_and_status_2(capsys, arguments, message):
    assert message in wrong(capsys, *arguments)


@pytest.mark.parametrize("name", GRADER_COMMANDS)
def test_a_command_of_the_missing_grader_says_what_to_install(capsys, monkeypatch, name):
    monkeypatch.setattr("kernel_sim.cli.commands.installed_commands", dict)
    assert wrong(capsys, name) == f"ksim: ksim {name}: install kernel-sim-grader\n"


def test_ctrl_c_ends_with_one_line(capsys, monkeypatch):
    def interrupted(*_arguments, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kernel_sim.boot.boot", interrupted)
    assert ksim(capsys, "boot") == (130, "", "ksim: stopped\n")


def test_a_closed_pipe_is_no_error():
    command = f"{sys.executable} -m kernel_sim.cli.main machines --json | head -c 10"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - our own text
    assert done.stderr == ""


# --- boot -----------------------------------------------------------------------------------------


def test_boot_in_json_has_the_golden_figures(capsys):
    arguments = ("boot", "--profile", "kernel-v", "--machine", "pc128", "--json")
    status, out, err = ksim(capsys, *arguments)
    document = json.loads(out)
    assert (status, err) == (0, "")
    assert document["frames"]["usable"] == 32639
    assert document["first_frames"][:2] == [0x100000, 0x101000]
    assert all(test["passed"] for test in document["selftests"])


def test_boot_for_people_shows_everything(capsys):
    status, out, _ = ksim(capsys, "boot")
    assert status == 0
    for text in ("✓ console", "AVAILABLE", "32,639 usable", "0x100000 0x101000", "VGA", "passed"):
        assert text in out
    assert "│ [MEMORY MAP] BIOS provided 6 entries:" in out


def test_seeds_settings_and_steps_reach_the_boot(capsys):
    arguments = ("boot", "--seed", "7", "--until", "heap", "--set", "heap_start=0xC1800000")
    document = json.loads(ksim(capsys, *arguments, "--set", "demand_paging=on", "--json")[1])
    assert document["seed"] == 7
    assert document["steps"][-1] == {"name": "heap", "ok": True}
    assert document["roles"]["heap"] == "kernel_v_heap"


def test_a_plugin_file_fills_its_role(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from kernel_sim import hookimpl\nprint('loading')\n"
        "@hookimpl\ndef parse_memory_map():\n    print('parsing')\n"
        "    return [(0x100000, 0x400000, 'AVAILABLE')]\n",
        encoding="utf-8",
    )
    arguments = ("boot", "--memmap", str(path), "--until", "memmap", "--json")
    status, out, err = ksim(capsys, *arguments)
    assert status == 0
    assert json.loads(out)["roles"] == {"memmap": "mine"}
    assert json.loads(out)["frames"]["usable"] == 0x400
    assert err.split() == ["loading", "parsing"]


def test_a_failed_boot_is_a_report_with_status_1(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        "from kernel_sim import hookimpl\n"
        "@hookimpl\ndef parse_memory_map(kernel):\n    return kernel.missing\n",
        encoding="utf-8",
    )
    status, out, err = ksim(capsys, "boot", "--memmap", str(path))
    assert (status, err) == (1, "")
    assert "kernel oops in parse_memory_map (mine): AttributeError: kernel has no 'missing'" in out
    assert "return kernel.missing" in out
    assert "✗ memmap" in out
    assert "Traceback" not in out


def test_source_that_does_not_load_says_why_and_what_it_lacks(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("def broken(:\n", encoding="utf-8")
    status, out, _ = ksim(capsys, "boot", "--memmap", str(path))
    assert status == 1
    assert "mine has no parse_memory_map" in " ".join(out.split())
    assert "SyntaxError" in out


def test_a_machine_may_be_a_json_file(capsys, tmp_path):
    path = tmp_path / "small.json"
    entries = [
        {"base": 0, "length": 0x9F000, "type": 1},
        {"base": 0x100000, "length": 0x400000, "type": 1},
    ]
    document = {"id": 1, "machine": "small", "source": "a test", "kind": "raw", "entries": entries}
    path.write_text(json.dumps(document), encoding="utf-8")
    status, out, _ = ksim(capsys, "boot", "--machine", str(path), "--json")
    assert status == 0
    assert json.loads(out)["frames"]["usable"] == 0x9F + 0x400


# --- machines and plugins -------------------------------------------------------------------------


def test_machines_lists_presets_and_all_real_maps(capsys):
    rows = json.loads(ksim(capsys, "machines", "--json")[1])["machines"]
    by_name = {row["name"]: row for row in rows}
    assert {"pc4", "pc128", "pc-nasty"} < set(by_name)
    assert len([name for name in by_name if name.startswith("map-")]) == 52
    assert by_name["pc128"]["bootable"]["kernel-v"] is True
    assert by_name["map-52"]["bootable"]["kernel-v"] == "the map describes no available memory"
    assert set(by_name["pc4"]) >= {"name", "ram_bytes", "firmware", "entries", "bootable"}


def test_machines_for_people_is_a_table(capsys):
    status, out, _ = ksim(capsys, "machines")
    assert status == 0
    assert re.search(r"pc128 +128\.0 MiB +e820 +6 +kernel-v", out)
    assert re.search(r"boot512 +512\.0 MiB +bootinfo +10 +bulldog", out)
    assert re.search(r"map-52 .* no: ", out)


def test_plugins_lists_every_reference_with_roles_and_requirements(capsys):
    rows = json.loads(ksim(capsys, "plugins", "--json")[1])["plugins"]
    by_name = {row["name"]: row for row in rows}
    assert by_name["kernel_v_pmm"]["roles"] == ["pmm"]
    assert by_name["kernel_v_pmm"]["origin"] == "kernel_sim_kernel_v.pmm"
    assert {f"KV-{number}" for number in range(9, 19)} <= set(
        by_name["kernel_v_pmm"]["requirements"]
    )
    assert all(row["problem"] == "" for row in rows)


def test_plugins_for_people_is_a_table(capsys):
    status, out, _ = ksim(capsys, "plugins")
    assert status == 0
    assert re.search(r"kernel_v_heap +heap +selftest", out)
