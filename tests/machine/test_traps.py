import pytest

from kernel_sim.errors import FaultLoop, KernelError, MachineStopped, TripleFault
from kernel_sim.machine.descriptors import interrupt_gate, interrupt_gate_64, task_gate
from kernel_sim.machine.exceptions import Vector, escalates

PAGE = 0x80_0000


def words(bench, address, count, size=4):
    return [bench.ram.load(address + size * n, size) for n in range(count)]


def test_a_page_fault_pushes_error_code_eip_cs_and_eflags(paged):
    cpu = paged.cpu
    sp, ip, flags = cpu.sp, cpu.ip, cpu.flags
    paged.record_page_faults(lambda _frame: paged.map(PAGE, 0x40_0000))
    cpu.store(PAGE + 8, 4, 1)
    (frame,) = paged.faults
    assert words(paged, sp - 16, 4) == [0x2, ip, 8, flags]
    assert (frame.vector, frame.error_code, frame.cr2) == (14, 0x2, PAGE + 8)
    assert (frame.ip, frame.sp, frame.pushed_at, frame.cpl) == (ip, sp, sp - 16, 0)
    assert (cpu.sp, cpu.ip, cpu.flags) == (sp, ip, flags)
    assert paged.ram.load(0x40_0008, 4) == 1


def test_the_handler_runs_below_its_frame_with_interrupts_off(paged):
    cpu = paged.cpu
    cpu.sti()
    seen = []

    def look(_frame):
        seen.append((cpu.sp, cpu.ip, cpu.flags & 0x200))
        cpu.push(0xBAD)
        paged.map(PAGE, 0x40_0000)

    paged.record_page_faults(look)
    sp = cpu.sp
    cpu.load(PAGE, 4)
    assert seen == [(sp - 16, paged.symbols["isr_stubs"] + 14 * 16, 0)]
    assert cpu.sp == sp
    assert cpu.flags & 0x200


def test_a_handler_may_change_the_return_address_in_memory(paged):
    def redirect(frame):
        paged.map(PAGE, 0x40_0000)
        paged.cpu.store(frame.pushed_at + 4, 4, 0x1_2340)

    paged.record_page_faults(redirect)
    paged.cpu.load(PAGE, 4)
    assert paged.cpu.ip == 0x1_2340


def test_from_user_mode_the_frame_goes_to_esp0_with_ss_and_esp(paged):
    cpu = paged.cpu
    paged.load_gdt_with_tss()
    kernel_stack = paged.symbols["df_stack_top"]
    cpu.store(paged.symbols["tss"] + 4, 4, kernel_stack)
    cpu.store(paged.symbols["tss"] + 8, 4, 0x10)
    paged.record_page_faults(lambda _frame: paged.map(PAGE, 0x40_0000, flags=7))
    sp, ip = cpu.sp, cpu.ip
    with cpu.user():
        cpu.store(PAGE, 4, 5)
        assert (cpu.cpl, cpu.sp) == (3, sp)
    assert words(paged, kernel_stack - 24, 6) == [0x6, ip, 8 | 3, cpu.flags, sp, 0x10 | 3]
    assert paged.faults[0].cpl == 3
    assert (cpu.cpl, paged.ram.load(0x40_0000, 4)) == (0, 5)


def test_user_code_may_not_reach_supervisor_pages(paged):
    cpu = paged.cpu
    paged.load_gdt_with_tss()
    cpu.store(paged.symbols["tss"] + 4, 4, paged.symbols["df_stack_top"])

    def stop(frame):
        paged.faults.append(frame)
        raise MachineStopped("killed")

    paged.empty_idt()
    paged.install(14, stop)
    with pytest.raises(MachineStopped, match="killed"), cpu.user():
        cpu.load(paged.symbols["idt"], 4)
    assert paged.faults[0].error_code == 0x5
    assert cpu.cpl == 0


def test_a_user_fault_without_a_task_register_is_a_triple_fault(paged):
    paged.record_page_faults()
    with pytest.raises(TripleFault, match="TR is empty"), paged.cpu.user():
        paged.cpu.load(PAGE, 4)


def test_without_an_idt_a_fault_is_a_triple_fault_with_a_post_mortem(paged):
    ip = paged.cpu.ip
    with pytest.raises(TripleFault, match="triple fault") as caught:
        paged.cpu.store(0xDEAD_BEEF, 4, 1)
    report = caught.value.post_mortem
    assert report["registers"]["cr2"] == 0xDEAD_BEEF
    assert report["registers"]["ip"] == ip
    assert [fault["name"] for fault in report["faults"]] == ["#PF", "#GP", "#DF", "#GP"]
    assert report["faults"][0]["error_code"] == 2
    assert report["events"][-1]["kind"] == "fault"
    assert [step["level"] for step in report["walk"]] == ["PDE"]


