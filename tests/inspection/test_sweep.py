import random
from itertools import pairwise

import pytest

from kernel_sim.conformance.scene import HARNESS, PHYSICAL_BITS, RAM_BYTES, random_scene
from kernel_sim.errors import InputError
from kernel_sim.inspection import AddressSpace, MappedRange, diff, sweep
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.control_bits import CR4_PSE
from kernel_sim.machine.exceptions import CpuException
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import FOUR_LEVEL, PAE, PAGING_MODES
from kernel_sim.machine.ram import Ram
from kernel_sim.page_table import PageTableFlags as F
from kernel_sim.values import AddrRange


def scene_space(mode_name, seed):
    scene = random_scene(mode_name, seed)
    ram = Ram([AddrRange(0, RAM_BYTES)])
    ram.write(0, bytes(RAM_BYTES))
    for start, data in scene.guest().frames.items():
        ram.write(start, data)
    space = AddressSpace(
        ram,
        scene.mode,
        scene.root,
        pse=bool(scene.cr4 & CR4_PSE),
        nxe=scene.nxe,
        physical_bits=PHYSICAL_BITS,
    )
    return scene, space


def walker(scene, space):
    mmu = Mmu(space.ram, PHYSICAL_BITS)
    mmu.configure(scene.mode, wp=scene.write_protect, cr4=0, efer=scene.efer)
    if scene.cr4 & CR4_PSE:
        mmu.configure(scene.mode, wp=scene.write_protect, cr4=CR4_PSE, efer=scene.efer)
    mmu.root = scene.root
    if scene.mode is PAE:
        mmu.load_pdptes(scene.root)
    return mmu


@pytest.mark.parametrize("mode", PAGING_MODES)
@pytest.mark.parametrize("seed", range(6))
def test_the_sweep_agrees_with_the_walker_at_every_probe_of_a_random_scene(mode, seed):
    scene, space = scene_space(mode, seed)
    ranges = sweep(space, numpy=False)
    mmu = walker(scene, space)
    mapped = 0
    for probe in scene.probes:
        found = [item for item in ranges if item.start <= probe.address < item.end]
        try:
            entry = mmu.translate(probe.address, Access(implicit=True))
        except CpuException:
            assert found == []
            continue
        mapped += 1
        (item,) = found
        assert item.physical + probe.address - item.start == entry.physical(probe.address)
        assert bool(item.flags & F.WRITABLE) == entry.writable
        assert bool(item.flags & F.USER_ACCESSIBLE) == entry.user
        assert bool(item.flags & F.NO_EXECUTE) != entry.executable
        assert item.size == 1 << entry.shift
    assert mapped > 0


@pytest.mark.parametrize("mode", PAGING_MODES)
def test_numpy_and_pure_python_sweep_alike(mode):
    pytest.importorskip("numpy", reason="NumPy is not installed")
    for seed in range(20):
        _, space = scene_space(mode, seed)
        assert sweep(space, numpy=True) == sweep(space, numpy=False)


def test_ranges_ascend_and_do_not_overlap():
    for seed in range(10):
        _, space = scene_space("4level", seed)
        ranges = sweep(space)
        assert ranges
        assert all(a.end <= b.start for a, b in pairwise(ranges))


def gibibyte():
    """1 GiB mapped by 4 KiB pages to itself, 4-level."""
    ram = Ram([AddrRange(0, 0x40_0000)])
    ram.write(0, bytes(0x40_0000))
    ram.store(0x1000, 8, 0x2003)
    ram.store(0x2000, 8, 0x3003)
    for number in range(512):
        table = 0x10_0000 + number * 0x1000
        ram.store(0x3000 + 8 * number, 8, table | 3)
        entries = [(number << 21) + (index << 12) | 3 for index in range(512)]
        ram.write(table, b"".join(entry.to_bytes(8, "little") for entry in entries))
    return AddressSpace(ram, FOUR_LEVEL, 0x1000)


def test_a_gibibyte_of_small_pages_is_one_range():
    whole = MappedRange(0, 1 << 30, 0, F.PRESENT | F.WRITABLE, 0x1000)
    assert sweep(gibibyte(), numpy=False) == [whole]


def test_accessed_and_dirty_flags_do_not_break_a_range():
    space = gibibyte()
    draw = random.Random(5)
    for _ in range(100):
        address = 0x10_0000 + 8 * draw.randrange(512 * 512)
        space.ram.store(address, 8, space.ram.load(address, 8) | draw.choice((0x20, 0x60)))
    assert len(sweep(space, numpy=False)) == 1


def test_tables_that_map_themselves_over_and_over_are_refused():
    ram = Ram([AddrRange(0, 0x10_0000)])
    entries = [0x1000 | 3 | (index & 1) << 2 for index in range(512)]
    ram.write(0x1000, b"".join(entry.to_bytes(8, "little") for entry in entries))
    with pytest.raises(InputError, match="more than 1000000 ranges"):
        sweep(AddressSpace(ram, FOUR_LEVEL, 0x1000), numpy=False)


def test_the_diff_shows_what_appeared_went_and_changed():
    def page(start, physical, flags=F.PRESENT):
        return MappedRange(start, start + 0x1000, physical, flags, 0x1000)

    kept = page(0x1000, 0x5000)
    before = [kept, page(0x2000, 0x6000), page(0x3000, 0x7000)]
    after = [kept, page(0x3000, 0x7000, F.PRESENT | F.WRITABLE), page(0x9000, 0x8000)]
    changes = diff(before, after)
    assert [(c.start, c.before is None, c.after is None) for c in changes] == [
        (0x2000, False, True),
        (0x3000, False, False),
        (0x9000, True, False),
    ]
    assert diff(before, before) == []


def test_the_sweep_leaves_memory_as_it_is():
    _, space = scene_space("4level", 3)
    before = space.ram.read(0, HARNESS)
    sweep(space)
    assert space.ram.read(0, HARNESS) == before
