"""The log of a processor's operations: what is in it, and what is not."""

import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import Machine, machine_spec
from kernel_sim.machine.operation_log import OperationLog


@pytest.fixture
def log():
    return OperationLog()


@pytest.fixture
def cpu(log):
    machine = Machine(machine_spec("pc4"), log=log)
    machine.power_on()
    return machine.cpu


def test_what_the_firmware_does_is_no_entry(log, cpu):
    assert cpu.log is log
    assert log.take() == []


def test_a_store_is_an_entry_and_a_load_only_where_the_page_is_new(log, cpu):
    cpu.store(0x9000, 4, 7)
    assert cpu.load(0x9000, 4) == 7
    cpu.load(0xA000, 4)
    cpu.load(0xA004, 4)
    assert log.take() == [("store", (0x9000, 4, 7)), ("touch", (0xA000,))]


def test_arguments_by_name_and_of_other_integer_types_are_noted_alike(log, cpu):
    class Number(int):
        pass

    cpu.store(value=True, address=Number(0x9000), size=1)
    cpu.write(0x9000, bytearray(b"ab"))
    assert log.take() == [("store", (0x9000, 1, 1)), ("write", (0x9000, b"ab"))]


def test_registers_are_noted_before_the_operation_that_needs_them(log, cpu):
    cpu.sp = 0x8000
    cpu.push(5)
    entries = log.take()
    assert [name for name, _ in entries] == ["registers", "store"]
    assert entries[0][1][1] == 0x8000
    cpu.push(6)
    assert log.take()[0][1][1] == 0x7FFC


def test_what_the_processor_refuses_is_noted_as_not_done(log, cpu):
    with pytest.raises(ValueError, match="does not fit"):
        cpu.store(0x9000, 1, 256)
    assert log.take() == [("store", (0x9000, 1, 256)), ("raised", (False,))]


def test_what_is_no_address_at_all_fails_as_without_a_log(log, cpu):
    plain = Machine(machine_spec("pc4"))
    plain.power_on()
    messages = []
    for processor in (cpu, plain.cpu):
        with pytest.raises(TypeError) as error:
            processor.store("0x9000", 4, 1)
        messages.append(str(error.value))
        with pytest.raises(TypeError, match="argument"):
            processor.store(0x9000, width=4)
    assert messages[0] == messages[1]
    assert log.take() == [("store", ("0x9000", 4, 1)), ("raised", (False,))]


def test_events_of_the_kernel_are_entries_and_those_of_the_machine_are_not(log, cpu):
    cpu.trace.emit("log", event="mine")
    cpu.wrmsr(0xC000_0080, 0)
    entries = log.take()
    assert [name for name, _ in entries] == ["emit", "wrmsr"]
    assert [event.kind for event in cpu.trace.events] == ["log", "control"]


def test_handlers_that_are_registered_together_are_one_entry(log, cpu):
    for address in (0x8000, 0x8010, 0x8020):
        cpu.register_handler(address, print)
    assert log.take() == [("handlers", (0x8000, 0x8010, 0x8020))]


@pytest.mark.parametrize("name", ["ovmf256", "numa2"])
def test_a_machine_with_apics_or_more_processors_keeps_no_log(name):
    with pytest.raises(InputError, match="no log of operations"):
        Machine(machine_spec(name), log=OperationLog())