def test_a_page_fault_while_a_page_fault_is_pushed_is_a_double_fault(paged):
    cpu = paged.cpu
    doubles = []
    paged.load_gdt_with_tss()
    paged.record_page_faults()
    df_stub = paged.symbols["isr_stubs"] + 8 * 16
    tss = paged.symbols["df_tss"]
    for offset, value in (
        (28, cpu.cr3),
        (32, df_stub),
        (36, 2),
        (56, paged.symbols["df_stack_top"]),
        (76, 8),
        (80, 0x10),
    ):
        cpu.store(tss + offset, 4, value)

    def on_double(frame):
        doubles.append((frame.vector, cpu.sp, cpu.ip))
        raise MachineStopped("double fault")

    paged.install(8, on_double, gate=task_gate(0x20))
    interrupted_ip = cpu.ip
    cpu.sp = 0x90_0000
    with pytest.raises(MachineStopped, match="double fault"):
        cpu.load(PAGE, 4)
    assert doubles == [(8, paged.symbols["df_stack_top"] - 4, df_stub)]
    assert words(paged, paged.symbols["df_stack_top"] - 4, 1) == [0]
    assert paged.ram.load(paged.symbols["tss"] + 32, 4) == interrupted_ip
    assert paged.ram.load(paged.symbols["tss"] + 56, 4) == 0x90_0000
    assert paged.ram.load(tss, 2) == 0x18
    assert not paged.faults


def test_a_task_gate_with_a_stale_cr3_is_a_triple_fault(paged):
    cpu = paged.cpu
    paged.load_gdt_with_tss()
    paged.record_page_faults()
    paged.install(8, lambda _frame: None, gate=task_gate(0x20))
    cpu.store(paged.symbols["df_tss"] + 56, 4, paged.symbols["df_stack_top"])
    cpu.sp = 0x90_0000
    with pytest.raises(TripleFault) as caught:
        cpu.load(PAGE, 4)
    assert caught.value.post_mortem["registers"]["cr3"] == 0


def test_a_task_that_returns_resumes_the_interrupted_one(paged):
    cpu = paged.cpu
    paged.load_gdt_with_tss()
    paged.empty_idt()
    stub = paged.symbols["isr_stubs"]
    for tss, top in (("df_tss", paged.symbols["df_stack_top"]), ("tss", 0)):
        cpu.store(paged.symbols[tss] + 28, 4, cpu.cr3)
        cpu.store(paged.symbols[tss] + 32, 4, stub + 14 * 16)
        cpu.store(paged.symbols[tss] + 56, 4, top)
        cpu.store(paged.symbols[tss] + 76, 4, 8)
    paged.install(14, lambda _frame: paged.map(PAGE, 0x40_0000), gate=task_gate(0x20))
    sp, ip = cpu.sp, cpu.ip
    cpu.store(PAGE, 4, 3)
    assert (cpu.sp, cpu.ip, cpu.tr.selector) == (sp, ip, 0x18)
    assert paged.ram.load(0x40_0000, 4) == 3


@pytest.mark.parametrize(
    ("first", "second", "double"),
    [
        (Vector.PF, Vector.PF, True),
        (Vector.PF, Vector.GP, True),
        (Vector.PF, Vector.UD, False),
        (Vector.GP, Vector.NP, True),
        (Vector.GP, Vector.PF, False),
        (Vector.UD, Vector.PF, False),
        (Vector.DE, Vector.TS, True),
    ],
)
def test_escalation_follows_the_contributory_table(first, second, double):
    assert escalates(first, second) is double


def test_an_absent_gate_is_not_present_fault_with_the_gate_in_its_error_code(paged):
    seen = []
    paged.empty_idt()
    paged.install(6, lambda _frame: None, gate=bytes(5) + b"\x0e" + bytes(2))

    def stop(frame):
        seen.append((frame.vector, frame.error_code))
        raise MachineStopped("seen")

    paged.install(11, stop)
    with pytest.raises(MachineStopped, match="seen"):
        paged.cpu.interrupt(Vector.UD)
    assert seen == [(11, 6 * 8 + 3)]


