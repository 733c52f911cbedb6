"""The view of the kernel: what is shared, what is a plugin's own, and what can't be written."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot


class First:
    @hookimpl
    def kmalloc(self, kernel):
        kernel.state.note = "first"
        return 0x1000


class Second:
    @hookimpl
    def pmm_alloc_frame(self, kernel):
        return 0x1000 if hasattr(kernel.state, "note") else 0x2000


@pytest.fixture(scope="module")
def booted():
    return boot()


def test_the_state_is_a_plugins_own_and_the_rest_is_shared():
    run = boot(until="console", extras=[First(), Second()])
    run.call("kmalloc", 8)
    assert run.call("pmm_alloc_frame") == 0x2000
    first, second = (item.view for item in run.host.registrations)
    assert first.state is not second.state
    for name in ("cpu", "boot_info", "config", "console", "hooks"):
        assert getattr(first, name) is getattr(second, name)


def test_wrappers_and_chains_get_their_plugins_view_too():
    class Both:
        @hookimpl(wrapper=True)
        def pmm_alloc_frame(self, kernel):
            kernel.state.wrapped = True
            return (yield)

        @hookimpl
        def frame_refcount(self, kernel, frame):
            return frame if kernel.state.wrapped else 0

    run = boot(until="console", extras=[Both(), Second()])
    run.call("pmm_alloc_frame")
    assert run.call("frame_refcount", 5) == 5


def test_regions_are_a_copy(booted):
    booted.kernel.regions.clear()
    assert len(booted.kernel.regions) == 6


def test_the_root_is_cr3_without_its_flag_bits(booted):
    assert booted.kernel.root == booted.machine.cpu.cr3 & ~0xFFF


@pytest.mark.parametrize("name", ["cpu", "regions", "root", "anything"])
def test_a_view_cannot_be_written_to(booted, name):
    with pytest.raises(AttributeError, match=r"keep your own data in kernel\.state"):
        setattr(booted.kernel, name, 1)


def test_an_unknown_attribute_is_answered_with_the_nearest_right_one(booted):
    with pytest.raises(AttributeError, match=r"kernel has no 'hoks'; did you mean hooks\?"):
        _ = booted.kernel.hoks


def test_an_unknown_setting_is_answered_with_the_nearest_right_one(booted):
    with pytest.raises(AttributeError, match="did you mean heap_start"):
        _ = booted.kernel.config.heap_strat


def test_settings_cannot_be_changed_by_a_plugin(booted):
    with pytest.raises(AttributeError, match="can't be changed"):
        booted.kernel.config.heap_start = 0


def test_settings_are_known_by_name(booted):
    assert "physical_limit" in set(booted.kernel.config)
    assert booted.kernel.config.as_dict()["physical_limit"] == 0x7FE0000


def test_the_kernel_has_no_handle_on_raw_memory(booted):
    public = {name for name in dir(type(booted.kernel)) if not name.startswith("_")}
    assert public == {
        "boot_info",
        "config",
        "console",
        "cpu",
        "hooks",
        "log",
        "regions",
        "root",
        "state",
    }


def test_a_log_event_names_its_plugin_and_holds_plain_data(booted):
    class Strange:
        pass

    booted.kernel.log("found", where=0x1000, what=Strange(), many=(1, "two"), kind="x", plugin="y")
    event = booted.machine.trace.events[-1]
    assert event.kind == "log"
    assert event.fields == {
        "event": "found",
        "plugin": "kernel",
        "where": 0x1000,
        "what": "Strange",
        "many": [1, "two"],
        "kind_": "x",
        "plugin_": "y",
    }
