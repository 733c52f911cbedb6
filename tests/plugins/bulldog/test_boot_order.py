"""BD-30, BD-31, BD-U1 and C7: the order of the boot, and what is left for later."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import InputError, KernelError, NotSupported
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.machine.devices.lapic import LAPIC
from kernel_sim.page_table import PageTableFlags
from kernel_sim.profiles import profile
from kernel_sim_bulldog.future import FUTURE, not_yet

SEQUENCES = ("documented", "upstream")
EIGHT_STEPS = [
    "memmap",
    "init_offset_page_table",
    "init_temp",
    "map_lapic_mmio",
    "gdt_init",
    "setup_apic",
    "frame_allocator",
    "init_heap",
]
SPECS = [
    machine_spec("boot512"),
    machine_spec("boot512-shuffled"),
    *(random_spec(seed, firmware="bootinfo") for seed in range(4)),
    replace(machine_spec("boot512"), physical_memory_offset=0xFFFF_C000_0000_0000),
]


def first(booted, matches):
    """The number of the first event that ``matches``."""
    return next(event.number for event in booted.machine.trace.events if matches(event))


def hook(name, **arguments):
    def matches(event):
        given = event.fields.get("arguments", {})
        return event.fields.get("hook") == name and arguments.items() <= given.items()

    return matches


def log(name):
    return lambda event: event.kind == "log" and event.fields["event"] == name


@pytest.mark.parametrize("sequence", SEQUENCES)
@pytest.mark.parametrize("spec", SPECS, ids=range(len(SPECS)))
def test_bd_30_every_selftest_passes_on_every_machine_in_both_orders(spec, sequence):
    booted = boot("bulldog", spec, config={"boot_sequence": sequence})
    assert booted.ok, booted.oops
    assert [result.name for result in booted.selftests] == [
        "heap",
        "kernel_init",
        "memmap",
        "paging",
        "pmm",
    ]
    assert all(result.passed for result in booted.selftests)


def test_bd_30_the_eight_documented_steps_are_taken_in_their_order():
    booted = boot("bulldog")
    assert [step.name for step in booted.steps if step.name in EIGHT_STEPS] == EIGHT_STEPS
    done = [
        first(booted, matches)
        for matches in (
            hook("parse_memory_map"),
            log("offset_page_table"),
            log("init_temp"),
            hook("map_page", page=0xFFFF_FF00_0000_0000),
            lambda event: event.fields.get("operation") == "ltr",
            log("lapic_timer"),
            log("frame_allocator"),
            log("heap_init"),
        )
    ]
    assert done == sorted(done)


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_c7_both_orders_keep_what_they_have_in_common(sequence):
    booted = boot("bulldog", config={"boot_sequence": sequence})
    mapper = first(booted, log("offset_page_table"))
    init_temp = first(booted, log("init_temp"))
    allocation = first(booted, hook("pmm_alloc_frame"))
    lapic_map = first(booted, hook("map_page", page=0xFFFF_FF00_0000_0000))
    task = first(booted, lambda event: event.fields.get("operation") == "ltr")
    lapic = first(booted, lambda event: event.fields.get("physical", 0) in LAPIC)
    sti = first(booted, hook("boot_step", step="enable_interrupts"))
    heap = first(booted, log("heap_init"))
    switch = first(booted, log("frame_allocator_switched"))
    assert mapper < init_temp < allocation
    assert lapic_map < lapic < sti
    assert task < lapic
    assert heap < switch


def test_c7_step_7_makes_the_allocator_and_step_8_puts_it_in_charge():
    booted = boot("bulldog", until="frame_allocator", extras=["bulldog_heap"])
    assert booted.call("pmm_stats").bitmap_bytes == 0
    assert booted.call("pmm_stats").total == 512
    booted.call("boot_step", "init_heap")
    assert booted.call("pmm_stats").bitmap_bytes == 32_768


def test_bd_u1_the_order_of_the_code_has_the_heap_before_everything_else():
    booted = boot("bulldog", config={"boot_sequence": "upstream"})
    names = [step.name for step in booted.steps]
    assert names.index("init_temp") + 1 == names.index("init_heap")
    assert names.index("init_heap") < names.index("frame_allocator") < names.index("gdt_init")
    assert names.index("gdt_init") < names.index("map_lapic_mmio") < names.index("setup_apic")


def test_bd_u1_both_old_interrupt_controllers_are_masked_first():
    booted = boot("bulldog")
    masked = [event.fields for event in booted.machine.trace.events if event.kind == "mmio"][:2]
    assert masked == [
        {"access": "out", "port": 0x21, "value": 0xFF},
        {"access": "out", "port": 0xA1, "value": 0xFF},
    ]


def test_bd_30_an_order_that_is_not_known_is_answered_with_those_that_are():
    with pytest.raises(InputError, match="did you mean upstream"):
        boot("bulldog", config={"boot_sequence": "upstraem"})


def test_bd_30_a_step_that_bulldog_does_not_have_is_refused():
    with pytest.raises(KernelError, match="warp"):
        boot("bulldog").call("boot_step", "warp")


def test_bd_31_everything_that_is_missing_is_named_with_the_lab_that_adds_it():
    assert set(FUTURE) == {
        "guard pages",
        "user-mode memory",
        "per-process page tables",
        "copy-on-write",
        "memory-mapped files",
        "large pages",
        "NUMA awareness",
        "frame deallocation",
        "per-CPU frame caches",
    }
    for feature, lab in FUTURE.items():
        assert str(not_yet(feature, 0x1000)).endswith(f"(expected {feature}, which {lab} adds)")


def test_bd_31_what_can_be_asked_for_is_refused_by_name():
    booted = boot("bulldog")
    rights = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
    page, frame = 0xFFFF_A000_0000_0000, 0x200_0000
    root = booted.kernel.root
    for flags, lab in (
        (rights | PageTableFlags.USER_ACCESSIBLE, "Lab E11"),
        (rights | PageTableFlags.HUGE_PAGE, "Lab E3"),
    ):
        with pytest.raises(NotSupported, match=lab):
            booted.call("map_page", root, page, frame, flags)
    with pytest.raises(NotSupported, match="Lab E1"):
        booted.call("pmm_free_frame", frame)
    with pytest.raises(NotSupported):
        booted.call("pmm_alloc_contiguous", 2, 0x1000)


def test_bd_31_there_is_one_address_space_and_one_kind_of_frame():
    booted = boot("bulldog", "numa2")
    assert booted.ok, booted.oops
    assert not any(event.fields.get("register") == "cr3" for event in booted.machine.trace.events)
    assert [other.lapic.enabled for other in booted.machine.cpus] == [True, False]
    assert set(profile("bulldog").roles) == {"memmap", "pmm", "paging", "heap", "boot"}
