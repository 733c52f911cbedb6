"""The heaps of Lab 4's experiments: one that wastes, one that believes; and the race."""

import pytest

from kernel_sim.errors import InputError
from kernel_sim.notebook import boot, race
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.heap_specimens import PagePerBlock, Trusting


def booted(heap: object) -> Booted:
    return boot("pc4", until="heap", show=False, heap=heap)


def test_each_block_has_pages_of_its_own_and_the_last_frame_ends_it():
    machine = booted(PagePerBlock())
    blocks = [machine.call("kmalloc", size, 8) for size in (24, 5000, 24)]
    assert blocks == [0xC1000000, 0xC1001000, 0xC1003000]
    assert machine.call("heap_stats").blocks == 3
    machine.call("kfree", blocks[0])
    assert machine.call("heap_stats").blocks == 2
    while machine.call("kmalloc", 24, 8) is not None:
        pass
    assert machine.call("pmm_stats").free == 0


def test_no_block_goes_beyond_the_window():
    assert booted(PagePerBlock()).call("kmalloc", 1 << 25, 8) is None


def test_a_trusting_heap_uses_what_was_given_back_and_takes_anything():
    machine = booted(Trusting())
    first, second = (machine.call("kmalloc", 24, 8) for _ in range(2))
    assert (first, second) == (0xC1000008, 0xC1000028)
    machine.call("kfree", None)
    machine.call("kfree", first)
    machine.call("kfree", first)  # nobody objects
    assert machine.call("heap_stats").blocks == 0
    assert machine.call("kmalloc", 4, 8) == first


def test_a_trusting_heap_passes_over_what_is_too_small_and_ends_with_its_page():
    machine = booted(Trusting())
    small, _ = (machine.call("kmalloc", 8, 8) for _ in range(2))
    machine.call("kfree", small)
    assert machine.call("kmalloc", 100, 8) == 0xC1000028
    assert machine.call("kmalloc", 4096, 8) is None


def test_a_race_needs_a_trace_that_exists():
    with pytest.raises(InputError, match="comb"):
        race("combs")
