"""Every plugin of every role in every kernel: it boots, or it is refused with the reason."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.errors import InputError
from kernel_sim.host.needs import MODES, Needs, needs_of
from kernel_sim.loading import load_plugin, plugin_names
from kernel_sim.machine import machine_spec
from kernel_sim.profiles import profile, profile_names

CELLS = [
    (kernel, role, plugin)
    for kernel in profile_names()
    for role in profile(kernel).roles
    for plugin in plugin_names()
    if role in load_plugin(plugin).roles
]


def reason(kernel, plugin):
    """Why ``plugin`` does not fit into ``kernel``, or nothing."""
    spec = machine_spec(profile(kernel).machine)
    firmware = spec.firmware if spec.long_mode else "e820"
    steps = profile(kernel).steps
    return needs_of(load_plugin(plugin)).unmet(firmware, MODES[spec.long_mode], steps)


def without_needs(plugin):
    """The same plugin, which does not say what it needs."""
    return SimpleNamespace(**{**vars(load_plugin(plugin).plugin), "needs": None})


FITTING = [cell for cell in CELLS if not reason(cell[0], cell[2])]
OTHERS = [cell for cell in CELLS if reason(cell[0], cell[2])]


def well(result):
    """Whether the boot and every self-test went well."""
    return result.ok and all(test.passed for test in result.selftests)


@pytest.mark.parametrize(("kernel", "role", "plugin"), FITTING)
def test_a_plugin_that_fits_boots_and_passes_every_self_test(kernel, role, plugin):
    result = boot(kernel, roles={role: plugin})
    assert result.ok, result.oops
    assert [test for test in result.selftests if not test.passed] == []
    assert result.roles[role] == plugin


@pytest.mark.parametrize(("kernel", "role", "plugin"), OTHERS)
def test_a_plugin_that_does_not_fit_is_refused_with_the_reason(kernel, role, plugin):
    with pytest.raises(InputError) as refused:
        boot(kernel, roles={role: plugin})
    assert reason(kernel, plugin) in str(refused.value)
    assert refused.value.where == f"role {role}"


@pytest.mark.parametrize(("kernel", "role", "plugin"), OTHERS)
def test_what_is_refused_would_not_have_booted(kernel, role, plugin):
    try:
        result = boot(kernel, roles={role: without_needs(plugin)})
    except InputError:
        return
    assert not well(result)


def test_every_kernel_can_take_a_part_of_another():
    for kernel in profile_names():
        prefix = profile(kernel).name.replace("-", "_")
        strangers = [cell for cell in FITTING if cell[0] == kernel and prefix not in cell[2]]
        assert strangers, kernel


def test_the_command_refuses_with_one_line_and_status_2(capsys):
    assert run(["boot", "--profile", "bulldog", "--paging", "kernel_v_paging"]) == 2
    printed = capsys.readouterr().err
    assert printed.count("\n") == 1
    assert "is written for 32-bit mode" in printed


def test_a_plugin_that_says_nothing_is_tried(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("needs = 'coffee'\n", encoding="utf-8")
    assert needs_of(load_plugin(path)) == Needs()


def test_firmware_of_the_machine_counts_and_not_the_profile_s_own():
    spec = replace(machine_spec("boot512"), name="mine")
    assert boot("bulldog", spec, {"memmap": "bulldog_memmap"}).ok
