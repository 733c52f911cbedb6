"""Functions that call each other in a notebook: how deep the stack went, what stopped it."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.errors import InputError
from kernel_sim.notebook import boot, call_deep
from kernel_sim.notebook.booting import Booted


@pytest.fixture
def booted() -> Booted:
    return boot(machine="pc4", guard="reference", show=False)


def test_a_shallow_call_goes_through_and_says_how_far_the_stack_went(booted: Booted):
    sp = booted.machine.cpu.sp
    outcome = call_deep(booted, 10, locals_bytes=16)
    assert outcome
    assert outcome.lines == [f"the stack went from {sp:#x} down to {sp - 10 * 24:#x}"]
    assert booted.machine.cpu.sp == sp


def test_a_full_stack_is_stopped_at_its_guard_and_the_log_is_shown_with_names(booted: Booted):
    outcome = call_deep(booted, 400, locals_bytes=512)
    assert not outcome
    assert outcome.lines[0].startswith("double fault")
    (trace,) = [line for line in outcome.lines if line.startswith("log: fault_trace")]
    assert "level_" in trace
    assert "… 17 in all]" in trace
    assert any("screen: GUARD PAGE hit" in line for line in outcome.lines)


def test_a_damaged_frame_pointer_ends_the_chain_that_is_shown(booted: Booted):
    outcome = call_deep(booted, 3, address=0xDEAD_BEE0, damage="unmapped")
    assert any(line.endswith("frames=[level_3, level_2]") for line in outcome.lines)


def test_an_unknown_damage_is_answered_with_the_known_ones(booted: Booted):
    with pytest.raises(InputError, match="its-self"):
        call_deep(booted, 2, damage="its-self")


def test_a_feature_that_is_switched_off_at_boot_leaves_no_line():
    silent = boot(
        machine="pc4", guard="reference", config={"guard": False, "faultlog": False}, show=False
    )
    outcome = call_deep(silent, 2, address=0x8)
    assert [line for line in outcome.lines if line.startswith("log:")] == []
    assert "nobody handled it" in outcome.lines[0]


def test_a_plugin_without_observers_keeps_those_of_the_profile():
    class Guard:
        @hookimpl
        def install_guard(self, kernel, request):
            return kernel.state, request

        @hookimpl
        def remove_guard(self, kernel, region):
            return kernel.state, region

    config = {"guard": False}
    booted = boot(machine="pc4", guard=Guard(), config=config, show=False)
    outcome = call_deep(booted, 2, address=0xDEAD_BEE0)
    assert sum("fault_trace" in line for line in outcome.lines) == 1
