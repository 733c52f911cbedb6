"""Oops reports: the hook, the plugin, the student's own line, the last events, never our frames."""

import json
from pathlib import Path

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import FrameError, MachineStopped
from kernel_sim.host.oops import LAST_EVENTS, LINE_LIMIT, KernelOops, format_event
from kernel_sim.loading import load_plugin
from kernel_sim.values import Event

OURS = str(Path(__file__).parents[2] / "kernel_sim")


def plugin(**hooks):
    class Student:
        pass

    student = Student()
    for name, function in hooks.items():
        setattr(student, name, hookimpl(function))
    return student


def oops_of(hook, *arguments, **hooks):
    booted = boot(until="console", extras=[plugin(**hooks)])
    with pytest.raises(KernelOops) as caught:
        booted.call(hook, *arguments)
    return caught.value.oops


def test_any_exception_is_an_oops_with_the_students_line():
    def kmalloc(size):
        blocks = {}
        return blocks[size]

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert (oops.kind, oops.error, oops.message) == ("raised", "KeyError", "KeyError: 8")
    assert (oops.hook, oops.role, oops.plugin) == ("kmalloc", "heap", "Student")
    assert oops.file == __file__
    assert oops.source_line == "return blocks[size]"


def test_an_error_deep_in_our_code_is_reported_at_the_students_line():
    def kmalloc(kernel):
        return kernel.cpu.load(0x1000, 3)

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert oops.source_line == "return kernel.cpu.load(0x1000, 3)"
    assert OURS not in oops.file


def test_an_error_in_a_library_is_reported_at_the_students_line():
    def kmalloc():
        return json.loads("{")

    assert oops_of("kmalloc", 8, kmalloc=kmalloc).source_line == 'return json.loads("{")'


def test_the_innermost_line_of_the_plugin_counts():
    def helper():
        raise ValueError("deep")

    def kmalloc():
        return helper()

    assert oops_of("kmalloc", 8, kmalloc=kmalloc).source_line == 'raise ValueError("deep")'


def test_sys_exit_is_an_oops():
    def kmalloc():
        raise SystemExit(3)

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert (oops.kind, oops.message) == ("raised", "SystemExit: 3")


def test_a_keyboard_interrupt_is_none():
    def kmalloc():
        raise KeyboardInterrupt

    booted = boot(until="console", extras=[plugin(kmalloc=kmalloc)])
    with pytest.raises(KeyboardInterrupt):
        booted.call("kmalloc", 8)
    assert booted.host.running == []


def test_a_stopped_machine_is_an_oops_with_its_cause():
    def kmalloc():
        raise MachineStopped("panic: out of coffee")

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert (oops.kind, oops.message) == ("stopped", "panic: out of coffee")


def test_a_wrong_type_is_reported_where_the_function_begins():
    def kmalloc(size):
        return size / 2

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert oops.kind == "wrong_type"
    assert oops.message == "returned 4.0 (float), expected an address (int) or None"
    assert oops.line == kmalloc.__code__.co_firstlineno


def test_a_kernel_error_is_an_answer_and_no_oops():
    def pmm_free_frame(frame):
        raise FrameError(frame, "a frame in use", "DOUBLE_FREE")

    booted = boot(until="console", extras=[plugin(pmm_free_frame=pmm_free_frame)])
    with pytest.raises(FrameError) as caught:
        booted.call("pmm_free_frame", 0x1000)
    report = booted.report(caught.value)
    assert (report.hook, report.plugin, report.kind) == ("pmm_free_frame", "Student", "raised")
    assert report.source_line == 'raise FrameError(frame, "a frame in use", "DOUBLE_FREE")'
    assert booted.machine.trace.events[-1].fields["error"] == "FrameError DOUBLE_FREE"


def test_an_oops_in_an_inner_hook_is_not_swallowed_by_the_outer_one():
    def pmm_alloc_frame():
        raise RuntimeError("inner")

    def kmalloc(kernel):
        try:
            return kernel.hooks.pmm_alloc_frame()
        except Exception:  # noqa: BLE001 - what is tested
            return None

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc, pmm_alloc_frame=pmm_alloc_frame)
    assert (oops.hook, oops.message) == ("pmm_alloc_frame", "RuntimeError: inner")


def test_a_kernel_error_of_an_inner_hook_can_be_caught():
    def pmm_free_frame(frame):
        raise FrameError(frame)

    def kmalloc(kernel):
        try:
            kernel.hooks.pmm_free_frame(0)
        except FrameError:
            return 0x42

    booted = boot(until="console", extras=[plugin(kmalloc=kmalloc, pmm_free_frame=pmm_free_frame)])
    assert booted.call("kmalloc", 8) == 0x42


def test_the_report_holds_the_last_events_and_no_more():
    def kmalloc(kernel):
        for number in range(50):
            kernel.log("step", number=number)
        raise ValueError

    oops = oops_of("kmalloc", 8, kmalloc=kmalloc)
    assert len(oops.events) == LAST_EVENTS
    assert oops.events[-1].fields["number"] == 49


def test_the_text_of_a_report_has_no_frame_of_ours():
    def kmalloc(kernel):
        kernel.log("about_to_fail", address=0x1234)
        return kernel.hooks.no_such_hook()

    text = str(oops_of("kmalloc", 8, kmalloc=kmalloc))
    assert text.startswith("kernel oops in kmalloc (Student): AttributeError")
    assert "return kernel.hooks.no_such_hook()" in text
    assert "about_to_fail" in text
    assert "address=0x1234" in text
    assert OURS not in text
    assert "Traceback" not in text


def test_ipython_prints_the_report_in_the_place_of_a_traceback():
    def kmalloc():
        raise ValueError("x")

    booted = boot(until="console", extras=[plugin(kmalloc=kmalloc)])
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    assert caught.value._render_traceback_() == str(caught.value.oops).splitlines()


def test_a_report_is_plain_data():
    def kmalloc(kernel):
        kernel.log("values", raw=b"\x01", many=[1, {2: 3}])
        raise ValueError("x")

    data = json.loads(json.dumps(oops_of("kmalloc", 8, kmalloc=kmalloc).as_json()))
    assert data["kind"] == "raised"
    assert data["events"][-1]["raw"] == "01"


def test_an_oops_in_a_notebook_names_the_cell(tmp_path):
    path = tmp_path / "lab.ipynb"
    source = "from kernel_sim import hookimpl\n\n@hookimpl\ndef kmalloc(size):\n    return size.x\n"
    cells = [{"cell_type": "code", "metadata": {}, "source": text} for text in ("a = 1", source)]
    path.write_text(json.dumps({"cells": cells}), encoding="utf-8")
    booted = boot(until="console", extras=[load_plugin(path)])
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    oops = caught.value.oops
    assert (oops.file, oops.line, oops.source_line) == ("lab.ipynb, cell 2", 5, "return size.x")


def test_a_long_event_is_cut():
    assert len(format_event(Event(1, "log", {"text": "x" * 500}))) == LINE_LIMIT
