"""The fault path: from a vector through memory to the plugins that decide."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import MachineStopped
from kernel_sim.host.interrupt_stubs import STUB_BYTES, VECTORS
from kernel_sim.host.oops import KernelOops
from kernel_sim.machine.descriptors import INTERRUPT_GATE, TASK_GATE, decode_gate
from kernel_sim.machine.exceptions import Vector
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import FaultAction, GuardKind, GuardRequest

UNMAPPED = 0xDEAD_B000
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


class Handler:
    """Answers every fault with ``action`` after ``mend`` has done its work."""

    def __init__(self, action=None, mend=None):
        self.action = action
        self.mend = mend
        self.faults = []

    @hookimpl
    def page_fault(self, kernel, fault):
        self.faults.append(fault)
        if self.mend is not None:
            self.mend(kernel, fault)
        return self.action


def booted_with(handler):
    booted = boot(until="heap", extras=[handler])
    assert booted.ok
    handler.faults.clear()
    return booted


def test_the_gates_lie_in_the_kernel_image_before_paging_is_set_up():
    booted = boot(until="gdt_tss")
    symbols = booted.machine.boot_info.symbols
    for vector in range(VECTORS):
        gate = decode_gate(booted.machine.ram.load(symbols["idt"] + 8 * vector, 8))
        assert gate.present
        if vector == Vector.DF:
            assert (gate.type, gate.selector) == (TASK_GATE, 0x18)
        else:
            assert (gate.type, gate.selector) == (INTERRUPT_GATE, 0x08)
            assert gate.offset == symbols["isr_stubs"] + STUB_BYTES * vector
            assert gate.offset in booted.machine.boot_info.kernel
    assert booted.machine.cpu.idtr.base == symbols["idt"]


def test_the_idt_is_loaded_before_paging_is_enabled():
    events = [event.fields for event in boot().machine.trace.events if event.kind == "control"]
    lidt = next(n for n, fields in enumerate(events) if fields["operation"] == "lidt")
    paging = next(n for n, fields in enumerate(events) if fields.get("register") == "cr0")
    assert lidt < paging


def test_a_fault_that_is_mended_is_tried_again():
    def mend(kernel, fault):
        frame = kernel.hooks.pmm_alloc_frame()
        kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), 4096, 0)
        kernel.hooks.map_page(kernel.root, fault.address & ~0xFFF, frame, RIGHTS)

    handler = Handler(FaultAction.RETRY, mend)
    booted = booted_with(handler)
    cpu = booted.machine.cpu
    cpu.store(UNMAPPED + 0x10, 4, 0x1234)
    assert cpu.load(UNMAPPED + 0x10, 4) == 0x1234
    (fault,) = handler.faults
    assert (fault.address, fault.error_code, fault.cpl) == (UNMAPPED + 0x10, 2, 0)
    assert (fault.sp, fault.bp, fault.ip) == (cpu.sp, cpu.bp, cpu.ip)


@pytest.mark.parametrize(
    ("action", "answer"),
    [
        (FaultAction.KILL, "KILL"),
        (FaultAction.PANIC, "PANIC"),
    ],
)
def test_kill_and_panic_stop_the_machine(action, answer):
    booted = booted_with(Handler(action))
    with pytest.raises(MachineStopped) as caught:
        booted.machine.cpu.load(UNMAPPED, 4)
    assert f"page fault at {UNMAPPED:#x}, error code 0x0" in caught.value.cause
    assert caught.value.cause.endswith(answer)
    assert caught.value.post_mortem["registers"]["cr2"] == UNMAPPED


def test_a_fault_that_nobody_answers_stops_the_machine():
    booted = boot(until="heap", config={"demand_paging": False}, extras=[])
    with pytest.raises(MachineStopped, match="page fault at 0xdeadb000"):
        booted.machine.cpu.store(UNMAPPED, 4, 1)


def test_a_handler_that_mends_nothing_ends_in_a_fault_loop():
    booted = booted_with(Handler(FaultAction.RETRY))
    with pytest.raises(MachineStopped, match="fault"):
        booted.machine.cpu.load(UNMAPPED, 4)


def test_a_fault_inside_a_hook_is_an_oops_of_kind_stopped_at_the_students_line():
    class Heap:
        @hookimpl
        def kmalloc(self, kernel):
            return kernel.cpu.load(UNMAPPED, 4)

    booted = boot(until="paging", extras=[Heap()])
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    oops = caught.value.oops
    assert (oops.kind, oops.hook) == ("stopped", "kmalloc")
    assert oops.source_line == "return kernel.cpu.load(UNMAPPED, 4)"
    assert booted.post_mortem["registers"]["cr2"] == UNMAPPED


def test_an_error_in_the_handler_is_the_handlers_oops():
    class Heap:
        @hookimpl
        def kmalloc(self, kernel):
            return kernel.cpu.load(UNMAPPED, 4)

        @hookimpl
        def page_fault(self, fault):
            return fault.place

    booted = boot(until="paging", extras=[Heap()])
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    assert (caught.value.oops.hook, caught.value.oops.kind) == ("page_fault", "raised")


def test_a_fault_inside_the_handler_nests_by_the_same_path():
    def mend(kernel, fault):
        if fault.address == UNMAPPED:
            kernel.cpu.load(UNMAPPED + 0x1000, 4)

    handler = Handler(None, mend)
    booted = booted_with(handler)
    with pytest.raises(KernelOops, match="page fault at 0xdeadc000"):
        booted.machine.cpu.load(UNMAPPED, 4)
    assert [fault.address for fault in handler.faults] == [UNMAPPED, UNMAPPED + 0x1000]


def test_an_overflowed_kernel_stack_is_a_double_fault_that_the_guard_can_name():
    class Named:
        page_fault_rank = "pager"

        def __init__(self):
            self.asked = []

        @hookimpl
        def page_fault(self, fault):
            self.asked.append(fault.address)

    named = Named()
    booted = boot(extras=[named])
    assert booted.ok
    cpu = booted.machine.cpu
    low = booted.kernel.config.guard_start
    cpu.sp = low + 0x1008
    named.asked.clear()
    cpu.push(0x5555)
    cpu.push(0x5555)
    with pytest.raises(MachineStopped, match="double fault") as caught:
        cpu.push(0x5555)
    assert low <= caught.value.post_mortem["registers"]["cr2"] < low + 0x1000
    vectors = [event.fields["vector"] for event in booted.faults]
    assert vectors[-3:] == [Vector.PF, Vector.PF, Vector.DF]
    stack = booted.machine.boot_info.symbols["df_stack"]
    assert stack <= cpu.sp < booted.machine.boot_info.symbols["df_stack_top"] + 1


def test_the_double_fault_task_has_the_new_root_after_paging():
    booted = boot(until="paging")
    tss = booted.machine.boot_info.symbols["df_tss"]
    assert booted.machine.ram.load(tss + 28, 4) == booted.machine.cpu.cr3 == booted.kernel.root


def test_another_exception_stops_the_machine_with_its_vector():
    booted = boot()
    with pytest.raises(MachineStopped, match="vector 13, error code 0x0"):
        booted.machine.cpu.interrupt(Vector.GP, 0)


def test_a_user_that_touches_the_kernel_faults_on_the_kernels_stack():
    handler = Handler()
    booted = booted_with(handler)
    cpu = booted.machine.cpu
    with pytest.raises(MachineStopped), cpu.user(booted.kernel.root):
        cpu.load(0x10000, 4)
    assert handler.faults[0].cpl == 3
    assert handler.faults[0].error_code == 0b101
    assert [event.fields["cpl"] for event in booted.faults] == [3]
    tss = booted.machine.boot_info.symbols["tss"]
    esp0 = booted.machine.ram.load(tss + 4, 4)
    assert esp0 - 24 in booted.machine.boot_info.stack
    assert booted.machine.ram.load(esp0 - 8, 4) == handler.faults[0].sp


def test_a_guarded_block_faults_at_its_end():
    booted = boot()
    region = booted.call("install_guard", GuardRequest(GuardKind.HEAP, 100, "block"))
    booted.machine.cpu.store(region.end - 1, 1, 7)
    with pytest.raises(MachineStopped, match=f"{region.end:#x}"):
        booted.machine.cpu.store(region.end, 1, 7)
