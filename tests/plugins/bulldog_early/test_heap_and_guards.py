"""BO-13 to BO-17: heap, guard pages, the contributors' rules, and what is left for later."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped, NotMapped, NotSupported
from kernel_sim.profiles import profile
from kernel_sim.values import GuardKind, GuardRequest
from kernel_sim_bulldog_early import guard
from kernel_sim_bulldog_early.future import FUTURE

PAGE = 0x1000
REQUESTS = [(100, 8), (4096, 4096), (1, 1), (3000, 16), (64, 64), (7, 8)]


def addresses(booted):
    """Where a fixed sequence of requests is served; every second block is given back."""
    found = []
    for number, (size, align) in enumerate(REQUESTS * 5):
        pointer = booted.call("kmalloc", size, align)
        found.append(pointer)
        if number % 2:
            booted.call("kfree", pointer)
    return found


def guarded(booted):
    (plugin,) = (r for r in booted.host.registrations if r.plugin.name.endswith("guard"))
    return guard.guarded(plugin.view)


def test_bo_13_blocks_are_aligned_disjoint_and_keep_their_contents():
    booted = boot("bulldog-early")
    blocks = [(booted.call("kmalloc", size, align), size, align) for size, align in REQUESTS]
    for number, (pointer, size, align) in enumerate(blocks):
        assert pointer % align == 0
        booted.machine.cpu.fill(pointer, size, number + 1)
    for number, (pointer, size, _) in enumerate(blocks):
        assert booted.machine.cpu.read(pointer, size) == bytes([number + 1]) * size


@pytest.mark.parametrize("name", ["boot512-shuffled", "numa2"])
def test_bo_13_the_same_requests_give_the_same_addresses(name):
    assert addresses(boot("bulldog-early")) == addresses(boot("bulldog-early", name, seed=7))


def test_bo_13_the_heap_lies_on_frames_of_the_list_that_were_cleared():
    booted = boot("bulldog-early", until="heap")
    config, root = booted.kernel.config, booted.kernel.root
    frames = {
        booted.call("translate", root, page).physical
        for page in range(config.heap_start, config.heap_max_end, PAGE)
    }
    assert len(frames) == 256
    assert booted.machine.cpu.read(config.heap_max_end - PAGE, PAGE) == bytes(PAGE)


@pytest.mark.parametrize("tag", ["kernel stack", "double-fault stack", "ring 0 stack"])
def test_bo_14_there_is_an_absent_page_below_every_kernel_stack(tag):
    booted = boot("bulldog-early")
    (stack,) = (region for region in guarded(booted) if region.tag == tag)
    assert stack.guard_low == stack.base - PAGE
    with pytest.raises(NotMapped):
        booted.call("translate", booted.kernel.root, stack.guard_low)
    with pytest.raises(MachineStopped):
        booted.machine.cpu.store(stack.base - 8, 8, 1)
    assert f"guard page below {tag}" in " ".join(booted.transcript)


def test_bo_14_a_stack_that_overflows_ends_in_a_double_fault_on_another_stack():
    booted = boot("bulldog-early")
    cpu = booted.machine.cpu
    (stack,) = (region for region in guarded(booted) if region.tag == "kernel stack")
    cpu.sp = stack.base + 16
    cpu.push(1)
    cpu.push(2)
    with pytest.raises(MachineStopped, match="double fault"):
        cpu.push(3)
    assert [event.fields["vector"] for event in booted.faults] == [14, 14, 8]
    assert "guard page below kernel stack" in " ".join(booted.transcript)


def test_bo_14_a_critical_structure_can_be_guarded_on_both_sides():
    booted = boot("bulldog-early")
    free = booted.call("pmm_stats").free
    region = booted.call("install_guard", GuardRequest(GuardKind.OBJECT, 64, "run queue"))
    for guard_page in (region.guard_low, region.guard_high):
        with pytest.raises(NotMapped):
            booted.call("translate", booted.kernel.root, guard_page)
    booted.call("remove_guard", region)
    assert booted.call("pmm_stats").free == free


@pytest.mark.parametrize(
    ("address", "words"),
    [(0x10, "a null pointer"), (0xFFFF_A000_0000_0000, "invalid dereference")],
)
def test_bo_14_an_invalid_dereference_is_named(address, words):
    booted = boot("bulldog-early")
    with pytest.raises(MachineStopped):
        booted.machine.cpu.load(address, 8)
    assert words in " ".join(booted.transcript)


def test_bo_15_the_edges_of_the_heap_are_left_for_later():
    assert FUTURE["guard pages at the edges of the heap"] == "Lab 5"


def test_bo_16_every_change_of_the_tables_is_logged():
    booted = boot("bulldog-early")
    events = booted.machine.trace.events
    changes = [e.fields for e in events if e.fields.get("event") == "page_table_change"]
    actions = {fields["action"] for fields in changes}
    assert actions == {"direct map", "new root", "map", "drop identity map"}
    page = booted.kernel.config.heap_max_end
    booted.call("map_page", booted.kernel.root, page, 0x200_0000, 3)
    booted.call("unmap_page", booted.kernel.root, page)
    last = [e.fields for e in events if e.fields.get("event") == "page_table_change"][-2:]
    assert [(fields["action"], fields["page"]) for fields in last] == [
        ("map", page),
        ("unmap", page),
    ]


def test_bo_16_alignment_and_guards_of_all_stacks_are_validated_at_boot():
    booted = boot("bulldog-early")
    (result,) = (item for item in booted.selftests if item.name == "guard")
    assert result.passed
    assert result.detail == "3 stacks guarded"


def test_bo_16_a_stack_without_guard_or_alignment_is_found():
    booted = boot("bulldog-early")
    (plugin,) = (r for r in booted.host.registrations if r.plugin.name.endswith("guard"))
    (stack,) = (region for region in guarded(booted) if region.tag == "ring 0 stack")
    booted.call("map_page", booted.kernel.root, stack.guard_low, 0x200_0000, 3)
    assert guard.faulty_stacks(plugin.view, [stack]) == ["ring 0 stack: no guard page below"]
    booted.call("unmap_page", booted.kernel.root, stack.base)
    assert len(guard.faulty_stacks(plugin.view, [stack])) == 2


@pytest.mark.parametrize("seed", [0, 5])
def test_bo_16_the_layout_is_the_same_at_every_boot(seed):
    assert boot("bulldog-early", seed=seed).as_json()["trace_hash"]
    first, second = (boot("bulldog-early", seed=seed) for _ in range(2))
    assert first.machine.trace.hash() == second.machine.trace.hash()


def test_bo_17_everything_that_is_planned_names_its_lab():
    assert len(FUTURE) == 14
    assert all(lab.startswith("Lab ") for lab in FUTURE.values())


def test_bo_17_what_can_be_asked_for_is_refused():
    booted = boot("bulldog-early")
    with pytest.raises(NotSupported):
        booted.call("pmm_alloc_contiguous", 2, PAGE)
    with pytest.raises(NotSupported, match="Lab E11"):
        booted.call("map_page", booted.kernel.root, PAGE, 0x200_0000, 7)
    with pytest.raises(NotSupported, match="Lab E3"):
        booted.call("map_page", booted.kernel.root, 0xFFFF_A000_0000_0000, 0x200_0000, 0x83)


def test_bo_17_it_boots_from_low_memory_and_no_other_profile_does():
    assert profile("bulldog-early").entry_point == "low"
    assert profile("bulldog").entry_point == "high"
