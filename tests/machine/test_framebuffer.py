from kernel_sim.machine import FirmwareEntry, Machine, MachineSpec, machine_spec
from kernel_sim.machine.devices.framebuffer import framebuffer_range
from kernel_sim.machine.firmware.uefi import HANDOFF_BYTES, Handoff


def test_pixels_stored_through_the_processor_appear_in_the_picture(long_bench):
    machine, cpu = long_bench.machine, long_bench.cpu
    at = long_bench.offset + long_bench.symbols["framebuffer"]
    cpu.store(at, 4, 0x00FF_8001)
    cpu.store(at + 4 * (479 * 640 + 639), 4, 0x0001_0203)
    assert machine.framebuffer.pixel(0, 0) == (0xFF, 0x80, 0x01)
    assert machine.framebuffer.pixel(639, 479) == (1, 2, 3)
    assert machine.framebuffer.row(0)[:4] == b"\x01\x80\xff\x00"


def test_the_firmware_names_it(long_bench):
    machine = Machine(machine_spec("ovmf256"))
    info = machine.power_on()
    handoff = Handoff.decode(machine.ram.read(info.handoff, HANDOFF_BYTES))
    assert (handoff.framebuffer, handoff.width, handoff.height) == (0x8000_0000, 640, 480)
    assert machine.framebuffer.place.start == handoff.framebuffer
    assert long_bench.symbols["framebuffer"] == 0x8000_0000


def test_it_makes_room_for_memory_and_is_left_out_where_there_is_none():
    def spec(length):
        entries = (FirmwareEntry(0x10_0000, length, 1),)
        return MachineSpec("made", length, "bootinfo", entries)

    assert framebuffer_range(spec(0x8000_0000)).start == 0x8020_0000
    assert framebuffer_range(spec(0xFF00_0000)) is None


def test_machines_with_an_e820_table_have_none(bench):
    assert bench.machine.framebuffer is None
    assert framebuffer_range(bench.machine.spec) is None