def test_a_gate_to_a_data_segment_is_refused(paged):
    paged.record_page_faults()
    paged.install(14, lambda _frame: None, gate=interrupt_gate(0x1_1000, 0x10))
    with pytest.raises(TripleFault):
        paged.cpu.load(PAGE, 4)
    faults = [e.fields for e in paged.machine.trace.events if e.kind == "fault"]
    assert (faults[1]["vector"], faults[1]["error_code"]) == (13, 0x11)


def test_a_gate_that_leads_to_no_code_stops_the_machine(paged):
    paged.empty_idt()
    paged.cpu.write(paged.symbols["idt"] + 14 * 8, interrupt_gate(0x1_2345, 8))
    with pytest.raises(MachineStopped, match="leads to 0x12345, where no code is"):
        paged.cpu.load(PAGE, 4)


def test_a_handler_that_faults_itself_nests(paged):
    cpu = paged.cpu

    def mend(frame):
        if frame.cr2 == PAGE:
            cpu.load(PAGE + 0x10_0000, 4)
        paged.map(frame.cr2, 0x40_0000)

    paged.record_page_faults(mend)
    sp = cpu.sp
    cpu.load(PAGE, 4)
    assert [frame.cr2 for frame in paged.faults] == [PAGE, PAGE + 0x10_0000]
    assert paged.faults[1].sp == sp - 16
    assert cpu.sp == sp


def test_handlers_that_fault_for_ever_are_stopped(paged):
    paged.record_page_faults(lambda frame: paged.cpu.load(frame.cr2 + 0x1000, 4))
    with pytest.raises(FaultLoop, match="16 deep"):
        paged.cpu.load(PAGE, 4)


def test_a_kernel_error_out_of_a_handler_unwinds_the_registers(paged):
    def fail(_frame):
        raise KernelError(1)

    paged.empty_idt()
    paged.install(14, fail)
    sp, ip = paged.cpu.sp, paged.cpu.ip
    with pytest.raises(KernelError):
        paged.cpu.load(PAGE, 4)
    assert (paged.cpu.sp, paged.cpu.ip) == (sp, ip)


def test_the_64_bit_frame_has_five_words_and_an_aligned_stack(bench):
    pt = bench.enter_long_mode()
    cpu = bench.cpu
    bench.ram.store(pt + 8 * 0x80, 8, 0)
    bench.empty_idt()
    frames = []

    def mend(frame):
        frames.append(frame)
        bench.ram.store(pt + 8 * 0x80, 8, 0x40_0003)

    bench.install(14, mend)
    cpu.sp -= 8
    sp, ip, flags = cpu.sp, cpu.ip, cpu.flags
    cpu.store(0x8_0010, 8, 77)
    top = (sp & ~0xF) - 48
    assert frames[0].pushed_at == top
    assert words(bench, top, 6, 8) == [2, ip, 8, flags, sp, 0x10]
    assert (cpu.sp, bench.ram.load(0x40_0010, 8)) == (sp, 77)


def test_an_ist_stack_is_reset_to_its_top_on_each_entry(bench):
    pt = bench.enter_long_mode()
    cpu = bench.cpu
    bench.load_gdt_with_tss()
    top = bench.symbols["df_stack_top"]
    cpu.store(bench.symbols["tss"] + 28 + 8 * 3, 8, top)
    bench.empty_idt()
    places = []
    for page in (0x80, 0x81):
        bench.ram.store(pt + 8 * page, 8, 0)

    def mend(frame):
        places.append((frame.pushed_at, frame.cr2))
        if frame.cr2 == 0x8_0000:
            cpu.load(0x8_1000, 8)
            raise MachineStopped("the outer frame is lost")
        bench.ram.store(pt + 8 * 0x81, 8, 0x40_0003)

    stub = bench.symbols["isr_stubs"] + 14 * 16
    bench.install(14, mend, gate=interrupt_gate_64(stub, 8, ist=3))
    with pytest.raises(MachineStopped, match="lost"):
        cpu.load(0x8_0000, 8)
    assert places == [(top - 48, 0x8_0000), (top - 48, 0x8_1000)]


def test_a_non_canonical_address_is_a_general_protection_fault(bench):
    bench.enter_long_mode()
    with pytest.raises(TripleFault):
        bench.cpu.load(0x0000_8000_0000_0000, 8)
    fault = next(e.fields for e in bench.machine.trace.events if e.kind == "fault")
    assert (fault["vector"], fault["error_code"], fault["address"]) == (13, 0, None)
