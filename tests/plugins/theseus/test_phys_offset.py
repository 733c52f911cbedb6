"""TH-23 to TH-25: conversion, rights of ranges, and clearing, by what is active."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import KernelError, TranslationError
from kernel_sim.page_table import PageTableFlags
from kernel_sim_theseus import kernel_init, layout, mapping, phys_offset

PAGE = 0x1000
IMAGE = 0xFFFF_FFFF_8000_0000
OFFSET = 0xFFFF_8000_0000_0000
FREE_PAGE = 0xFFFF_FFFF_C000_0000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


@pytest.fixture
def booted():
    result = boot("theseus")
    assert result.ok, result.oops
    return result


def view(result, role):
    """The view of the kernel that the plugin of ``role`` has."""
    return next(r.view for r in result.host.registrations if role in r.roles)


def test_th_23_conversion_is_refused_until_phys_offset_is_active():
    early = boot("theseus", until="pmm", extras=["theseus_paging"])
    kernel = view(boot("theseus"), "paging")
    assert (
        phys_offset.virt_to_phys_pa(kernel, phys_offset.phys_to_virt_pa(kernel, 0x1234)) == 0x1234
    )
    with pytest.raises(TranslationError):
        phys_offset.virt_to_phys_pa(kernel, 0x1234)
    inactive = view(early, "paging")
    for convert in (phys_offset.phys_to_virt_pa, phys_offset.virt_to_phys_pa):
        with pytest.raises(TranslationError, match="active"):
            convert(inactive, OFFSET)
    assert early.call("phys_to_virt", 0x1234) == 0x1234


def test_th_24_every_page_of_a_range_is_checked(booted):
    kernel, root = view(booted, "paging"), booted.kernel.root
    for number in range(3):
        flags = RIGHTS if number < 2 else PageTableFlags.PRESENT
        booted.call("map_page", root, FREE_PAGE + number * PAGE, 0xE40_0000, flags)

    def writable(start, length):
        return phys_offset.virt_range_has_flags(kernel, start, length, RIGHTS)

    assert writable(FREE_PAGE, 2 * PAGE)
    assert not writable(FREE_PAGE, 3 * PAGE)
    assert not writable(FREE_PAGE + 0x800, 2 * PAGE), "its last bytes lie on the third page"
    assert not writable(FREE_PAGE + 2 * PAGE, 1)
    assert not writable(FREE_PAGE + 3 * PAGE, 1), "absent"


def test_th_24_stacks_are_checked_before_they_are_needed():
    early = boot("theseus", until="idt")
    kernel = view(early, "boot")
    early.machine.cpu.symbols.update(
        {
            "bss": IMAGE
            + early.machine.boot_info.symbols["bss"]
            - early.machine.boot_info.kernel.start
        }
    )
    kernel_init.check_stacks(kernel)
    stack = layout.stack(kernel, "NMI")
    mapping.clear_page(view(early, "paging"), early.kernel.root, stack.start)
    with pytest.raises(KernelError, match="NMI"):
        kernel_init.check_stacks(kernel)


def test_th_25_frames_are_cleared_by_what_shows_them():
    early = boot("theseus", until="pmm", extras=["theseus_paging"])
    assert phys_offset.zero_frame_safely(view(early, "paging"), 0xE40_0000) == "identity"
    late = boot("theseus")
    assert phys_offset.zero_frame_safely(view(late, "paging"), 0xE40_0000) == "phys_offset"
    lean = boot("theseus", config={"map_legacy_phys_offset_1gib": False})
    frame = 0xE40_0000
    lean.machine.ram.store(frame, 8, 7)
    assert phys_offset.zero_frame_safely(view(lean, "paging"), frame) == "window"
    assert lean.machine.ram.read(frame, PAGE) == bytes(PAGE)
    phys_offset.zero_phys_range(view(late, "paging"), 0xE40_0010, 100)
    assert late.machine.ram.read(0xE40_0010, 100) == bytes(100)
