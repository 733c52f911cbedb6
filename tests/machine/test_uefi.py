from dataclasses import replace

import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import FirmwareEntry, Machine, MachineSpec, machine_spec, random_spec
from kernel_sim.machine.firmware.available import available_ranges
from kernel_sim.machine.firmware.conversion import as_e820
from kernel_sim.machine.firmware.uefi import (
    HANDOFF_BYTES,
    Handoff,
    UefiAttribute,
    UefiType,
    decode_descriptors,
)


def handed_over(spec):
    machine = Machine(spec)
    info = machine.power_on()
    handoff = Handoff.decode(machine.cpu.read(info.handoff, HANDOFF_BYTES))
    raw = machine.cpu.read(handoff.memory_map, handoff.memory_map_size)
    return machine, handoff, decode_descriptors(raw, handoff.descriptor_size)


@pytest.mark.parametrize("stride", [40, 48, 56])
def test_descriptors_lie_a_stride_apart_with_their_fields_where_uefi_puts_them(stride):
    machine, handoff, found = handed_over(replace(machine_spec("ovmf256"), descriptor_size=stride))
    info, ram = machine.boot_info, machine.ram
    assert (handoff.descriptor_size, info.entry_size) == (stride, stride)
    assert handoff.memory_map_size == info.count * stride == len(found) * stride
    at = info.table + 2 * stride
    assert (ram.load(at, 4), ram.load(at + 8, 8)) == (found[2].type, found[2].base)
    assert ram.load(at + 16, 8) == 0
    assert ram.load(at + 24, 8) * 4096 == found[2].length
    assert ram.load(at + 32, 8) == found[2].attributes


def test_the_handoff_block_passes_the_validation_of_the_kernel_it_is_for():
    machine, handoff, _ = handed_over(machine_spec("ovmf256"))
    image = machine.boot_info.kernel
    assert handoff.size == HANDOFF_BYTES
    assert handoff.version != 0
    assert (handoff.cpu_count, handoff.boot_services_exited) == (1, 1)
    assert handoff.framebuffer_size == handoff.stride * handoff.height * handoff.bytes_per_pixel
    assert handoff.memory_map_size >= handoff.memory_map_entries * handoff.descriptor_size
    assert handoff.temp_heap_size == 0x10_0000
    assert handoff.temp_heap_base % 4096 == 0
    assert not (
        image.start < handoff.temp_heap_base + handoff.temp_heap_size
        and handoff.temp_heap_base < image.end
    )
    assert handoff.kernel_virtual_base == 0xFFFF_FFFF_8000_0000
    entry = handoff.kernel_virtual_entry - handoff.kernel_virtual_base
    assert 0 <= entry < handoff.kernel_size
    assert (handoff.kernel_physical_base, handoff.kernel_size) == (image.start, image.length)


def test_ovmf256_describes_what_ovmf_does():
    _, _, found = handed_over(machine_spec("ovmf256"))
    by_type = {kind: [d for d in found if d.type == kind] for kind in UefiType}
    assert (found[0].base, found[0].length, found[0].type) == (0, 4096, UefiType.BOOT_SERVICES_CODE)
    assert not [d for d in found if d.base < 0x10_0000 and d.end > 0xA_0000]
    assert len(by_type[UefiType.ACPI_NVS]) > 2
    assert [d.length for d in by_type[UefiType.LOADER_CODE]] == [0x9_4000]
    assert 0x10_0000 in [d.length for d in by_type[UefiType.LOADER_DATA]]
    for kind in (UefiType.RUNTIME_SERVICES_CODE, UefiType.RUNTIME_SERVICES_DATA):
        assert all(d.attributes & UefiAttribute.RUNTIME for d in by_type[kind])
    assert by_type[UefiType.MMIO]


def test_what_the_loader_took_is_cut_out_of_conventional_memory_and_nothing_else_changes():
    for spec in (machine_spec("ovmf256"), *(random_spec(seed, "uefi") for seed in range(30))):
        machine, _, found = handed_over(spec)
        pages = {}
        for item in found:
            assert item.base % 4096 == 0
            assert item.length > 0
            for page in range(item.base, item.end, 4096) if item.length < 1 << 30 else ():
                assert page not in pages
                pages[page] = item.type
        image, stack = machine.boot_info.kernel, machine.boot_info.stack
        assert {pages[p] for p in range(image.start, image.end, 4096)} == {UefiType.LOADER_CODE}
        assert pages[stack.start] == pages[machine.cpu.cr3] == UefiType.BOOT_SERVICES_DATA
        assert pages[machine.boot_info.handoff] == UefiType.LOADER_DATA
        for item in spec.descriptors:
            if item.type != UefiType.CONVENTIONAL:
                assert item in found


def test_conventional_memory_is_what_is_available():
    spec = random_spec(5, "uefi")
    pages = sum(d.length for d in spec.descriptors if d.type == UefiType.CONVENTIONAL)
    assert pages == sum(item.length for item in available_ranges(spec))


def test_boot_services_and_runtime_memory_is_backed_by_ram():
    machine, _, found = handed_over(machine_spec("ovmf256"))
    for item in found:
        assert machine.ram.has(item.base >> 12) == (item.type != UefiType.MMIO)


def test_a_real_uefi_map_is_taken_as_it_is():
    spec = machine_spec("map-37", firmware="uefi")
    if not machine_spec("map-37").descriptors:
        assert all(d.base % 4096 == 0 for d in spec.descriptors)
    else:
        assert {d.type for d in spec.descriptors} == {
            d.type for d in machine_spec("map-37").descriptors
        }


def test_a_map_without_whole_pages_is_no_uefi_map():
    odd = (FirmwareEntry(0x10_0800, 0x1000, 7),)
    with pytest.raises(InputError, match=r"descriptors\[0\].*whole pages"):
        MachineSpec("odd", 1 << 20, "uefi", as_e820(odd), descriptors=odd)
    with pytest.raises(InputError, match="without descriptors"):
        MachineSpec("none", 1 << 20, "uefi", (FirmwareEntry(0, 4096, 1),))


def test_a_short_handoff_is_refused():
    with pytest.raises(InputError, match="handoff of 3 bytes"):
        Handoff.decode(b"abc")
