"""KV-27 to KV-34: the kernel heap."""

import random
from itertools import pairwise

import pytest

from kernel_sim import HeapError, HeapInitError, HeapStats, PageTableFlags
from kernel_sim.boot import boot

START, MAX_END = 0xC100_0000, 0xC200_0000


def start(machine="pc128", **options):
    """A boot up to the heap, its hooks and its processor."""
    run = boot(machine=machine, until="heap", **options)
    return run, run.kernel.hooks, run.machine.cpu


def drain_frames(hooks, leave=0):
    """Take all frames but ``leave`` of them."""
    while hooks.pmm_stats().free > leave:
        hooks.pmm_alloc_frame()


def test_kv_27_a_block_can_be_allocated_used_and_freed():
    _, hooks, cpu = start()
    block = hooks.kmalloc(100)
    cpu.fill(block, 100, 0x5A)
    assert cpu.read(block, 100) == b"\x5a" * 100
    hooks.kfree(block)
    assert hooks.heap_stats().blocks == 0


def test_kv_28_freed_neighbours_are_joined_in_whatever_order_they_come_back():
    for order in ((0, 1, 2), (2, 1, 0), (1, 0, 2), (0, 2, 1)):
        _, hooks, _ = start()
        blocks = [hooks.kmalloc(1000) for _ in range(3)]
        whole = hooks.heap_stats()
        for index in order:
            hooks.kfree(blocks[index])
        assert hooks.heap_stats() == HeapStats(0, whole.used + whole.free, 0)
        assert hooks.kmalloc(3000) == blocks[0]


def test_kv_28_a_freed_block_is_used_again():
    _, hooks, _ = start()
    first = hooks.kmalloc(200)
    hooks.kmalloc(200)
    hooks.kfree(first)
    assert hooks.kmalloc(150) == first


@pytest.mark.parametrize("align", [1, 4, 8, 16, 32, 64, 256, 4096, 0x1_0000])
def test_kv_29_payloads_are_aligned_as_asked(align):
    _, hooks, _ = start()
    for size in (1, 17, 100, 5000):
        assert hooks.kmalloc(size, align) % max(align, 8) == 0


def test_kv_29_an_alignment_that_is_no_power_of_two_gets_nothing():
    _, hooks, _ = start()
    assert hooks.kmalloc(64, 24) is None
    assert hooks.kmalloc(64, 0) is None


def test_kv_30_blocks_in_use_are_counted():
    _, hooks, _ = start()
    blocks = [hooks.kmalloc(size) for size in (10, 20, 3000)]
    stats = hooks.heap_stats()
    assert stats.blocks == 3
    assert stats.used >= 3030
    hooks.kfree(blocks[1])
    assert hooks.heap_stats().blocks == 2
    assert hooks.heap_stats().used < stats.used


def test_kv_31_the_heap_fills_its_range_to_the_last_byte_and_not_beyond():
    end = START + 0x2000
    _, hooks, cpu = start(config={"heap_max_end": end})
    block = hooks.kmalloc(0x2000 - 16)
    assert (block, block + 0x2000 - 16) == (START + 16, end)
    cpu.store(end - 1, 1, 7)
    assert hooks.kmalloc(1) is None
    hooks.kfree(block)
    assert hooks.kmalloc(0x2000) is None
    assert hooks.kmalloc(0x2000 - 16) == block


@pytest.mark.parametrize("end", [START + 0x1001, START + 0x1800, START + 0x1FFF])
def test_kv_31_an_end_within_a_page_is_kept(end):
    _, hooks, _ = start(config={"heap_max_end": end})
    blocks = []
    while (block := hooks.kmalloc(48)) is not None:
        blocks.append(block)
    assert all(block >= START and block + 48 <= end for block in blocks)
    assert end - blocks[-1] < 2 * 64


def test_kv_31_the_range_is_given_once_and_has_to_be_one():
    run, hooks, _ = start()
    fresh = boot(machine="pc128", until="paging", extras=["kernel_v_heap"]).kernel.hooks
    for arguments, reason in (
        ((MAX_END, START), "INVALID_RANGE"),
        ((START, START), "EMPTY_RANGE"),
        ((START + 1, START + 15), "EMPTY_RANGE"),
    ):
        with pytest.raises(HeapInitError) as refused:
            fresh.heap_init(*arguments)
        assert refused.value.reason == reason
    block = hooks.kmalloc(10)
    with pytest.raises(HeapInitError) as again:
        hooks.heap_init(START, MAX_END)
    assert again.value.reason == "ALREADY_INITIALIZED"
    hooks.kfree(block)
    assert run.oops is None


def test_kv_32_the_heap_grows_page_by_page_from_the_frame_allocator():
    run, hooks, _ = start()
    before = hooks.pmm_stats().free
    block = hooks.kmalloc(3 * 4096)
    spent = before - hooks.pmm_stats().free
    assert spent == 4 + 1  # three pages and a header, and the window's first page table
    for page in range(START, START + 4 * 4096, 4096):
        found = hooks.translate(run.kernel.root, page)
        assert found.flags & PageTableFlags.WRITABLE
        assert not found.flags & PageTableFlags.USER_ACCESSIBLE
    assert block == START + 16


