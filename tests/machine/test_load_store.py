import pytest

from kernel_sim.errors import FaultLoop, TripleFault
from kernel_sim.machine.ram import poison_word


@pytest.mark.parametrize("size", [1, 2, 4, 8])
@pytest.mark.parametrize("address", [0x30_0000, 0x30_0001, 0x30_0FFF, 0x30_0FFC])
def test_what_is_stored_is_loaded_again_little_endian(bench, size, address):
    value = 0x8877_6655_4433_2211 & ((1 << 8 * size) - 1)
    for _ in range(2):
        bench.cpu.store(address, size, value)
        assert bench.cpu.load(address, size) == value
    assert bench.ram.read(address, size) == value.to_bytes(size, "little")


def test_neighbours_of_a_store_keep_their_bytes(bench):
    bench.cpu.write(0x30_0000, bytes(range(32)))
    bench.cpu.store(0x30_0008, 4, 0xFFFF_FFFF)
    assert bench.cpu.read(0x30_0000, 16) == bytes(range(8)) + b"\xff" * 4 + bytes(range(12, 16))


def test_untouched_memory_loads_as_poison(bench):
    assert bench.cpu.load(0x50_0000, 8) == poison_word(7, 0x500)


@pytest.mark.parametrize("size", [0, 3, 16, -1])
def test_no_other_size_is_accepted(bench, size):
    with pytest.raises(ValueError, match="expected 1, 2, 4 or 8"):
        bench.cpu.load(0x30_0000, size)
    with pytest.raises(ValueError, match="expected 1, 2, 4 or 8"):
        bench.cpu.store(0x30_0000, size, 0)


@pytest.mark.parametrize(("size", "value"), [(1, 256), (4, 1 << 32), (8, 1 << 64), (4, -1)])
def test_a_value_that_does_not_fit_is_refused(bench, size, value):
    for _ in range(2):
        with pytest.raises(ValueError, match="does not fit"):
            bench.cpu.store(0x30_0000, size, value)
        bench.cpu.store(0x30_0000, size, 0)


def test_bulk_reads_and_writes_cross_pages(bench):
    data = bytes(range(256)) * 40
    bench.cpu.write(0x30_0F80, data)
    assert bench.cpu.read(0x30_0F80, len(data)) == data
    bench.cpu.fill(0x30_0FF0, 0x1020, 0xAB)
    assert (
        bench.cpu.read(0x30_0FEF, 0x1022)
        == data[0x6F:0x70] + b"\xab" * 0x1020 + data[0x1090:0x1091]
    )


def test_negative_lengths_are_refused(bench):
    with pytest.raises(ValueError, match="-1 bytes"):
        bench.cpu.read(0x30_0000, -1)
    with pytest.raises(ValueError, match="-1 bytes"):
        bench.cpu.fill(0x30_0000, -1, 0)


def test_addresses_beyond_32_bits_are_a_general_protection_fault(bench):
    with pytest.raises(TripleFault):
        bench.cpu.load(0x1_0000_0000, 4)
    first = next(event for event in bench.machine.trace.events if event.kind == "fault")
    assert first.fields["vector"] == 13


def test_a_split_access_keeps_its_first_part_and_resumes_at_the_second(paged):
    cpu = paged.cpu
    paged.map(0x80_0000, 0x40_0000)
    halves = []

    def mend(frame):
        halves.append((frame.cr2, paged.ram.read(0x40_0FFE, 2)))
        paged.map(0x80_1000, 0x50_0000)

    paged.record_page_faults(mend)
    cpu.store(0x80_0FFE, 4, 0x4433_2211)
    assert halves == [(0x80_1000, b"\x11\x22")]
    assert paged.ram.read(0x50_0000, 2) == b"\x33\x44"
    assert cpu.load(0x80_0FFE, 4) == 0x4433_2211


def test_eight_equal_faults_are_a_loop(paged):
    paged.record_page_faults()
    with pytest.raises(FaultLoop, match="0xdeadb000") as caught:
        paged.cpu.load(0xDEAD_B000, 4)
    assert len(paged.faults) == 8
    assert caught.value.post_mortem["vector"] == "#PF"


def test_a_handler_that_changes_the_tables_each_time_is_no_loop(paged):
    paged.map(0x80_0000, 0, 0)

    def mend(_frame):
        count = len(paged.faults)
        paged.ram.store(paged.pte(0x80_0000), 4, count << 12 | (3 if count == 20 else 0))

    paged.record_page_faults(mend)
    paged.cpu.load(0x80_0000, 4)
    assert len(paged.faults) == 20


def test_fetch_reads_the_code_of_the_image(bench):
    assert bench.cpu.fetch(bench.cpu.ip) == 0x90


def test_a_number_is_no_data_to_write(bench):
    with pytest.raises(TypeError):
        bench.cpu.write(0x30_0000, 5)
