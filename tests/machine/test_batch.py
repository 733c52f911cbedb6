# ruff: noqa: E402 - only where NumPy is there
import pytest

np = pytest.importorskip("numpy", reason="NumPy is not installed")

from kernel_sim.conformance.scene import (
    FETCH,
    HARNESS,
    PHYSICAL_BITS,
    RAM_BYTES,
    WRITE,
    random_scene,
)
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.batch import GENERAL_PROTECTION, THROUGH, BatchWalker
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import PAE, PAGING_MODES
from kernel_sim.machine.ram import Ram
from kernel_sim.values import AddrRange


def prepared(scene):
    ram = Ram([AddrRange(0, RAM_BYTES)])
    ram.write(0, bytes(RAM_BYTES))
    for start, data in scene.guest().frames.items():
        ram.write(start, data)
    mmu = Mmu(ram, PHYSICAL_BITS)
    mmu.configure(scene.mode, wp=scene.write_protect, cr4=scene.cr4, efer=scene.efer)
    mmu.root = scene.root
    if scene.mode is PAE:
        mmu.load_pdptes(scene.root)
    return ram, mmu


def singly(scene, probes):
    """Codes, physical addresses and memory after walking one by one, without the accesses."""
    ram, mmu = prepared(scene)
    results = []
    for probe in probes:
        kind = Access(write=probe.kind == WRITE, fetch=probe.kind == FETCH, user=probe.user)
        try:
            entry = mmu.translate(probe.address, kind, ac=probe.ac)
        except Exception as fault:  # noqa: BLE001 - whatever the walker raises is the result
            results.append(fault.error_code if fault.vector == 14 else GENERAL_PROTECTION)
        else:
            results.append((THROUGH, entry.physical(probe.address)))
    return results, ram.read(0, HARNESS)


@pytest.mark.parametrize("mode", PAGING_MODES)
@pytest.mark.parametrize("seed", range(8))
def test_a_batch_ends_as_single_walks_do_with_the_same_flags_set(mode, seed):
    scene = random_scene(mode, seed, 600)
    groups = {}
    for probe in scene.probes:
        groups.setdefault((probe.kind, probe.user, probe.ac), []).append(probe)
    through = 0
    for (kind, user, ac), probes in groups.items():
        expected, memory = singly(scene, probes)
        ram, mmu = prepared(scene)
        access = Access(write=kind == WRITE, fetch=kind == FETCH, user=user)
        addresses = np.array([probe.address for probe in probes], np.uint64)
        batch = BatchWalker(mmu, ram).translate(addresses, access, ac=ac)
        got = [
            (THROUGH, int(physical)) if code == THROUGH else int(code)
            for code, physical in zip(batch.codes, batch.physical, strict=True)
        ]
        assert got == expected
        assert ram.read(0, HARNESS) == memory
        through += sum(code == THROUGH for code in batch.codes)
    assert through > 0


def test_no_addresses_give_an_empty_batch():
    ram, mmu = prepared(random_scene("4level", 0))
    assert len(BatchWalker(mmu, ram).translate(np.zeros(0, np.uint64), Access()).codes) == 0
