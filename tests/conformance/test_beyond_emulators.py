"""What the emulators get wrong or cannot be asked, held against the manual by hand."""

import pytest

from kernel_sim.conformance.divergences import KNOWN
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.control_bits import CR4_PAE
from kernel_sim.machine.exceptions import CpuException, Vector
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import FOUR_LEVEL, PAE
from kernel_sim.machine.ram import Ram
from kernel_sim.values import AddrRange


def mmu_with(entries, mode, physical_bits=52, efer=0x800):
    """An MMU on memory that holds ``entries``: address → 8-byte value."""
    ram = Ram([AddrRange(0, 0x10_0000)])
    ram.write(0, bytes(0x10_0000))
    for address, value in entries.items():
        ram.store(address, 8, value)
    mmu = Mmu(ram, physical_bits)
    mmu.configure(mode, wp=True, cr4=CR4_PAE, efer=efer)
    mmu.root = 0x1000
    return mmu, ram


def fault_of(mmu, address, access=None):
    with pytest.raises(CpuException) as caught:
        mmu.translate(address, access or Access())
    return caught.value.vector, caught.value.error_code


@pytest.mark.parametrize("bit", [1, 2, 5, 6, 7, 8, 52, 62, 63])
def test_a_present_pdpte_with_a_reserved_bit_is_a_general_protection_fault(bit):
    mmu, _ = mmu_with({0x1000: 0x2001 | 1 << bit}, PAE)
    with pytest.raises(CpuException) as caught:
        mmu.load_pdptes(0x1000)
    assert (caught.value.vector, caught.value.error_code) == (Vector.GP, 0)
    assert mmu.pdptes == (0, 0, 0, 0)


def test_an_absent_pdpte_may_have_any_bits():
    mmu, _ = mmu_with({0x1000: 0xFFFF_FFFF_FFFF_FFFE}, PAE)
    mmu.load_pdptes(0x1000)
    assert mmu.pdptes[0] == 0xFFFF_FFFF_FFFF_FFFE


def test_pdptes_are_registers_that_a_store_to_memory_does_not_change():
    mmu, ram = mmu_with({0x1000: 0x2001, 0x2000: 0x3003, 0x3000: 0x4003}, PAE)
    mmu.load_pdptes(0x1000)
    ram.store(0x1000, 8, 0)
    assert mmu.translate(0, Access()).frame == 0x4000
    mmu.load_pdptes(0x1000)
    assert fault_of(mmu, 0) == (Vector.PF, 0)


def test_a_pdpte_gets_no_accessed_flag():
    mmu, ram = mmu_with({0x1000: 0x2001, 0x2000: 0x3003, 0x3000: 0x4003}, PAE)
    mmu.load_pdptes(0x1000)
    mmu.translate(0, Access())
    assert ram.load(0x1000, 8) == 0x2001


@pytest.mark.parametrize("physical_bits", [36, 39, 40, 46, 51])
def test_address_bits_from_maxphyaddr_up_are_reserved(physical_bits):
    tables = {0x1000: 0x2003, 0x2000: 0x3003, 0x3000: 0x4003}
    for bit in (physical_bits - 1, physical_bits, 51):
        mmu, _ = mmu_with({**tables, 0x4000: 0x5003 | 1 << bit}, FOUR_LEVEL, physical_bits)
        if bit < physical_bits:
            assert mmu.translate(0, Access()).frame == 0x5000 | 1 << bit
        else:
            assert fault_of(mmu, 0) == (Vector.PF, 0b1001)


def test_a_reserved_bit_is_reported_with_p_set():
    tables = {0x1000: 0x2003, 0x2000: 0x3003, 0x3000: 0x4003, 0x4000: 0x5003 | 1 << 50}
    mmu, _ = mmu_with(tables, FOUR_LEVEL, 40)
    assert fault_of(mmu, 0, Access(write=True, user=True)) == (Vector.PF, 0b1111)


def test_a_1_gib_leaf_that_faults_keeps_its_accessed_flag_clear():
    mmu, ram = mmu_with({0x1000: 0x2003, 0x2000: 0x83}, FOUR_LEVEL)
    assert fault_of(mmu, 0x1234, Access(user=True)) == (Vector.PF, 0b101)
    assert ram.load(0x2000, 8) == 0x83


def test_a_fetch_from_an_address_that_is_not_canonical_is_a_general_protection_fault():
    mmu, _ = mmu_with({}, FOUR_LEVEL)
    assert fault_of(mmu, 1 << 47, Access(fetch=True)) == (Vector.GP, 0)


def test_every_known_divergence_has_a_name_of_its_own_and_cites_its_rule():
    assert len({item.name for item in KNOWN}) == len(KNOWN) >= 9
    for item in KNOWN:
        assert item.handling in {"normalised", "avoided"}
        assert item.what
        assert item.manual.startswith(("SDM vol.", "no rule of the processor"))
