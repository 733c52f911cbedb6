"""The machine's own MMU as an engine for scenes."""

from kernel_sim.conformance.scene import (
    FETCH,
    HARNESS,
    NO_RAM_VECTOR,
    PHYSICAL_BITS,
    RAM_BYTES,
    READ,
    WRITE,
    WRITTEN,
    Observation,
    Probe,
    Scene,
)
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.exceptions import CpuException, Vector
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import PAE
from kernel_sim.machine.ram import Ram
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import AddrRange


class ModelEngine:
    """Runs scenes with a cold TLB.

    Args:
        mmu_type: the walker under test; the tests put broken ones in its place.
    """

    def __init__(self, mmu_type: type[Mmu] = Mmu) -> None:
        self._mmu_type = mmu_type
        self.faulting_leaves: set[int] = set()
        """Addresses of the 1 GiB leaf entries that a probe of the last scene faulted on."""

    def run(self, scene: Scene) -> tuple[list[Observation], bytes]:
        """What each probe of ``scene`` met, and all of memory below the harness afterwards."""
        ram = Ram([AddrRange(0, RAM_BYTES)])
        ram.write(0, bytes(RAM_BYTES))
        for start, data in scene.guest().frames.items():
            ram.write(start, data)
        mmu = self._mmu_type(ram, PHYSICAL_BITS)
        mmu.configure(scene.mode, wp=scene.write_protect, cr4=scene.cr4, efer=scene.efer)
        mmu.root = scene.root
        if scene.mode is PAE:
            mmu.load_pdptes(scene.root)
        self.faulting_leaves.clear()
        observations = []
        for probe in scene.probes:
            observation = observe(mmu, ram, probe)
            observations.append(observation)
            if observation.vector == Vector.PF:
                self._note_leaf(mmu, probe)
        return observations, ram.read(0, HARNESS)

    def _note_leaf(self, mmu: Mmu, probe: Probe) -> None:
        last = mmu.walk_path(probe.address)[-1]
        if last.level == "PDPTE" and last.entry & PageTableFlags.HUGE_PAGE:
            self.faulting_leaves.add(last.entry_address)


def observe(mmu: Mmu, ram: Ram, probe: Probe) -> Observation:
    """Carry out one access: a walk, then the access itself."""
    access = Access(write=probe.kind == WRITE, fetch=probe.kind == FETCH, user=probe.user)
    try:
        entry = mmu.translate(probe.address, access, ac=probe.ac)
    except CpuException as fault:
        return Observation(int(fault.vector), fault.error_code, fault.address)
    physical = entry.physical(probe.address)
    if physical >= RAM_BYTES:
        return Observation(NO_RAM_VECTOR)
    if probe.kind == WRITE:
        ram.store(physical, 4, WRITTEN)
    value = ram.load(physical, 4) if probe.kind == READ else None
    return Observation(None, value=value, physical=physical)
