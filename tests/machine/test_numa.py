from dataclasses import replace

import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import Machine, NumaNode, machine_spec
from kernel_sim.machine.firmware.acpi import acpi_tables
from kernel_sim.machine.firmware.bootinfo import BOOTINFO_BYTES, BootBlock
from kernel_sim.machine.firmware.long_mode_placement import ACPI_BYTES
from kernel_sim.machine.numa import MAX_NODES, MAX_RANGES
from kernel_sim.values import AddrRange


def tables(machine):
    """Signature → contents of each table that the root pointer leads to, read by the processor."""
    cpu, offset = machine.cpu, machine.boot_info.physical_memory_offset
    block = BootBlock.decode(cpu.read(machine.boot_info.handoff, BOOTINFO_BYTES))
    rsdp = cpu.read(offset + block.rsdp, 36)
    assert rsdp[:8] == b"RSD PTR "
    assert sum(rsdp[:20]) % 256 == sum(rsdp) % 256 == 0
    found = {}
    xsdt = table(machine, int.from_bytes(rsdp[24:32], "little"))
    for at in range(36, len(xsdt), 8):
        one = table(machine, int.from_bytes(xsdt[at : at + 8], "little"))
        found[one[:4]] = one[36:]
    return found


def table(machine, physical):
    at = machine.boot_info.physical_memory_offset + physical
    data = machine.cpu.read(at, machine.cpu.load(at + 4, 4))
    assert sum(data) % 256 == 0
    return data


@pytest.fixture
def numa2():
    machine = Machine(machine_spec("numa2"))
    machine.power_on()
    return machine


def test_slit_holds_the_distances(numa2):
    assert tables(numa2)[b"SLIT"] == (2).to_bytes(8, "little") + bytes((10, 20, 20, 10))


def test_srat_says_where_memory_and_processors_are(numa2):
    srat = tables(numa2)[b"SRAT"][12:]
    cpus, memory = [], []
    while srat:
        kind, length = srat[0], srat[1]
        if kind == 0:
            cpus.append((srat[2], srat[3]))
        else:
            base, size = (int.from_bytes(srat[n : n + 8], "little") for n in (8, 16))
            memory.append((srat[2], base, base + size))
        assert srat[4 if kind == 0 else 28] & 1
        srat = srat[length:]
    assert cpus == [(0, 0), (1, 1)]
    assert memory == [
        (number, item.start, item.end)
        for number, node in enumerate(numa2.spec.nodes)
        for item in node.memory
    ]


def test_two_nodes_have_128_mib_and_a_processor_each(numa2):
    first, second = numa2.spec.nodes
    assert sum(item.length for item in second.memory) == 128 << 20
    assert sum(item.length for item in first.memory) == (128 << 20) - 0x6_0000
    assert len(numa2.cpus) == 2
    assert len(second.memory) == 2


def test_tables_of_the_largest_machine_fit_their_room():
    memory = tuple(AddrRange(n << 20, (n << 20) + 0x1000) for n in range(MAX_RANGES))
    node = NumaNode(memory, (0, 1, 2, 3), (10,) * MAX_NODES)
    assert len(acpi_tables(0x10_0000, [node] * MAX_NODES)) <= ACPI_BYTES


@pytest.mark.parametrize(
    "node",
    [
        NumaNode((), (0,), (20,)),
        NumaNode((), (0,), (10, 20)),
        NumaNode((), (3,), (10,)),
        NumaNode((AddrRange(0x10, 0x1000),), (0,), (10,)),
        NumaNode((AddrRange(0, 0x2000), AddrRange(0x1000, 0x3000)), (0,), (10,)),
    ],
)
def test_nodes_that_contradict_the_machine_are_refused(node):
    with pytest.raises(InputError, match="boot512"):
        replace(machine_spec("boot512"), nodes=(node,))


def test_other_machines_have_no_root_pointer():
    machine = Machine(machine_spec("boot512"))
    info = machine.power_on()
    assert BootBlock.decode(machine.cpu.read(info.handoff, BOOTINFO_BYTES)).rsdp == 0
    assert "rsdp" not in info.symbols
