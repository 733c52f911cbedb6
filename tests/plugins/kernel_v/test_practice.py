"""KV-40 to KV-47: toggles, modules, rationale, self-tests, tracing, exchange; golden figures."""

import importlib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from kernel_sim import MachineStopped, RegionKind, hookimpl
from kernel_sim.boot import boot
from kernel_sim.machine import machine_names, machine_spec
from kernel_sim_kernel_v import faultlog, memviz, pmm, refcounts, tags

PACKAGE = Path(pmm.__file__).parent
DOCUMENT = Path(__file__).parents[3] / "docs" / "reference" / "kernel-v.md"
ENHANCEMENTS = ("memviz", "refcounts", "faultlog", "tags")
HEAPS = ("best_fit", "buddy", "bump", "segregated")  # they take the place of `heap` when chosen
REFERENCES = [p.name for p in entry_points(group="kernel_sim") if p.name.startswith("kernel_v_")]
BOOTABLE = [name for name in machine_names() if machine_spec(name).bootable() is None]


def write_to_nowhere(run):
    with pytest.raises(MachineStopped):
        run.machine.cpu.store(0xDEAD_BEEF, 4, 1)


@pytest.mark.parametrize("loaded", [True, False])
def test_kv_40_what_is_switched_off_has_no_effect(loaded):
    off = dict.fromkeys(ENHANCEMENTS, False)
    extras = [f"kernel_v_{name}" for name in ENHANCEMENTS] if loaded else None
    run = boot(machine="pc128", config=off, extras=extras)
    hooks = run.kernel.hooks
    assert run.oops is None
    assert hooks.render_memory(80, 25) is None
    assert hooks.frame_refcount(0x10_0000) is None
    assert hooks.region_tags() == []
    write_to_nowhere(run)
    assert not [e for e in run.machine.trace.events if e.fields.get("event") == "fault_trace"]
    assert not {"memviz", "refcounts", "faultlog", "tags"} & {s.name for s in run.selftests}


def test_kv_40_a_switched_off_pager_passes_the_fault_on():
    run = boot(machine="pc128", extras=["kernel_v_pager"])
    assert run.oops is None
    with pytest.raises(MachineStopped):
        run.machine.cpu.store(0xC150_1234, 4, 1)


def test_kv_40_without_guards_the_boot_stack_stays():
    run = boot(machine="pc128", config={"guard": False})
    assert run.oops is None
    assert run.machine.cpu.sp in range(0x9_0000, 0x9_FB01)


def test_kv_40_watching_changes_nothing_that_the_kernel_sees():
    def frames(config):
        run = boot(machine="pc128", config=config)
        return run.kernel.hooks.pmm_stats(), run.kernel.hooks.heap_stats(), run.first_frames

    assert frames({}) == frames(dict.fromkeys(ENHANCEMENTS, False))


def test_kv_41_each_enhancement_is_a_module_of_its_own():
    assert {f"kernel_v_{name}" for name in (*ENHANCEMENTS, "guard", "pager")} <= set(REFERENCES)
    for point in entry_points(group="kernel_sim"):
        if point.name.startswith("kernel_v_"):
            assert point.value == f"kernel_sim_kernel_v.{point.name.removeprefix('kernel_v_')}"


@pytest.mark.parametrize("name", [*ENHANCEMENTS, "guard", "pager"])
def test_kv_42_each_enhancement_tells_its_rationale_and_its_benefit(name):
    text = importlib.import_module(f"kernel_sim_kernel_v.{name}").__doc__
    assert "Rationale: " in text
    assert "Benefit: " in text


@pytest.mark.parametrize("machine", ["pc4", "pc128", "pc-nasty"])
def test_kv_43_every_part_tests_itself_at_boot(machine):
    run = boot(machine=machine, config={"demand_paging": True})
    names = {result.name for result in run.selftests}
    alternatives = {f"kernel_v_heap_{name}" for name in HEAPS}
    assert {f"kernel_v_{name}" for name in names} == set(REFERENCES) - alternatives
    assert [result for result in run.selftests if not result.passed] == []


@pytest.mark.parametrize("heap", HEAPS)
def test_kv_43_every_other_heap_tests_itself_at_boot(heap):
    run = boot(machine="pc4", roles={"heap": f"kernel_v_heap_{heap}"})
    assert f"heap_{heap}" in {result.name for result in run.selftests}
    assert [result for result in run.selftests if not result.passed] == []


def test_kv_43_a_self_test_notices_a_broken_allocator():
    class TwiceTheSame:
        """Hands the same frame out for ever."""

        @hookimpl
        def pmm_init(self, kernel, regions, reserved):
            pmm.pmm_init(kernel, regions, reserved)

        @hookimpl
        def pmm_alloc_frame(self, kernel):
            allocator = kernel.state.allocator
            number = allocator.owned[0].first
            allocator.bitmap.mark_free(number, number + 1)
            return pmm.pmm_alloc_frame(kernel)

        @hookimpl
        def pmm_free_frame(self, kernel, frame):
            pmm.pmm_free_frame(kernel, frame)

        @hookimpl
        def pmm_stats(self, kernel):
            return pmm.pmm_stats(kernel)

        @hookimpl
        def selftest(self, kernel):
            kernel.state.allocator.free -= 1  # a counter that has lost a frame
            return pmm.selftest(kernel)

    run = boot(machine="pc128", roles={"pmm": TwiceTheSame()}, until="pmm")
    assert [r.passed for r in run.kernel.hooks.selftest() if r.name == "pmm"] == [False]


