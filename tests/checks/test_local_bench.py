import json

import pytest

from kernel_sim import MemoryRegion, RegionKind, hookimpl
from kernel_sim.checks.bench import Operation, Ref, Scenario
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.errors import KernelError
from kernel_sim.machine import machine_spec

PC128 = machine_spec("pc128")
NO_ENTRIES = []
REGION = MemoryRegion(0x10_0000, 0x1000, RegionKind.AVAILABLE, 1)


def bench_of(**hooks):
    plugin = type("Plugin", (), {name: staticmethod(hookimpl(f)) for name, f in hooks.items()})
    return LocalBench(plugin(), ["memmap"])


def failure_of(hook, *args, **hooks):
    run = bench_of(**hooks).boot(Scenario(PC128, until="console"))
    return run.call(hook, *args).failure


def test_a_hook_of_a_later_boot_step_can_be_called():
    run = LocalBench("kernel_v_memmap", ["memmap"]).boot(Scenario(PC128, until="console"))
    assert run.booted.ok
    assert len(run.call("parse_memory_map", run.boot_info).value) == 6
    assert run.regions == []


def test_the_screen_the_memory_and_the_trace_can_be_read():
    run = LocalBench("kernel_v_memmap", ["memmap"]).boot(Scenario(PC128, until="memmap"))
    assert any("0x0000000000100000" in row for row in run.screen())
    assert run.ram.load(0x2004, 2) == 6
    assert any(event.kind == "hook" for event in run.events())
    assert len(run.regions) == 6


def test_a_reference_stands_for_an_earlier_result():
    run = bench_of(
        parse_memory_map=lambda: [REGION], describe_region=lambda region: hex(region.base)
    ).boot(Scenario(PC128, until="console"))
    line, again = run.batch(
        [Operation("describe_region", (REGION,)), Operation("describe_region", (Ref(0),))]
    )
    assert line.value == "0x100000"
    assert again.failure.kind == "wrong_type"


def test_an_operation_on_a_failed_result_gets_the_same_failure():
    def refuses():
        raise KernelError(1)

    run = bench_of(parse_memory_map=refuses, describe_region=lambda: "").boot(
        Scenario(PC128, until="console")
    )
    first, second = run.batch(
        [
            Operation("parse_memory_map", (run.boot_info,)),
            Operation("describe_region", (Ref(0),)),
        ]
    )
    assert first.failure.kind == "raised"
    assert second == first


def test_each_way_to_fail_has_its_kind():
    def refuses():
        raise KernelError(1)

    def crashes():
        return NO_ENTRIES[1]

    def leaves():
        raise SystemExit

    for hook, kind, error in (
        (refuses, "raised", "KernelError"),
        (crashes, "oops", "IndexError"),
        (leaves, "oops", "SystemExit"),
    ):
        failure = failure_of("parse_memory_map", None, parse_memory_map=hook)
        assert (failure.kind, failure.error) == (kind, error)
    assert failure_of("parse_memory_map", None, parse_memory_map=lambda: 5).kind == "wrong_type"


def test_a_crash_names_the_line():
    def crashes():
        return NO_ENTRIES[1]

    failure = failure_of("parse_memory_map", None, parse_memory_map=crashes)
    assert failure.source_line.strip() == "return NO_ENTRIES[1]"


def test_a_hook_that_the_plugin_lacks_is_missing_though_the_kernel_has_its_own():
    failure = failure_of("describe_region", REGION, parse_memory_map=lambda: [REGION])
    assert failure.kind == "missing"


@pytest.mark.parametrize(
    ("header", "answer"),
    [
        ("@hookimpl\ndef parse_memorymap(kernel, boot_info)", "did you mean parse_memory_map?"),
        ("@hookimpl\ndef parse_memory_map(kernel, info)", "did you mean boot_info?"),
        ("def parse_memory_map(kernel, boot_info)", "not marked with @hookimpl"),
    ],
)
def test_a_hook_that_is_missing_by_mistake_is_answered_with_the_mistake(tmp_path, header, answer):
    path = tmp_path / "mine.py"
    other = "@hookimpl\ndef describe_region(region):\n    return ''\n"
    for rest in (other, ""):
        path.write_text(f"from kernel_sim import hookimpl\n\n{rest}\n{header}:\n    return []\n")
        bench = LocalBench(str(path), ["memmap"])
        failure = bench.boot(Scenario(PC128, until="console")).call("parse_memory_map").failure
        assert failure.kind == "missing"
        assert answer in failure.message
        assert failure.source_line == f"{header.splitlines()[-1]}:"


def test_a_hook_whose_cell_raised_is_answered_with_what_it_raised(tmp_path):
    path = tmp_path / "lab.ipynb"
    cells = [
        "from kernel_sim import hookimpl\n@hookimpl\ndef describe_region(region):\n    return ''",
        "@hookimpl\ndef parse_memory_map(kernel, boot_info)\n    return []",
    ]
    path.write_text(
        json.dumps({"cells": [{"cell_type": "code", "source": source} for source in cells]})
    )
    run = LocalBench(str(path), ["memmap"]).boot(Scenario(PC128, until="console"))
    failure = run.call("parse_memory_map", None).failure
    assert failure.kind == "load"
    assert "SyntaxError" in failure.message


def test_a_plugin_without_hooks_does_not_load():
    class Nothing:
        pass

    bench = LocalBench(Nothing(), ["memmap"])
    assert bench.loaded.failure.kind == "load"
    run = bench.boot(Scenario(PC128))
    assert run.call("parse_memory_map", None) == bench.loaded
    assert run.batch([Operation("parse_memory_map")]) == [bench.loaded]


def test_an_endless_loop_is_stopped():
    def loops():
        while True:
            pass

    assert failure_of("parse_memory_map", None, parse_memory_map=loops).kind == "budget"


def test_module_globals_survive_a_boot_but_not_a_new_bench(tmp_path):
    path = tmp_path / "counting.py"
    path.write_text(
        "from kernel_sim import hookimpl\nboots = []\n\n"
        "@hookimpl\ndef describe_region(region):\n    boots.append(1)\n    return str(len(boots))\n"
    )
    for _ in range(2):
        bench = LocalBench(str(path), ["memmap"])
        lines = [
            bench.boot(Scenario(PC128, until="console")).call("describe_region", REGION).value
            for _ in range(2)
        ]
        bench.close()
        assert lines == ["1", "2"]
