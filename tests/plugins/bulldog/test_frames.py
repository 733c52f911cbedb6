"""BD-12 to BD-19: the pre-heap array, the switch, and the frame vector."""

from dataclasses import replace

import pytest

from kernel_sim.boot import boot
from kernel_sim.errors import FrameError
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.values import AddrRange, RegionKind
from kernel_sim_bulldog.discovery import FrameRange
from kernel_sim_bulldog.frame_vector import FrameVector
from kernel_sim_bulldog.layout import static

FRAME = 0x1000
BASE, END = 0x10_0000, 0x4010_0000
SPECS = [
    machine_spec("boot512"),
    machine_spec("boot512-shuffled"),
    *(random_spec(seed, firmware="bootinfo") for seed in (0, 4, 5)),
]
SMALL = SPECS[2:]
by_name = pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
small = pytest.mark.parametrize("spec", SMALL, ids=lambda spec: spec.name)


def number_of(booted, kind, **fields):
    """The number of the first event of ``kind`` with these fields."""
    for event in booted.machine.trace.events:
        if event.kind == kind and all(event.fields.get(k) == v for k, v in fields.items()):
            return event.number
    raise AssertionError(f"no event {kind} {fields}")


def frames_handed_out(booted):
    """Number of the event, and the frame, of each call of `pmm_alloc_frame`."""
    return [
        (event.number, event.fields["result"])
        for event in booted.machine.trace.events
        if event.fields.get("hook") == "pmm_alloc_frame"
    ]


def drain(booted):
    frames = []
    while (frame := booted.kernel.hooks.pmm_alloc_frame()) is not None:
        frames.append(frame)
    return frames


def usable_frames(booted):
    """A second opinion on which frames may ever be handed out, byte range by byte range."""
    free = [item.range for item in booted.regions if item.kind is RegionKind.AVAILABLE]
    taken = reserved_ranges(booted.machine.boot_info)
    found = []
    for item in free:
        for frame in range(item.start & ~0xFFF, item.end, FRAME):
            whole = AddrRange(frame, frame + FRAME)
            inside = item.start <= whole.start and whole.end <= item.end
            if inside and not any(whole.overlaps(other) for other in taken):
                found.append(frame)
    return found


def vector_of(booted):
    """The frame numbers that lie on the heap, read from memory."""
    event = booted.machine.trace.events[number_of(booted, "hook", hook="kmalloc")]
    address, size = event.fields["result"], event.fields["arguments"]["size"]
    data = booted.machine.cpu.read(address, size)
    return address, [int.from_bytes(data[i : i + 4], "little") for i in range(0, size, 4)]


# --- before the heap ------------------------------------------------------------------------------


@by_name
def test_bd_12_before_the_heap_512_frames_can_be_had_and_not_one_more(spec):
    booted = boot("bulldog", spec, until="init_temp")
    frames = [booted.call("pmm_alloc_frame") for _ in range(512)]
    assert frames == usable_frames(booted)[:512]
    assert booted.call("pmm_alloc_frame") is None
    assert booted.call("pmm_alloc_frame") is None


def test_bd_12_the_array_lies_in_static_memory_with_0_for_none():
    spec = random_spec(0, firmware="bootinfo")
    booted = boot("bulldog", spec, until="init_temp")
    array = static(booted.kernel, "PRE_HEAP_FRAMES")
    assert array.length == 512 * 8
    entries = [booted.machine.cpu.load(array.start + 8 * n, 8) for n in range(512)]
    assert entries == usable_frames(booted)[:512]
    cpu = booted.machine.cpu
    cpu.store(array.start + 8 * 3, 8, 0)
    assert [booted.call("pmm_alloc_frame") for _ in range(5)] == [*entries[:3], None, None]


@by_name
def test_bd_13_the_same_map_gives_the_same_frames(spec):
    first, second = boot("bulldog", spec), boot("bulldog", spec)
    assert frames_handed_out(first) == frames_handed_out(second)
    assert first.machine.trace.hash() == second.machine.trace.hash()


def test_bd_13_the_order_of_the_map_does_not_matter():
    ordered, shuffled = (boot("bulldog", name) for name in ("boot512", "boot512-shuffled"))
    frames = [[frame for _, frame in frames_handed_out(item)] for item in (ordered, shuffled)]
    assert frames[0] == frames[1]


@by_name
def test_bd_14_the_array_serves_only_until_the_heap_is_there(spec):
    booted = boot("bulldog", spec)
    switch = number_of(booted, "log", event="frame_allocator_switched")
    before = [frame for number, frame in frames_handed_out(booted) if number < switch]
    assert before == usable_frames(booted)[: len(before)]
    array = static(booted.kernel, "PRE_HEAP_FRAMES")
    untouched = booted.machine.cpu.read(array.start, array.length)
    drawn = [booted.call("pmm_alloc_frame") for _ in range(3)]
    assert not set(drawn) & set(before)
    booted.machine.cpu.fill(array.start, array.length, 0)
    assert booted.call("pmm_alloc_frame") == drawn[-1] + FRAME
    assert untouched != bytes(array.length)


def test_bd_14_heap_and_tables_fit_into_512_frames_however_much_memory_there_is():
    entries = (replace(machine_spec("boot512").entries[3], length=0x4800_0000),)
    spec = replace(machine_spec("boot512"), entries=(machine_spec("boot512").entries[0], *entries))
    booted = boot("bulldog", spec)
    assert booted.ok, booted.oops
    switch = number_of(booted, "log", event="frame_allocator_switched")
    taken = [frame for number, frame in frames_handed_out(booted) if number < switch]
    assert 256 + 25 < len(taken) < 512


