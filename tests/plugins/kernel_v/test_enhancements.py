"""KV-35 to KV-39: visualizer, counters, fault logger, tags, guards; demand paging of KV-21."""

import random
from itertools import pairwise

import pytest

from kernel_sim import (
    AddrRange,
    FaultAction,
    GuardedRegion,
    GuardKind,
    GuardRequest,
    MachineStopped,
    MapError,
    NotMapped,
    PageFault,
    PageTableFlags,
    RegionKind,
    UnmapError,
)
from kernel_sim.boot import boot

FRAME = 0x1000
RW = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
SPARE = 0xD000_0000


def start(machine="pc128", **config):
    """A whole boot, its hooks and its processor."""
    run = boot(machine=machine, config=config)
    assert run.oops is None
    return run, run.kernel.hooks, run.machine.cpu


def logged(run, event):
    """The fields of all log events of one name."""
    return [e.fields for e in run.machine.trace.events if e.fields.get("event") == event]


# --- the visualizer ------------------------------------------------------------------------


def test_kv_35_the_picture_shows_an_allocation_at_its_place_at_once():
    run, hooks, _ = start()
    per_cell = -(-run.kernel.config.physical_limit // FRAME // 2000)
    frame = 0
    while frame < 0x300_0000:
        frame = hooks.pmm_alloc_frame()
    where = (frame + FRAME) // FRAME // per_cell + 2
    assert hooks.render_memory(80, 25)[where].character == "."
    for _ in range(3 * per_cell):
        frame = hooks.pmm_alloc_frame()
    cell = hooks.render_memory(80, 25)[where]
    assert cell.character == "#"
    assert "used" in cell.label


@pytest.mark.parametrize(("columns", "rows"), [(80, 25), (40, 8), (1, 1), (7, 3)])
@pytest.mark.parametrize("machine", ["pc4", "pc128", "pc-nasty", "map-02"])
def test_kv_35_every_cell_says_what_map_and_bitmap_say(machine, columns, rows):
    run, hooks, _ = start(machine)
    cells, stats = hooks.render_memory(columns, rows), hooks.pmm_stats()
    limit = run.kernel.config.physical_limit
    data = run.machine.ram.read(stats.bitmap_base, stats.bitmap_bytes)
    available = [r for r in run.regions if r.kind is RegionKind.AVAILABLE]
    per_cell = max(1, -(-limit // FRAME // (columns * rows)))
    assert len(cells) == columns * rows
    for index in random.Random(35).sample(range(len(cells)), min(60, len(cells))):
        frames = range(index * per_cell, (index + 1) * per_cell)
        usable = [
            n
            for n in frames
            if (n + 1) * FRAME <= limit
            and any(r.base <= n * FRAME and (n + 1) * FRAME <= r.end for r in available)
        ]
        used = sum(data[n // 8] >> n % 8 & 1 for n in usable)
        character = cells[index].character
        if not usable:
            assert character in "anpx- "
        else:
            assert character == ("." if used == 0 else "#" if used == len(usable) else "+")


# --- reference counters --------------------------------------------------------------------


def test_kv_36_owner_and_mappings_are_counted():
    run, hooks, _ = start()
    frame = hooks.pmm_alloc_frame()
    assert hooks.frame_refcount(frame) == 1
    hooks.map_page(run.kernel.root, SPARE, frame, RW)
    hooks.map_page(run.kernel.root, SPARE + FRAME, frame, RW)
    assert hooks.frame_refcount(frame) == 3
    hooks.unmap_page(run.kernel.root, SPARE)
    hooks.unmap_page(run.kernel.root, SPARE + FRAME)
    hooks.pmm_free_frame(frame)
    assert hooks.frame_refcount(frame) == 0


def test_kv_36_a_refused_call_counts_nothing():
    run, hooks, _ = start()
    frame = hooks.pmm_alloc_frame()
    hooks.map_page(run.kernel.root, SPARE, frame, RW)
    with pytest.raises(MapError):
        hooks.map_page(run.kernel.root, SPARE, frame, RW)
    assert hooks.frame_refcount(frame) == 2


def test_kv_36_a_frame_freed_while_mapped_is_named():
    run, hooks, _ = start()
    frame = hooks.pmm_alloc_frame()
    hooks.map_page(run.kernel.root, SPARE, frame, RW)
    hooks.pmm_free_frame(frame)
    assert hooks.frame_refcount(frame) == 1
    assert [fields["frame"] for fields in logged(run, "freed_while_in_use")] == [frame]


def test_kv_36_heap_frames_count_their_mapping_and_usage_is_sampled_over_time():
    run, hooks, _ = start()
    block = hooks.kmalloc(8000)
    frame = hooks.translate(run.kernel.root, block).physical & -FRAME
    assert hooks.frame_refcount(frame) == 2
    for _ in range(300):
        hooks.pmm_alloc_frame()
    samples = logged(run, "frame_usage")
    assert samples
    assert all(sample["in_use"] <= sample["peak"] for sample in samples)


# --- the fault logger ----------------------------------------------------------------------


def test_kv_37_the_call_chain_of_a_fault_is_logged_innermost_first():
    run, _, cpu = start()
    with pytest.raises(MachineStopped), cpu.frame("outer", 32), cpu.frame("inner", 8):
        cpu.store(0xDEAD_BEEF, 4, 1)
    trace, symbols = logged(run, "fault_trace")[0], cpu.symbols
    assert (trace["address"], trace["error_code"]) == (0xDEAD_BEEF, 2)
    assert trace["frames"][:2] == [symbols["inner"], symbols["outer"]]


@pytest.mark.parametrize("saved_bp", [0, 0xDEAD_0000, 0xFFFF_FFFC, 0x3, "itself", "below"])
def test_kv_37_a_damaged_stack_ends_the_walk_without_another_fault(saved_bp):
    run, _, cpu = start()

    def damage_and_fault():
        links = {"itself": cpu.bp, "below": cpu.bp - 8}
        cpu.store(cpu.bp, 4, links.get(saved_bp, saved_bp))
        cpu.store(0xDEAD_BEEF, 4, 1)

    with pytest.raises(MachineStopped), cpu.frame("outer", 32), cpu.frame("inner", 8):
        damage_and_fault()
    assert len(run.faults) == 1
    assert len(logged(run, "fault_trace")[0]["frames"]) == 2


def test_kv_37_a_deep_chain_is_cut():
    run, _, cpu = start()

    def descend(depth):
        with cpu.frame("again", 4):
            if depth:
                descend(depth - 1)
            else:
                cpu.store(0xDEAD_BEEF, 4, 1)

    with pytest.raises(MachineStopped):
        descend(40)
    assert len(logged(run, "fault_trace")[0]["frames"]) == 17


def test_kv_37_an_overflowed_stack_still_tells_who_called_whom():
    run, _, cpu = start()

    def recurse():
        with cpu.frame("recurse", 64):
            recurse()

    with pytest.raises(MachineStopped):
        recurse()
    trace = logged(run, "fault_trace")[0]
    assert trace["address"] == run.faults[0].fields["address"]
    assert set(trace["frames"]) == {cpu.symbols["recurse"]}
    assert len(trace["frames"]) == 17


# --- tags ----------------------------------------------------------------------------------


def tags_at(hooks, address):
    return {tag for span, tag in hooks.region_tags() if address in span}


def test_kv_38_low_memory_devices_image_and_stack_carry_their_tags():
    run, hooks, _ = start()
    info = run.machine.boot_info
    assert tags_at(hooks, 0x20_0000) >= {"dma-safe"}
    assert tags_at(hooks, 0x100_0000) == set()
    assert tags_at(hooks, 0xB_8000) == {"device-owned"}
    assert tags_at(hooks, info.kernel.start) == {"kernel-image", "dma-safe"}
    assert tags_at(hooks, info.stack.start) == {"boot-stack", "dma-safe"}
    assert "frame-bitmap" in tags_at(hooks, hooks.pmm_stats().bitmap_base)
    assert "page-table" in tags_at(hooks, run.kernel.root)


def test_kv_38_heap_and_guarded_frames_are_followed_until_they_are_freed():
    run, hooks, _ = start()
    root = run.kernel.root
    heap = hooks.translate(root, hooks.kmalloc(10)).physical
    region = hooks.install_guard(GuardRequest(GuardKind.OBJECT, 1, "ring"))
    ring = hooks.translate(root, region.base).physical
    assert "heap" in tags_at(hooks, heap)
    assert "guarded:ring" in tags_at(hooks, ring)
    hooks.remove_guard(region)
    assert tags_at(hooks, ring) <= {"dma-safe"}


def test_kv_38_a_tag_taken_off_the_middle_stays_on_both_sides():
    run, hooks, _ = start()
    run.kernel.log("tag", start=0x300_0000, end=0x310_0000, tag="nic")
    run.kernel.log("tag", start=0x308_0000, end=0x320_0000, tag="disk")
    run.kernel.log("untag", start=0x304_0000, end=0x305_0000, tag="nic")
    hooks.pmm_stats()  # observers are told when a hook returns
    spans = [span for span, tag in hooks.region_tags() if tag == "nic"]
    assert spans == [AddrRange(0x300_0000, 0x304_0000), AddrRange(0x305_0000, 0x310_0000)]
    assert tags_at(hooks, 0x308_0000) == {"nic", "disk"}


def test_kv_38_ranges_of_one_tag_are_joined_where_they_overlap_or_touch():
    run, hooks, _ = start()
    for first, end in (
        (0x300_0000, 0x301_0000),
        (0x302_0000, 0x303_0000),
        (0x301_0000, 0x302_8000),
    ):
        run.kernel.log("tag", start=first, end=end, tag="nic")
    hooks.pmm_stats()  # observers are told when a hook returns
    spans = [span for span, tag in hooks.region_tags() if tag == "nic"]
    assert spans == [AddrRange(0x300_0000, 0x303_0000)]


# --- guard pages ---------------------------------------------------------------------------


def test_kv_39_a_stack_is_guarded_below_and_a_block_on_both_sides():
    _, hooks, _ = start()
    stack = hooks.install_guard(GuardRequest(GuardKind.STACK, 0x2000, "stack"))
    block = hooks.install_guard(GuardRequest(GuardKind.HEAP, 0x1001, "block"))
    assert (stack.guard_low, stack.end - stack.base) == (stack.base - FRAME, 0x2000)
    assert stack.guard_high is None
    assert (block.guard_low, block.guard_high) == (block.base - FRAME, block.end)
    assert block.end - block.base == 0x2000


@pytest.mark.parametrize("kind", list(GuardKind))
def test_kv_39_the_first_byte_past_either_end_faults_and_names_the_owner(kind):
    for side in ("below", "above"):
        run, hooks, cpu = start()
        region = hooks.install_guard(GuardRequest(kind, 1, "victim"))
        cpu.fill(region.base, region.end - region.base, 0x11)
        if side == "above" and region.guard_high is None:
            continue
        with pytest.raises(MachineStopped):
            cpu.store(region.base - 1 if side == "below" else region.end, 1, 0)
        assert logged(run, "guard_fault")[0]["classification"] == "guard"
        assert any(f"{side} 'victim'" in line for line in run.transcript)


def test_kv_39_an_overflow_of_the_kernel_stack_is_reported():
    run, _, cpu = start()

    def recurse_for_ever():
        while True:
            cpu.push(0)

    with pytest.raises(MachineStopped):
        recurse_for_ever()
    assert any("GUARD PAGE" in line and "kernel stack" in line for line in run.transcript)


def test_kv_39_removing_a_region_frees_exactly_its_frames():
    run, hooks, cpu = start()
    hooks.install_guard(GuardRequest(GuardKind.OBJECT, 1, "other"))
    before = hooks.pmm_stats().free
    region = hooks.install_guard(GuardRequest(GuardKind.HEAP, 5 * FRAME, "big"))
    cpu.fill(region.base, 5 * FRAME, 1)
    assert hooks.pmm_stats().free == before - 5
    hooks.remove_guard(region)
    assert hooks.pmm_stats().free == before
    with pytest.raises(NotMapped):
        hooks.translate(run.kernel.root, region.base)
    with pytest.raises(UnmapError):
        hooks.remove_guard(region)
    with pytest.raises(MachineStopped):
        cpu.load(region.base, 1)


def test_kv_39_addresses_are_used_again_and_never_twice():
    run, hooks, _ = start()
    chance, live = random.Random(39), []
    for number in range(200):
        if live and chance.random() < 0.5:
            hooks.remove_guard(live.pop(chance.randrange(len(live))))
        else:
            kind = chance.choice(list(GuardKind))
            request = GuardRequest(kind, chance.randrange(1, 5 * FRAME), str(number))
            live.append(hooks.install_guard(request))
        spans = sorted((r.guard_low, (r.guard_high or r.end - FRAME) + FRAME) for r in live)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
        config = run.kernel.config
        assert all(config.guard_start <= low and high <= config.guard_end for low, high in spans)
    assert max(high for _, high in spans) < run.kernel.config.guard_start + (4 << 20)


def test_kv_39_failure_leaks_neither_frames_nor_addresses():
    _, hooks, _ = start("pc4")
    while hooks.pmm_stats().free > 3:
        hooks.pmm_alloc_frame()
    for size in (10 * FRAME, 1 << 30, 0):
        with pytest.raises(MapError):
            hooks.install_guard(GuardRequest(GuardKind.HEAP, size, "much"))
        assert hooks.pmm_stats().free == 3
    region = hooks.install_guard(GuardRequest(GuardKind.HEAP, 3 * FRAME, "fits"))
    assert isinstance(region, GuardedRegion)


@pytest.mark.parametrize(
    ("address", "error_code", "cpl", "action"),
    [
        (0, 2, 0, FaultAction.PANIC),
        (0xFFF, 0, 0, FaultAction.PANIC),
        (8, 4, 3, FaultAction.KILL),
        (0x1_0000, 5, 3, FaultAction.KILL),
        (0xDEAD_BEEF, 2, 0, None),
        (0xC100_0000, 2, 0, None),
        (0xDEAD_BEEF, 6, 3, None),
    ],
)
def test_kv_39_faults_are_classified_and_those_of_others_passed_on(
    address, error_code, cpl, action
):
    _, hooks, _ = start()
    assert hooks.page_fault(PageFault(address, error_code, 0, 0, 0, cpl)) is action


@pytest.mark.parametrize("machine", ["pc128", "pc-nasty"])
def test_kv_39_a_null_pointer_faults_because_page_0_is_not_mapped(machine):
    run, _, cpu = start(machine)
    with pytest.raises(MachineStopped):
        cpu.store(8, 4, 1)
    assert logged(run, "guard_fault")[0]["classification"] == "null"


def test_kv_39_guard_addresses_are_told_to_the_byte():
    _, hooks, _ = start()
    region = hooks.install_guard(GuardRequest(GuardKind.OBJECT, 1, "one"))
    inside = [region.guard_low, region.base - 1, region.guard_high, region.guard_high + 0xFFF]
    outside = [region.base, region.end - 1, region.guard_high + FRAME]
    answers = [hooks.page_fault(PageFault(a, 2, 0, 0, 0, 0)) for a in (*inside, *outside)]
    assert answers == [FaultAction.PANIC] * 4 + [None] * 3


# --- demand paging -------------------------------------------------------------------------


def test_kv_21_with_demand_paging_a_heap_page_comes_when_it_is_touched():
    run, hooks, cpu = start(demand_paging=True)
    before = hooks.pmm_stats().free
    cpu.store(0xC100_1234, 4, 0xCAFE)
    assert cpu.load(0xC100_1234, 4) == 0xCAFE
    assert cpu.load(0xC100_1FFC, 4) == 0
    assert before - hooks.pmm_stats().free <= 2
    assert [f["page"] for f in logged(run, "pager_mapped")][-1] == 0xC100_1000


def test_kv_21_with_demand_paging_untouched_memory_costs_no_frames():
    _, hooks, cpu = start(demand_paging=True)
    hooks.kmalloc(10)
    before = hooks.pmm_stats().free
    block = hooks.kmalloc(1 << 20)
    assert before - hooks.pmm_stats().free <= 2
    cpu.fill(block, 1 << 20, 1)
    assert 255 <= before - hooks.pmm_stats().free <= 258
    hooks.kfree(block)


def test_kv_21_the_pager_leaves_to_others_what_no_frame_can_mend():
    first, end = 0xC100_0000, 0xC180_0000
    _, hooks, _ = start(demand_paging=True, heap_max_end=end)
    for address, code in ((end, 2), (first - 1, 2), (end - 8, 1), (end - 8, 6), (end - 8, 8)):
        assert hooks.page_fault(PageFault(address, code, 0, 0, 0, 0)) is None


def test_kv_21_without_a_frame_the_pager_gives_up():
    _, hooks, cpu = start("pc4", demand_paging=True)
    while hooks.pmm_alloc_frame() is not None:
        pass
    with pytest.raises(MachineStopped):
        cpu.load(0xC180_0000, 4)
