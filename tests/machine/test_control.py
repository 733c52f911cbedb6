import pytest

from kernel_sim.errors import FaultLoop, MachineStopped, TripleFault
from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_LA57,
    CR4_PAE,
    CR4_PSE,
    EFER_LMA,
    EFER_LME,
    EFER_NXE,
    MSR_EFER,
)

DIRECTORY = 0x20_0000


def write_and_catch(bench, action):
    """The vectors that ``action`` raises with an IDT whose #GP handler lets it be tried again."""
    seen = []
    bench.empty_idt()
    bench.install(13, lambda frame: seen.append(frame.vector))
    with pytest.raises(FaultLoop):
        action()
    return seen


def test_the_firmware_hands_over_in_protected_mode_without_paging(bench):
    assert bench.cpu.cr0 == CR0_PE | CR0_WP
    assert (bench.cpu.cr3, bench.cpu.cr4, bench.cpu.efer, bench.cpu.cpl) == (0, 0, 0, 0)
    assert not bench.cpu.paging


@pytest.mark.parametrize(
    ("register", "value"),
    [
        ("cr0", CR0_PG),
        ("cr0", 1 << 32),
        ("cr3", 1 << 40),
        ("cr4", 1 << 3),
        ("efer", 1),
    ],
)
def test_a_forbidden_value_is_a_general_protection_fault(bench, register, value):
    before = getattr(bench.cpu, register)
    seen = write_and_catch(bench, lambda: setattr(bench.cpu, register, value))
    assert set(seen) == {13}
    assert getattr(bench.cpu, register) == before


def test_long_mode_without_pae_is_a_general_protection_fault(bench):
    bench.cpu.efer = EFER_LME
    seen = write_and_catch(bench, lambda: setattr(bench.cpu, "cr0", bench.cpu.cr0 | CR0_PG))
    assert set(seen) == {13}


def test_unknown_model_specific_registers_are_a_general_protection_fault(bench):
    assert set(write_and_catch(bench, lambda: bench.cpu.rdmsr(0x1234))) == {13}
    assert bench.cpu.rdmsr(0x1B) & 1 << 11
    assert bench.cpu.rdmsr(MSR_EFER) == 0


def test_paging_with_the_kernel_unmapped_is_a_triple_fault(bench):
    bench.ram.write(DIRECTORY, bytes(4096))
    bench.cpu.cr3 = DIRECTORY
    with pytest.raises(TripleFault) as caught:
        bench.cpu.cr0 |= CR0_PG
    assert caught.value.post_mortem["registers"]["cr2"] == bench.cpu.ip


def test_paging_with_the_stack_unmapped_is_a_triple_fault(bench):
    bench.identity_map()
    sp = bench.cpu.sp
    bench.ram.store(bench.pte(sp - 4 & ~0xFFF), 4, 0)
    bench.cpu.cr3 = DIRECTORY
    with pytest.raises(TripleFault):
        bench.cpu.cr0 |= CR0_PG
    assert bench.cpu.cr2 == sp - 4


def test_paging_with_cr3_forgotten_is_a_triple_fault(bench):
    with pytest.raises(TripleFault):
        bench.cpu.cr0 |= CR0_PG


def test_mapping_the_code_to_another_frame_stops_the_machine(bench):
    bench.identity_map()
    bench.map(bench.cpu.ip, 0x40_0000)
    bench.cpu.cr3 = DIRECTORY
    with pytest.raises(MachineStopped, match="foreign bytes"):
        bench.cpu.cr0 |= CR0_PG


def test_a_change_of_cr3_probes_too(paged):
    paged.ram.write(0x30_0000, bytes(4096))
    with pytest.raises(TripleFault):
        paged.cpu.cr3 = 0x30_0000


def test_control_writes_are_events_with_old_and_new_values(paged):
    control = [e.fields for e in paged.machine.trace.events if e.kind == "control"]
    assert [(f["register"], f["old"], f["new"]) for f in control] == [
        ("cr3", 0, DIRECTORY),
        ("cr0", CR0_PE | CR0_WP, CR0_PE | CR0_WP | CR0_PG),
    ]


def test_a_supervisor_write_to_a_read_only_page_faults_only_with_wp(paged):
    paged.map(0x80_0000, 0x40_0000, flags=1)
    paged.cpu.cr0 &= ~CR0_WP
    paged.cpu.store(0x80_0000, 4, 1)
    paged.cpu.cr0 |= CR0_WP
    with pytest.raises(TripleFault):
        paged.cpu.store(0x80_0000, 4, 2)
    assert paged.ram.load(0x40_0000, 4) == 1


def test_4_mib_pages_need_cr4_pse(paged):
    paged.ram.store(DIRECTORY + 4 * 3, 4, 0x40_0000 | 0x83)
    paged.cpu.cr4 = CR4_PSE
    paged.ram.store(0x40_0000 + 0x12345, 1, 77)
    assert paged.cpu.load(0xC0_0000 + 0x12345, 1) == 77


def test_entering_long_mode_sets_lma_and_8_byte_pushes(bench):
    bench.enter_long_mode()
    assert bench.cpu.efer == EFER_LME | EFER_LMA | EFER_NXE
    assert bench.cpu.word == 8
    assert set(write_and_catch(bench, lambda: setattr(bench.cpu, "cr0", CR0_PE))) == {13}
    assert set(write_and_catch(bench, lambda: setattr(bench.cpu, "cr4", 0))) == {13}
    changed = CR4_PAE | CR4_LA57
    assert set(write_and_catch(bench, lambda: setattr(bench.cpu, "cr4", changed))) == {13}


def test_a_reserved_bit_in_a_pdpte_is_refused_when_cr3_is_loaded(bench):
    table = bench.new_table()
    bench.ram.store(table, 8, 0x30_0000 | 1 | 1 << 5)
    bench.cpu.cr4 = CR4_PAE
    bench.cpu.cr3 = table
    seen = write_and_catch(bench, lambda: setattr(bench.cpu, "cr0", bench.cpu.cr0 | CR0_PG))
    assert set(seen) == {13}
    assert not bench.cpu.paging


def test_user_code_may_not_write_control_registers(paged):
    paged.load_gdt_with_tss()
    paged.cpu.store(paged.symbols["tss"] + 4, 4, paged.symbols["df_stack_top"])
    paged.cpu.store(paged.symbols["tss"] + 8, 4, 0x10)

    def as_user():
        with paged.cpu.user():
            paged.cpu.cr3 = 0

    assert set(write_and_catch(paged, as_user)) == {13}
    assert paged.cpu.cpl == 0
