import os

import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import Ram, machine_spec, ram_for
from kernel_sim.machine import ram as ram_module
from kernel_sim.machine.ram import NO_RAM, poison_word
from kernel_sim.values import AddrRange

RANGES = [AddrRange(0, 0x10_0000), AddrRange(0x1_0000_0000, 0x1_0010_0000)]


@pytest.fixture(params=["mapping", "slab"])
def ram(request, monkeypatch):
    if request.param == "slab":
        monkeypatch.setattr(ram_module, "_allocate", lambda *_: bytearray(64 * 4096))
    return Ram(RANGES, seed=3)


def test_an_untouched_frame_reads_as_its_poison_and_stays_untouched(ram):
    word = poison_word(3, 5).to_bytes(8, "little")
    assert ram.read(0x5000, 16) == word * 2
    assert ram.read(0x5003, 8) == (word * 2)[3:11]
    assert not ram.touched(5)


def test_a_write_keeps_the_poison_round_it(ram):
    ram.write(0x5008, b"abc")
    word = poison_word(3, 5).to_bytes(8, "little")
    assert ram.read(0x5000, 24) == word + b"abc" + word[3:] + word
    assert ram.touched(5)


def test_poison_differs_between_frames_and_seeds():
    words = {poison_word(seed, frame) for seed in range(20) for frame in range(200)}
    assert len(words) == 4000


def test_poison_read_as_page_table_entries_is_present():
    for frame in range(50):
        word = poison_word(0, frame)
        assert word & 1
        assert word >> 32 & 1


def test_a_hole_reads_all_ones_and_swallows_writes(ram):
    ram.write(0x20_0000, b"gone")
    assert ram.read(0x20_0000, 4) == b"\xff" * 4
    assert ram.offset(0x200) == NO_RAM


def test_a_read_across_the_end_of_a_range_is_part_memory_part_hole(ram):
    ram.write(0xF_FFFE, b"xy")
    assert ram.read(0xF_FFFE, 4) == b"xy\xff\xff"


def test_memory_above_4_gib_is_no_alias_of_low_memory(ram):
    ram.store(0x1_0000_5000, 8, 0x1122334455667788)
    ram.store(0x5000, 8, 1)
    assert ram.load(0x1_0000_5000, 8) == 0x1122334455667788


def test_clearing_brings_the_poison_back(ram):
    before = ram.read(0, 0x3000)
    ram.write(0x800, bytes(0x2000))
    ram.clear()
    assert ram.read(0, 0x3000) == before
    assert ram.touched_frames() == []


def test_more_frames_than_the_slab_first_holds_keep_their_contents(ram):
    for frame in range(256):
        ram.store(frame * 4096 + 8, 4, frame)
    assert [ram.load(frame * 4096 + 8, 4) for frame in range(256)] == list(range(256))


def test_the_journal_gets_old_and_new_bytes(ram):
    ram.write(0x1FFE, b"1234")
    seen = []
    ram.journal = lambda physical, old, new: seen.append((physical, old, new))
    ram.write(0x1FFE, b"abcd")
    assert seen == [(0x1FFE, b"12", b"ab"), (0x2000, b"34", b"cd")]


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="needs a memfd")
def test_two_rams_on_one_file_read_the_same_bytes():
    spec = machine_spec("pc4")
    fd = os.memfd_create("ram")
    worker = ram_for(spec, seed=9, fd=fd)
    grader = ram_for(spec, seed=9, fd=fd)
    untouched = grader.read(0x10_0000, 0x2000)
    worker.write(0x10_0100, b"from the other side")
    assert worker.read(0x10_0000, 0x2000) == grader.read(0x10_0000, 0x2000) != untouched
    assert grader.touched(0x100)
    assert not grader.touched(0x101)
    os.close(fd)


def test_a_closed_ram_refuses_access(ram):
    ram.write(0, b"x")
    ram.close()
    with pytest.raises(ValueError, match="released"):
        ram.write(0, b"x")


def test_64_gib_cost_no_memory_until_touched():
    ram = Ram([AddrRange(0, 1 << 36)])
    ram.store((1 << 36) - 8, 8, 42)
    assert ram.load((1 << 36) - 8, 8) == 42


def test_absurd_amounts_are_refused():
    with pytest.raises(InputError, match="bytes of memory"):
        Ram([AddrRange(0, 1 << 47)])