# --- the switch -----------------------------------------------------------------------------------


@pytest.mark.parametrize("sequence", ["documented", "upstream"])
def test_bd_15_allocation_switches_after_the_heap_is_available(sequence):
    booted = boot("bulldog", config={"boot_sequence": sequence})
    heap = number_of(booted, "hook", hook="heap_init")
    switch = number_of(booted, "log", event="frame_allocator_switched")
    vector = number_of(booted, "hook", hook="kmalloc")
    assert heap < vector < switch
    frames = [(number > switch, frame) for number, frame in frames_handed_out(booted)]
    assert frames[0] == (False, usable_frames(booted)[0])
    assert frames[-1] == (True, usable_frames(booted)[len(frames) - 1])


@pytest.mark.parametrize("sequence", ["documented", "upstream"])
def test_bd_15_no_frame_is_handed_out_twice_across_the_switch(sequence):
    booted = boot("bulldog", SMALL[0], config={"boot_sequence": sequence})
    early = [frame for _, frame in frames_handed_out(booted)]
    late = drain(booted)
    assert early
    assert late
    assert len(set(early + late)) == len(early) + len(late)


@by_name
def test_bd_16_a_vector_on_the_heap_holds_every_discovered_frame(spec):
    booted = boot("bulldog", spec)
    address, numbers = vector_of(booted)
    heap = booted.kernel.config.heap_start
    assert heap <= address < heap + 500 * FRAME
    described = [
        number
        for number in range(BASE // FRAME, END // FRAME)
        if _is_described(booted.regions, number * FRAME)
    ]
    assert numbers == described


def _is_described(regions, frame):
    """Whether every byte of ``frame`` lies in some region; ``regions`` are sorted."""
    at = frame
    for item in regions:
        if item.base <= at < item.end:
            at = item.end
    return at >= frame + FRAME


def test_bd_16_the_vector_grows_when_it_is_full():
    booted = boot("bulldog")
    blocks = booted.call("heap_stats").blocks
    vector = FrameVector.with_capacity(booted.kernel, 4)
    first = vector.items
    vector.extend(FrameRange(10, 14))
    assert vector.items == first
    vector.extend(FrameRange(20, 23))
    assert vector.items != first
    assert [vector.frame(index) // FRAME for index in range(7)] == [10, 11, 12, 13, 20, 21, 22]
    assert vector.capacity == 8
    assert booted.call("heap_stats").blocks == blocks + 1


def test_bd_16_a_heap_too_small_for_the_vector_ends_the_boot_with_a_reason():
    booted = boot("bulldog", config={"heap_max_end": 0xFFFF_9000_0000_4000})
    assert not booted.ok
    assert "room on the heap for so many frame numbers" in booted.oops.message
    assert booted.steps[-1].name == "init_heap"


@by_name
def test_bd_17_an_allocation_sets_exactly_one_bit_of_the_bitmap_in_memory(spec):
    booted = boot("bulldog", spec)
    stats = booted.call("pmm_stats")
    before = booted.machine.ram.read(stats.bitmap_base, stats.bitmap_bytes)
    frame = booted.call("pmm_alloc_frame")
    after = booted.machine.ram.read(stats.bitmap_base, stats.bitmap_bytes)
    difference = int.from_bytes(before, "little") ^ int.from_bytes(after, "little")
    assert difference == 1 << (frame - BASE) // FRAME
    assert int.from_bytes(after, "little") & difference
    assert booted.call("pmm_stats").free == stats.free - 1


@small
def test_bd_18_every_usable_frame_is_handed_out_once_and_no_other(spec):
    booted = boot("bulldog", spec)
    early = [frame for _, frame in frames_handed_out(booted)]
    late = drain(booted)
    assert sorted(early + late) == [f for f in usable_frames(booted) if BASE <= f < END]
    stats = booted.call("pmm_stats")
    assert (stats.free, stats.used) == (0, stats.total)
    assert booted.call("pmm_alloc_frame") is None


@by_name
def test_bd_19_all_that_is_not_usable_is_marked_before_the_first_frame_is_handed_out(spec):
    booted = boot("bulldog", spec, until="frame_allocator")
    bitmap = static(booted.kernel, "FRAME_BITMAP")
    bits = int.from_bytes(booted.machine.cpu.read(bitmap.start, bitmap.length), "little")
    clear = [BASE + FRAME * n for n in range(bitmap.length * 8) if not bits >> n & 1]
    assert clear == [frame for frame in usable_frames(booted) if BASE <= frame < END]


def test_bd_19_what_the_array_gave_away_is_marked_at_the_switch():
    booted = boot("bulldog")
    stats = booted.call("pmm_stats")
    bits = int.from_bytes(booted.machine.ram.read(stats.bitmap_base, 0x8000), "little")
    frames = [frame for _, frame in frames_handed_out(booted)]
    assert frames
    assert all(bits >> (frame - BASE) // FRAME & 1 for frame in frames)


def test_nothing_works_before_init_temp_and_a_second_call_changes_nothing():
    booted = boot("bulldog", until="init_offset_page_table", extras=["bulldog_pmm"])
    for hook in ("pmm_alloc_frame", "pmm_stats"):
        with pytest.raises(FrameError, match="pmm_init before any other call"):
            booted.call(hook)
    booted = boot("bulldog")
    first = booted.call("pmm_alloc_frame")
    stats = booted.call("pmm_stats")
    booted.call("pmm_init", booted.regions, [])
    assert booted.call("pmm_stats") == stats
    assert booted.call("pmm_alloc_frame") == first + FRAME
