"""What holds for every kernel: it boots on its own machine and on others, and keeps the invariants.

The invariants are judged from outside: by RAM, by a sweep of the tables, by the TLB's entries.
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.boot import boot
from kernel_sim.conformance.verify import verify
from kernel_sim.errors import KernelError
from kernel_sim.inspection import AddressSpace, sweep, table_frames
from kernel_sim.machine import machine_spec, random_spec
from kernel_sim.machine.firmware.bootable import HAND_OVER
from kernel_sim.page_table import PageTableFlags
from kernel_sim.profiles import profile, profile_names
from kernel_sim.values import RegionKind

OTHER_OFFSET = 0xFFFF_A000_0000_0000
RIGHTS = PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE | PageTableFlags.NO_EXECUTE
REQUESTS = ((100, 8), (64, 64), (1, 8), (3000, 16), (4096, 4096), (24, 8))


def machines(name):
    """The kernel's own machine, its map in another order, random ones, another direct map."""
    firmware = HAND_OVER[name]
    own = machine_spec(profile(name).machine)
    yield own
    shuffled = replace(own, name="reversed", entries=own.entries[::-1])
    yield replace(shuffled, descriptors=own.descriptors[::-1])
    for seed in (3, 5):
        yield random_spec(seed, firmware=firmware)
    if firmware == "bootinfo":
        yield replace(own, name="elsewhere", physical_memory_offset=OTHER_OFFSET)


BOOTS = [
    pytest.param(name, spec, id=f"{name}-{spec.name}")
    for name in profile_names()
    for spec in machines(name)
]


@pytest.fixture(scope="module")
def booted():
    """Boots each kernel once on each machine, for the tests that only look."""
    known = {}

    def of(name, spec):
        if (name, spec.name) not in known:
            known.clear()
            known[name, spec.name] = boot(name, spec)
        return known[name, spec.name]

    return of


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_every_step_and_every_self_test_goes_well(booted, name, spec):
    result = booted(name, spec)
    assert result.ok, result.oops
    assert len(result.selftests) >= 5
    assert [test for test in result.selftests if not test.passed] == []


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_invariant_4_no_table_can_be_written_by_user_code(booted, name, spec):
    machine = booted(name, spec).machine
    tables = table_frames(AddressSpace.of(machine))
    assert len(tables) >= 3
    wanted = PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE
    for item in sweep(AddressSpace.of(machine)):
        if item.flags & wanted == wanted:
            assert not any(item.physical <= t < item.physical + item.length for t in tables)


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_invariant_5_no_tlb_entry_disagrees_with_the_tables(booted, name, spec):
    machine = booted(name, spec).machine
    ranges = sweep(AddressSpace.of(machine))
    entries = machine.cpu.tlb.entries()
    assert entries
    for entry in entries:
        (mapped,) = (item for item in ranges if item.start <= entry.page < item.end)
        assert entry.frame == mapped.physical + entry.page - mapped.start
        assert entry.flags & RIGHTS == mapped.flags & RIGHTS


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_invariants_1_2_3_frames_are_usable_distinct_and_no_tables(name, spec):
    result = boot(name, spec)
    usable = [r for r in result.regions if r.kind is RegionKind.AVAILABLE]
    tables = table_frames(AddressSpace.of(result.machine))
    frames = [result.call("pmm_alloc_frame") for _ in range(100)]
    assert len(set(frames)) == 100
    for frame in frames:
        assert frame % PAGE_SIZE == 0
        assert frame not in tables
        end = frame
        for region in usable:
            if region.base <= end < region.end:
                end = region.end
        assert end >= frame + PAGE_SIZE, hex(frame)
    image = result.machine.boot_info.kernel
    assert not any(image.start < frame + PAGE_SIZE and frame < image.end for frame in frames)


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_invariant_6_heap_blocks_are_disjoint_aligned_and_keep_their_bytes(name, spec):
    result = boot(name, spec)
    cpu, blocks = result.machine.cpu, []
    for number, (size, align) in enumerate(REQUESTS * 2):
        pointer = result.call("kmalloc", size, align)
        assert pointer is not None
        assert pointer % align == 0
        cpu.fill(pointer, size, number + 1)
        blocks.append((pointer, size, number + 1))
    for pointer, size, byte in blocks:
        assert cpu.read(pointer, size) == bytes([byte]) * size
    extents = sorted((pointer, pointer + size) for pointer, size, _ in blocks)
    assert all(first[1] <= second[0] for first, second in pairwise(extents))


@pytest.mark.parametrize(("name", "spec"), BOOTS)
def test_invariant_7_accounting_balances(name, spec):
    result = boot(name, spec)
    before = result.call("pmm_stats")
    assert before.used + before.free == before.total
    frame = result.call("pmm_alloc_frame")
    after = result.call("pmm_stats")
    assert (after.total, after.free) == (before.total, before.free - 1)
    try:
        result.call("pmm_free_frame", frame)
    except KernelError:
        return
    assert result.call("pmm_stats").free == before.free


@pytest.mark.parametrize("name", profile_names())
def test_invariant_8_the_same_inputs_give_the_same_trace(name):
    spec = random_spec(3, firmware=HAND_OVER[name])
    first, second = (boot(name, spec, seed=4).machine.trace.hash() for _ in range(2))
    assert first == second != boot(name).machine.trace.hash()


@pytest.mark.parametrize("name", profile_names())
def test_an_emulator_sees_the_address_space_as_this_machine_does(name):
    pytest.importorskip("unicorn", reason="compares with Unicorn")
    *_, report = verify(boot(name, random_spec(3, firmware=HAND_OVER[name])).machine)
    assert report.pages_checked > 500
    assert report.divergences == []
