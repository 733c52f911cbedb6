"""Bad input is refused, or faults as the hardware would; never an internal error."""

import pytest

from kernel_sim.errors import InputError, MachineStopped, TripleFault
from kernel_sim.machine import FirmwareEntry, Machine, MachineSpec, machine_spec
from kernel_sim.machine.control_bits import CR0_PG
from kernel_sim.values import AddrRange

USUAL = (FirmwareEntry(0, 0x9FC00, 1), FirmwareEntry(0x10_0000, 0x1000_0000, 1))


def powered(name="pc128"):
    machine = Machine(machine_spec(name))
    machine.power_on()
    return machine


@pytest.mark.parametrize("root", [0x7FE_0000, 0xF000_0000, 0xFFFF_F000])
def test_a_cr3_beyond_ram_stops_the_machine_when_paging_is_turned_on(root):
    cpu = powered().cpu
    cpu.cr3 = root
    with pytest.raises(MachineStopped) as caught:
        cpu.cr0 |= CR0_PG
    assert "execution went on in foreign bytes" in caught.value.cause
    assert caught.value.post_mortem


@pytest.mark.parametrize("root", [1 << 40, 1 << 63])
def test_a_cr3_beyond_the_physical_address_space_is_a_fault(root):
    with pytest.raises(TripleFault, match="beyond the physical address space"):
        powered().cpu.cr3 = root


def test_two_devices_in_one_place_are_refused():
    class Device:
        pass

    machine = powered("boot512")
    with pytest.raises(InputError, match="two devices in one place"):
        machine.attach(AddrRange(0xFEE0_0000, 0xFEE0_1000), Device())


@pytest.mark.parametrize(
    ("ram_bytes", "entries", "field"),
    [
        (-1, USUAL, "ram_bytes"),
        (1 << 60, USUAL, "ram_bytes"),
        ("much", USUAL, "ram_bytes"),
        (1 << 30, (), "a map of 0 entries"),
        (1 << 30, (FirmwareEntry(0, 1 << 63, 1),), r"entries\[0\].length"),
        (1 << 30, (*USUAL, FirmwareEntry(-5, 10, 1)), r"entries\[2\].base"),
        (1 << 30, (*USUAL, FirmwareEntry(0, 10, 1 << 32)), r"entries\[2\].type"),
    ],
)
def test_an_absurd_machine_is_refused_with_the_field(ram_bytes, entries, field):
    with pytest.raises(InputError, match=field):
        MachineSpec("odd", ram_bytes, "e820", entries)
