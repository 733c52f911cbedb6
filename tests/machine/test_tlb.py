import pytest

from kernel_sim.errors import TripleFault
from kernel_sim.machine.control_bits import CR0_PG, CR4_PGE, CR4_PSE, CR4_SMAP, CR4_SMEP
from kernel_sim.machine.tlb import Tlb, TlbEntry

PAGE = 0x80_0000


def entry(page, *, frame=0, shift=12, is_global=False):
    return TlbEntry(page, frame, shift, 0x46 | (0x100 if is_global else 0))


def test_a_missing_invlpg_keeps_the_old_translation(paged):
    paged.map(PAGE, 0x40_0000)
    paged.ram.store(0x40_0000, 4, 1)
    paged.ram.store(0x50_0000, 4, 2)
    assert paged.cpu.load(PAGE, 4) == 1
    paged.map(PAGE, 0x50_0000)
    assert paged.cpu.load(PAGE, 4) == 1
    paged.cpu.invlpg(PAGE + 0x123)
    assert paged.cpu.load(PAGE, 4) == 2


def test_a_recorded_store_names_the_frame_that_the_page_led_to_then(paged):
    trace = paged.machine.trace
    trace.stores = True
    paged.map(PAGE, 0x40_0000)
    begin = len(trace.store_log)
    for value in (1, 2):
        paged.cpu.store(PAGE + 8, 4, value)
    paged.cpu.write(PAGE + 8, b"\x03\0\0")
    paged.map(PAGE, 0x50_0000)
    paged.cpu.invlpg(PAGE)
    paged.cpu.store(PAGE + 8, 4, 4)
    stores = [s for s in trace.store_log[begin:] if s.physical >= 0x40_0000]
    assert [(s.physical, s.old[0], s.new) for s in stores[:-1]] == [
        (0x40_0008, paged.ram.poison(0x400)[8], b"\1\0\0\0"),
        (0x40_0008, 1, b"\2\0\0\0"),
        (0x40_0008, 2, b"\3\0\0"),
    ]
    assert paged.ram.load(0x40_0008, 4) == 3
    assert stores[-1].physical == 0x50_0008
    trace.stores = False
    paged.cpu.store(PAGE + 8, 4, 5)
    assert (paged.ram.load(0x50_0008, 4), len(trace.store_log)) == (5, 0)


def test_an_unmapped_page_stays_readable_until_invlpg(paged):
    paged.map(PAGE, 0x40_0000)
    paged.cpu.load(PAGE, 4)
    paged.map(PAGE, 0, flags=0)
    paged.cpu.load(PAGE, 4)
    paged.cpu.invlpg(PAGE)
    with pytest.raises(TripleFault):
        paged.cpu.load(PAGE, 4)


def test_not_present_is_never_cached(paged):
    paged.record_page_faults(lambda _frame: paged.map(PAGE, 0x40_0000))
    paged.cpu.store(PAGE, 4, 9)
    assert len(paged.faults) == 1
    assert paged.ram.load(0x40_0000, 4) == 9


def test_a_fault_by_stale_rights_drops_the_entry(paged):
    paged.map(PAGE, 0x40_0000, flags=1)
    paged.cpu.load(PAGE, 4)
    paged.map(PAGE, 0x40_0000, flags=3)
    paged.record_page_faults()
    paged.cpu.store(PAGE, 4, 1)
    assert [fault.error_code for fault in paged.faults] == [3]


def test_loading_cr3_flushes_all_but_global_pages(paged):
    cpu = paged.cpu
    cpu.cr4 = CR4_PGE
    paged.map(PAGE, 0x40_0000)
    paged.map(PAGE + 0x1000, 0x40_0000, flags=0x103)
    paged.ram.store(0x40_0000, 4, 1)
    assert cpu.load(PAGE, 4) == cpu.load(PAGE + 0x1000, 4) == 1
    for page in (PAGE, PAGE + 0x1000):
        paged.ram.store(paged.pte(page), 4, 0x50_0103)
    paged.ram.store(0x50_0000, 4, 2)
    cpu.cr3 = cpu.cr3
    assert (cpu.load(PAGE, 4), cpu.load(PAGE + 0x1000, 4)) == (2, 1)
    cpu.cr4 = 0
    assert cpu.load(PAGE + 0x1000, 4) == 2


def test_invlpg_drops_a_global_page(paged):
    paged.cpu.cr4 = CR4_PGE
    paged.map(PAGE, 0x40_0000, flags=0x103)
    paged.cpu.load(PAGE, 4)
    assert any(e.is_global for e in paged.cpu.tlb.entries())
    paged.cpu.invlpg(PAGE)
    assert not any(e.is_global for e in paged.cpu.tlb.entries())


def test_invlpg_anywhere_in_a_large_page_drops_all_of_it(paged):
    paged.cpu.cr4 = CR4_PSE
    slot = 0x20_0000 + 4 * 3
    paged.ram.store(slot, 4, 0x40_0000 | 0x83)
    paged.ram.store(0x45_0000, 4, 1)
    paged.ram.store(0x85_0000, 4, 2)
    assert paged.cpu.load(0xC5_0000, 4) == 1
    paged.ram.store(slot, 4, 0x80_0000 | 0x83)
    assert paged.cpu.load(0xC5_0000, 4) == 1
    paged.cpu.invlpg(0xFF_F000)
    assert paged.cpu.load(0xC5_0000, 4) == 2


def test_the_first_write_sets_the_dirty_bit_and_a_read_does_not(paged):
    paged.map(PAGE, 0x40_0000)
    assert paged.ram.load(paged.pte(PAGE), 4) & 0x60 == 0
    paged.cpu.load(PAGE, 4)
    assert paged.ram.load(paged.pte(PAGE), 4) & 0x60 == 0x20
    paged.cpu.store(PAGE, 4, 0)
    assert paged.ram.load(paged.pte(PAGE), 4) & 0x60 == 0x60


def test_smep_and_smap_keep_the_supervisor_off_user_pages(bench):
    bench.identity_map()
    bench.map(PAGE, 0x40_0000, flags=7)
    bench.cpu.cr4 = CR4_SMEP | CR4_SMAP
    bench.cpu.cr3 = 0x20_0000
    bench.cpu.cr0 |= CR0_PG
    bench.record_page_faults(lambda _frame: bench.cpu.stac())
    with pytest.raises(BaseException, match="no change"):
        bench.cpu.fetch(PAGE)
    assert {fault.error_code for fault in bench.faults} == {0x11}
    bench.cpu.stac()
    bench.cpu.load(PAGE, 4)
    bench.cpu.clac()
    with pytest.raises(BaseException, match="no change"):
        bench.cpu.load(PAGE, 4)
    assert bench.faults[-1].error_code == 0x1


def test_the_smallest_of_overlapping_pages_answers():
    tlb = Tlb()
    tlb.insert(entry(0, frame=0x4000_0000, shift=22))
    tlb.insert(entry(0x1000, frame=0x5000))
    assert tlb.lookup(0x1234).physical(0x1234) == 0x5234
    assert tlb.lookup(0x2234).physical(0x2234) == 0x4000_2234
    assert tlb.drop(0x1000)
    assert tlb.lookup(0x1234) is None
