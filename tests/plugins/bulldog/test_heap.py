"""BD-U3, C10: a heap of fixed size in the higher half, mapped from pre-heap frames."""

import random

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import HeapError, HeapInitError
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.page_table import PageTableFlags

START = 0xFFFF_9000_0000_0000
PAGE = 0x1000


def heap_of(booted):
    """Start and end of the heap as it was set up."""
    (event,) = [e for e in booted.machine.trace.events if e.fields.get("event") == "heap_init"]
    return event.fields["start"], event.fields["end"]


@pytest.mark.parametrize(
    "spec",
    [machine_spec("boot512"), *(random_spec(seed, firmware="bootinfo") for seed in range(3))],
    ids=lambda spec: spec.name,
)
def test_c10_the_heap_holds_the_frame_vector_and_100_kib_more(spec):
    booted = boot("bulldog", spec)
    (vector,) = [e for e in booted.machine.trace.events if e.fields.get("hook") == "kmalloc"]
    size = -(-vector.fields["arguments"]["size"] // PAGE) * PAGE
    start, end = heap_of(booted)
    assert (start, end - start) == (START, size + 100 * 1024)
    assert (end - start) // PAGE <= 500
    assert booted.call("heap_stats").free > 99 * 1024


def test_c10_start_and_end_can_be_set():
    config = {"heap_start": 0xFFFF_9100_0000_0000, "heap_max_end": 0xFFFF_9100_000C_0000}
    booted = boot("bulldog", config=config)
    assert booted.ok, booted.oops
    assert heap_of(booted) == tuple(config.values())


def test_bd_u3_every_page_of_the_heap_is_mapped_writable_from_the_start():
    booted = boot("bulldog")
    start, end = heap_of(booted)
    for page in range(start, end, PAGE):
        flags = booted.call("translate", booted.kernel.root, page).flags
        assert flags & PageTableFlags.WRITABLE
    before = len(booted.first_frames)
    booted.call("kmalloc", 50_000)
    assert (len(booted.first_frames), booted.faults) == (before, [])


def test_blocks_are_aligned_disjoint_keep_their_contents_and_come_back():
    booted = boot("bulldog")
    hooks, cpu, rng = booted.kernel.hooks, booted.machine.cpu, random.Random(7)
    start, end = heap_of(booted)
    empty = hooks.heap_stats()
    live = {}
    for _ in range(1500):
        if live and rng.random() < 0.5:
            ptr = rng.choice(list(live))
            data = live.pop(ptr)
            assert cpu.read(ptr, len(data)) == data
            hooks.kfree(ptr)
            continue
        size, align = rng.randrange(1, 900), 1 << rng.randrange(13)
        ptr = hooks.kmalloc(size, align)
        if ptr is None:
            continue
        assert ptr % align == 0
        assert start <= ptr
        assert ptr + size <= end
        assert not any(ptr < p + len(d) and p < ptr + size for p, d in live.items())
        live[ptr] = rng.randbytes(size)
        cpu.write(ptr, live[ptr])
    assert hooks.heap_stats().blocks == empty.blocks + len(live)
    for ptr in live:
        hooks.kfree(ptr)
    assert hooks.heap_stats() == empty
    assert hooks.kmalloc(empty.free - 16) is not None


def test_a_full_heap_gives_none_and_one_free_makes_room():
    booted = boot("bulldog")
    blocks = []
    while (ptr := booted.call("kmalloc", 4096)) is not None:
        blocks.append(ptr)
    assert len(blocks) > 20
    booted.call("kfree", blocks[3])
    assert booted.call("kmalloc", 4096) == blocks[3]


@pytest.mark.parametrize("size_align", [(0, 8), (8, 3), (8, 0), (1 << 40, 8)])
def test_what_cannot_be_had_is_none(size_align):
    assert boot("bulldog").call("kmalloc", *size_align) is None


def test_a_block_is_freed_once_and_only_by_its_own_pointer():
    booted = boot("bulldog")
    ptr = booted.call("kmalloc", 100)
    stats = booted.call("heap_stats")
    for wrong in (ptr + 16, ptr + 1, START - 64, 0x1000, START):
        with pytest.raises(HeapError) as caught:
            booted.call("kfree", wrong)
        assert caught.value.reason == "FOREIGN_POINTER"
    assert booted.call("heap_stats") == stats
    booted.call("kfree", ptr)
    booted.call("kfree", None)
    with pytest.raises(HeapError) as caught:
        booted.call("kfree", ptr)
    assert caught.value.reason == "DOUBLE_FREE"


def test_an_overwritten_size_is_found_when_the_block_is_freed():
    booted = boot("bulldog")
    ptr = booted.call("kmalloc", 100)
    booted.machine.cpu.store(ptr - 16, 8, 1 << 40)
    with pytest.raises(HeapError) as caught:
        booted.call("kfree", ptr)
    assert caught.value.reason == "CORRUPTED"


@pytest.mark.parametrize(
    ("start", "end", "reason"),
    [
        (START + 1, START + 0x2000, "INVALID_RANGE"),
        (START + 0x1000, START, "INVALID_RANGE"),
        (START, START, "EMPTY_RANGE"),
        (START, START + 0xFFF, "EMPTY_RANGE"),
    ],
)
def test_a_range_without_a_page_is_refused(start, end, reason):
    booted = boot("bulldog", until="frame_allocator", extras=["bulldog_heap"])
    with pytest.raises(HeapInitError) as caught:
        booted.call("heap_init", start, end)
    assert caught.value.reason == reason


def test_the_heap_is_set_up_once():
    booted = boot("bulldog")
    with pytest.raises(HeapInitError) as caught:
        booted.call("heap_init", START + 0x100_0000, START + 0x200_0000)
    assert caught.value.reason == "ALREADY_INITIALIZED"


def test_nothing_works_before_the_heap_is_set_up():
    booted = boot("bulldog", until="frame_allocator", extras=["bulldog_heap"])
    for hook, *arguments in (("kmalloc", 8), ("heap_stats",), ("kfree", 16)):
        with pytest.raises(HeapError, match="heap_init before any other call"):
            booted.call(hook, *arguments)


def test_a_heap_that_wants_more_than_the_array_holds_is_refused():
    config = {"heap_max_end": START + 600 * PAGE}
    booted = boot("bulldog", config=config)
    assert "a frame for every page of the heap" in booted.oops.message
