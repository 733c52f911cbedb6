"""The local APIC: mapped into the higher half, its timer started (BD-8 to BD-11, BD-U4).

Its registers are memory at physical 0xFEE00000, 32 bits each, and this kernel touches them nowhere
but at `LAPIC_VIRT_BASE`::

    +0x020 ID         31:24 number of this processor
    +0x030 VERSION    7:0
    +0x0B0 EOI        any store: the interrupt is done, the next may come
    +0x0F0 SVR        bit 8 switches the APIC on, 7:0 the vector of spurious interrupts
    +0x320 LVT_TIMER  7:0 vector, bit 17 periodic
    +0x380 INITIAL    the count that the timer starts from     +0x390 CURRENT
    +0x3E0 DIVIDE     0b0011: every 16th clock counts

Without the mapping the first of these accesses is a page fault, and without EOI the first tick is
the last.

References: Intel SDM vol. 3A, 10.4.1 (registers), 10.4.4 (MSR 0x1B), 10.5.4 (timer), 10.8.5 (EOI).
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.errors import KernelError
from kernel_sim.host.interrupt_stubs import stub_address
from kernel_sim.machine import TrapFrame
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog.layout import LAPIC_PHYS_BASE, LAPIC_VIRT_BASE

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

ID, VERSION, EOI, SVR = 0x20, 0x30, 0xB0, 0xF0
LVT_TIMER, INITIAL, CURRENT, DIVIDE = 0x320, 0x380, 0x390, 0x3E0
MSR_APIC_BASE: Final = 0x1B
APIC_ENABLED: Final = 1 << 11
SOFTWARE_ENABLE: Final = 1 << 8
PERIODIC: Final = 1 << 17
DIVIDE_BY_16: Final = 0b0011
TIMER_VECTOR: Final = 0x31
SPURIOUS_VECTOR: Final = 0xFF
TIMER_COUNT: Final = 500_000
LAPIC_FLAGS: Final = PageTableFlags.PRESENT | PageTableFlags.WRITABLE | PageTableFlags.NO_EXECUTE


def map_lapic_mmio(kernel: "Kernel") -> None:
    """Map the one page of registers at `LAPIC_VIRT_BASE` (BD-8)."""
    kernel.hooks.map_page(kernel.root, LAPIC_VIRT_BASE, LAPIC_PHYS_BASE, LAPIC_FLAGS)


def read_register(kernel: "Kernel", offset: int) -> int:
    """The 32-bit register at ``offset``."""
    return kernel.cpu.load(LAPIC_VIRT_BASE + offset, 4)


def write_register(kernel: "Kernel", offset: int, value: int) -> None:
    """Write the 32-bit register at ``offset``."""
    kernel.cpu.store(LAPIC_VIRT_BASE + offset, 4, value)


def setup_apic(kernel: "Kernel") -> None:
    """Switch the APIC on and start its timer; ticks come once interrupts are let in.

    Raises:
        KernelError: the firmware has disabled the APIC.
    """
    base = kernel.cpu.rdmsr(MSR_APIC_BASE)
    if not base & APIC_ENABLED:
        raise KernelError(base, expected="bit 11 of MSR 0x1b set: a local APIC that is enabled")
    kernel.state.ticks = 0
    _handle(kernel)
    number, version = read_register(kernel, ID) >> 24, read_register(kernel, VERSION) & 0xFF
    kernel.console.print(f"[LAPIC] id {number}, version {version:#x}")
    write_register(kernel, SVR, SOFTWARE_ENABLE | SPURIOUS_VECTOR)
    write_register(kernel, DIVIDE, DIVIDE_BY_16)
    write_register(kernel, LVT_TIMER, PERIODIC | TIMER_VECTOR)
    write_register(kernel, INITIAL, TIMER_COUNT)
    kernel.log("lapic_timer", vector=TIMER_VECTOR, count=TIMER_COUNT)


def timer_is_set_up(kernel: "Kernel") -> bool:
    """Whether the registers hold what `setup_apic` wrote, and the count is running."""
    wanted = {SVR: SOFTWARE_ENABLE | SPURIOUS_VECTOR, LVT_TIMER: PERIODIC | TIMER_VECTOR}
    wanted |= {DIVIDE: DIVIDE_BY_16, INITIAL: TIMER_COUNT}
    set_up = all(read_register(kernel, offset) == value for offset, value in wanted.items())
    return set_up and 0 < read_register(kernel, CURRENT) <= TIMER_COUNT


def _handle(kernel: "Kernel") -> None:
    """Register the handlers of the two vectors at their stubs."""
    stubs = kernel.boot_info.symbols["isr_stubs"]

    def tick(frame: TrapFrame) -> None:  # noqa: ARG001 - what every handler is given
        kernel.state.ticks += 1
        write_register(kernel, EOI, 0)

    def spurious(frame: TrapFrame) -> None:
        """Nothing was delivered, so that there is nothing to acknowledge."""
        kernel.log("spurious_interrupt", ip=frame.ip)

    kernel.cpu.register_handler(stub_address(stubs, TIMER_VECTOR), tick)
    kernel.cpu.register_handler(stub_address(stubs, SPURIOUS_VECTOR), spurious)