def test_kv_32_out_of_frames_gives_none_and_loses_none():
    _, hooks, cpu = start("pc4")
    keep = hooks.kmalloc(100)
    drain_frames(hooks, leave=5)
    before, heap = hooks.pmm_stats(), hooks.heap_stats()
    assert hooks.kmalloc(10 * 4096) is None
    assert (hooks.pmm_stats(), hooks.heap_stats()) == (before, heap)
    cpu.fill(keep, 100, 1)
    assert hooks.kmalloc(4 * 4096) is not None
    assert hooks.kmalloc(4 * 4096) is None


def test_kv_32_without_a_frame_for_a_table_nothing_is_lost():
    _, hooks, _ = start("pc4")
    drain_frames(hooks, leave=1)
    assert hooks.kmalloc(10) is None
    assert hooks.pmm_stats().free == 1


def test_kv_33_the_header_in_memory_tells_size_and_request():
    _, hooks, cpu = start()
    block = hooks.kmalloc(100)
    assert cpu.load(block - 16, 4) == 16 + 112
    assert cpu.load(block - 4, 4) == 100


def test_kv_34_five_thousand_random_operations_keep_blocks_apart_and_contents_whole():
    _, hooks, cpu = start()
    chance, live = random.Random(34), {}
    for number in range(5000):
        if live and chance.random() < 0.48:
            block = chance.choice(sorted(live))
            size, fill = live.pop(block)
            assert cpu.read(block, size) == bytes([fill]) * size
            hooks.kfree(block)
        else:
            size = chance.choice((1, 8, 24, 100, 700, chance.randrange(1, 6000)))
            align = chance.choice((8, 8, 16, 64, 4096))
            block = hooks.kmalloc(size, align)
            assert block % align == 0
            assert block >= START
            assert block + size <= MAX_END
            live[block] = size, number % 251
            cpu.fill(block, size, number % 251)
    spans = sorted((block, block + size) for block, (size, _) in live.items())
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    assert hooks.heap_stats().blocks == len(live)
    total = sum((hooks.heap_stats().used, hooks.heap_stats().free))
    for block in live:
        hooks.kfree(block)
    assert hooks.heap_stats() == HeapStats(0, total, 0)


def test_kv_34_freeing_none_does_nothing_and_size_zero_gives_none():
    _, hooks, _ = start()
    before = hooks.heap_stats()
    hooks.kfree(None)
    assert hooks.kmalloc(0) is None
    assert hooks.heap_stats() == before


def test_kv_34_a_double_free_is_refused_also_after_joining():
    _, hooks, _ = start()
    blocks = [hooks.kmalloc(100) for _ in range(3)]
    for block in blocks:
        hooks.kfree(block)
    before = hooks.heap_stats()
    for block in blocks:
        with pytest.raises(HeapError) as refused:
            hooks.kfree(block)
        assert refused.value.reason == "DOUBLE_FREE"
    assert hooks.heap_stats() == before


def test_kv_34_pointers_that_kmalloc_never_gave_are_refused():
    _, hooks, cpu = start()
    block = hooks.kmalloc(400)
    header = cpu.read(block - 16, 16)
    for offset in range(0, 400, 16):
        cpu.write(block + offset, header)  # a payload full of copies of its own header
    before = hooks.heap_stats()
    strangers = [0, -16, 0xB_8000, START, START - 16, MAX_END, 0xFFFF_FFF0, 1 << 40, block + 1]
    for pointer in [*strangers, *range(block + 16, block + 400, 16)]:
        with pytest.raises(HeapError):
            hooks.kfree(pointer)
    assert hooks.heap_stats() == before
    hooks.kfree(block)


def test_kv_34_a_copy_of_a_piece_of_the_heap_is_no_heap():
    _, hooks, cpu = start()
    first, second, third = (hooks.kmalloc(32) for _ in range(3))
    copy = hooks.kmalloc(400)
    cpu.write(copy, cpu.read(first - 16, third + 32 - (first - 16)))
    before = hooks.heap_stats()
    with pytest.raises(HeapError):
        hooks.kfree(copy + second - (first - 16))
    assert hooks.heap_stats() == before


def test_kv_34_a_block_that_was_overrun_is_found_when_it_is_freed():
    _, hooks, cpu = start()
    block = hooks.kmalloc(96)
    hooks.kmalloc(96)
    cpu.fill(block, 96 + 16, 0x41)
    with pytest.raises(HeapError) as refused:
        hooks.kfree(block)
    assert refused.value.reason == "CORRUPTED"


def test_kv_34_a_write_after_free_is_found_by_the_next_allocation():
    _, hooks, cpu = start()
    block = hooks.kmalloc(96)
    hooks.kmalloc(96)
    hooks.kfree(block)
    cpu.fill(block, 32, 0x41)
    with pytest.raises(HeapError) as refused:
        hooks.kmalloc(2000)
    assert refused.value.reason == "CORRUPTED"


def test_kv_34_an_overrun_into_a_free_block_is_found_by_the_next_allocation():
    _, hooks, cpu = start()
    block, behind, _ = (hooks.kmalloc(96) for _ in range(3))
    hooks.kfree(behind)
    cpu.store(block + 96, 4, 0x4141_4140)  # the free block's size
    with pytest.raises(HeapError) as refused:
        hooks.kmalloc(96)
    assert refused.value.reason == "CORRUPTED"


def test_a_second_boot_starts_with_an_empty_heap():
    for _ in range(2):
        _, hooks, _ = start()
        assert hooks.heap_stats() == HeapStats(0, 0, 0)
        assert hooks.kmalloc(10) == START + 16
