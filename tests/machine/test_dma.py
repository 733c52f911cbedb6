import pytest

from kernel_sim.machine.devices.dma import DmaDevice, DmaError
from kernel_sim.machine.firmware.available import backed_ranges


def test_transfers_use_physical_addresses_whatever_the_page_tables_say(paged):
    paged.map(0x80_0000, 0x40_0000)
    paged.cpu.store(0x80_0000, 4, 0x1234_5678)
    dma = paged.machine.dma
    assert dma.read(0x40_0000, 4) == b"\x78\x56\x34\x12"
    dma.write(0x40_0002, b"\xaa\xbb")
    assert paged.cpu.load(0x80_0000, 4) == 0xBBAA_5678
    assert dma.read(0x80_0000, 4) != b"\x78\x56\x34\x12"


def test_protection_does_not_stop_a_device(paged):
    paged.map(0x80_0000, 0x40_0000, flags=1)
    paged.machine.dma.write(0x40_0000, b"\x01\x02\x03\x04")
    assert paged.cpu.load(0x80_0000, 4) == 0x0403_0201


def test_what_a_device_wrote_is_seen_through_a_translation_in_use(long_bench):
    cpu, at = long_bench.cpu, long_bench.offset + 0x50_0000
    cpu.store(at, 8, 1)
    long_bench.machine.dma.write(0x50_0000, bytes(range(8)))
    assert cpu.load(at, 8) == int.from_bytes(bytes(range(8)), "little")


@pytest.mark.parametrize("physical", [0xA_0000, 0xB_8000, 0x1000_0000, 0x8000_0000])
def test_where_no_memory_is_a_transfer_is_aborted(bench, physical):
    dma = bench.machine.dma
    with pytest.raises(DmaError) as caught:
        dma.read(physical, 16)
    assert caught.value.value == physical
    assert bench.machine.trace.events[-1].kind == "bus_error"


def test_a_write_into_a_hole_keeps_what_came_before(bench):
    end = 0x7FE_0000 + 0x2_0000
    while not bench.ram.has((end - 1) >> 12):
        end -= 0x1000
    with pytest.raises(DmaError) as caught:
        bench.machine.dma.write(end - 4, b"abcdefgh")
    assert caught.value.value == end
    assert bench.ram.read(end - 4, 4) == b"abcd"


def test_an_address_too_wide_for_the_device_is_refused(bench):
    dma = DmaDevice(bench.ram, backed_ranges(bench.machine.spec), bench.machine.trace, 24)
    dma.write(0xFF_FFF0, b"x" * 16)
    with pytest.raises(DmaError, match="24 bits") as caught:
        dma.write(0xFF_FFF0, b"y" * 17)
    assert caught.value.value == 0x100_0000
    assert bench.ram.read(0xFF_FFF0, 16) == b"y" * 16


def test_the_bios_rom_can_be_read_and_not_written(bench):
    dma = bench.machine.dma
    before = dma.read(0xF_0000, 8)
    with pytest.raises(DmaError):
        dma.write(0xF_0000, bytes(8))
    assert dma.read(0xF_0000, 8) == before


def test_each_transfer_is_an_event(bench):
    bench.machine.dma.write(0x20_0000, b"1234")
    event = bench.machine.trace.events[-1]
    assert event.kind == "dma"
    assert event.fields == {"access": "write", "physical": 0x20_0000, "size": 4}


def test_a_transfer_has_a_length(bench):
    assert bench.machine.dma.read(0x20_0000, 0) == b""
    with pytest.raises(ValueError, match="-1 bytes"):
        bench.machine.dma.read(0x20_0000, -1)
    with pytest.raises(DmaError):
        bench.machine.dma.read(-4096, 8)