def test_kv_44_the_trace_tells_the_flow_of_memory_from_frame_to_block():
    run = boot(machine="pc128")
    events = run.machine.trace.events
    begin = len(events)
    block = run.kernel.hooks.kmalloc(40_000)
    run.kernel.hooks.kfree(block)
    calls = [e.fields["hook"] for e in events[begin:] if e.kind == "hook"]
    assert calls.index("pmm_alloc_frame") < calls.index("map_page") < calls.index("kmalloc")
    assert calls[-1] == "kfree"
    grown = next(e.fields for e in events[begin:] if e.fields.get("event") == "heap_grow")
    assert grown["end"] - grown["start"] >= 0x8000


def test_kv_44_each_part_logs_what_a_hook_call_does_not_tell():
    run = boot(machine="pc4", config={"demand_paging": True})
    hooks = run.kernel.hooks
    run.machine.cpu.load(0xC100_5000, 1)
    while hooks.pmm_alloc_frame() is not None:
        pass
    told = {
        (e.fields["plugin"], e.fields["event"]) for e in run.machine.trace.events if e.kind == "log"
    }
    assert told >= {
        ("kernel_v_memmap", "memory_map_entry"),
        ("kernel_v_pmm", "pmm_init"),
        ("kernel_v_pmm", "pmm_exhausted"),
        ("kernel_v_paging", "page_table_new"),
        ("kernel_v_paging", "paging_enabled"),
        ("kernel_v_heap", "heap_init"),
        ("kernel_v_guard", "guard_installed"),
        ("kernel_v_pager", "pager_mapped"),
    }


class BumpHeap:
    """The simplest heap there is, in the place of the reference."""

    @hookimpl
    def heap_init(self, kernel, start, max_end):
        kernel.state.top, kernel.state.end, kernel.state.mapped = start, max_end, start

    @hookimpl
    def kmalloc(self, kernel, size, align):
        state = kernel.state
        block = -(-state.top // align) * align
        if block + size > state.end:
            return None
        while state.mapped < block + size:
            frame = kernel.hooks.pmm_alloc_frame()
            kernel.hooks.map_page(kernel.root, state.mapped, frame, 3)
            state.mapped += 0x1000
        state.top = block + size
        return block


def test_kv_45_any_one_part_can_be_replaced():
    run = boot(machine="pc128", roles={"heap": BumpHeap()})
    assert run.oops is None
    assert run.kernel.hooks.kmalloc(100) == 0xC100_0000
    assert [r.name for r in run.selftests if not r.passed] == []


@pytest.mark.parametrize("role", ["memmap", "pmm", "paging", "heap", "guard"])
def test_kv_45_a_part_loaded_from_its_file_is_the_same_part(role):
    run = boot(machine="pc128", roles={role: PACKAGE / f"{role}.py"})
    assert run.oops is None
    assert run.first_frames[:2] == [0x10_0000, 0x10_1000]


def test_kv_46_the_readings_are_named_in_the_documentation():
    text = DOCUMENT.read_text(encoding="utf-8")
    for reading in ("Bach", "2.2", "APUE", "7.8", "7.11"):
        assert reading in text


def test_kv_47_the_documentation_says_where_each_source_file_went():
    text = DOCUMENT.read_text(encoding="utf-8")
    for name in ("memmap", "pmm", "paging", "heap", "memviz", "guard"):
        assert f"`src/memory/{name}.c`" in text
    for module in PACKAGE.glob("[a-z]*.py"):
        assert f"`{module.name}`" in text
    assert "`include/kernel/`" in text


def test_no_module_is_longer_than_two_hundred_lines():
    lengths = {
        p.name: len(p.read_text(encoding="utf-8").splitlines()) for p in PACKAGE.glob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > 200} == {}


def test_the_golden_figures_of_pc128():
    report = boot(machine="pc128").as_json()
    assert report["physical_limit"] == 0x7FE_0000
    assert report["frames"]["usable"] == report["frames"]["total"] == 32_639
    assert report["first_frames"][:2] == [0x10_0000, 0x10_1000]
    fresh = boot(machine="pc128", until="pmm").kernel.hooks.pmm_stats()
    assert (fresh.free, fresh.used, fresh.bitmap_base) == (32_480, 159, 0x9_0000)


@pytest.mark.parametrize("machine", BOOTABLE)
def test_every_bootable_machine_boots_and_owns_what_its_map_says(machine):
    run = boot(machine=machine)
    assert run.oops is None
    assert [r for r in run.selftests if not r.passed] == []
    limit, strictest = run.kernel.config.physical_limit, {}
    for region in run.regions:
        for number in (region.base // 0x1000, (region.end - 1) // 0x1000):
            strictest[number] = max(strictest.get(number, RegionKind.AVAILABLE), region.kind)
    usable = 0
    for region in run.regions:
        if region.kind is RegionKind.AVAILABLE:
            first, last = -(-region.base // 0x1000), min(region.end, limit) // 0x1000
            usable += max(0, last - first)
    assert run.kernel.hooks.pmm_stats().total == usable
    assert run.as_json()["frames"]["usable"] == usable


def test_self_tests_of_watchers_answer_none_when_they_are_off():
    run = boot(machine="pc128", config=dict.fromkeys(ENHANCEMENTS, False))
    assert [m.selftest(run.kernel) for m in (faultlog, memviz, refcounts, tags)] == [None] * 4
