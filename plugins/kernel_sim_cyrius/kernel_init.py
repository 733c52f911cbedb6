"""Boot: heap first, on memory that the boot loader has mapped; then frames, then the rest.

::

    clear_statics   locks and list heads
    heap_on_region  the largest usable region, by way of the direct map, becomes heap    heap
    manager_init    frame allocator and mapper; the heap is reserved                     pmm, paging
    gdt_init        three interrupt stacks; the host's step idt follows
    timer           the programmable timer ticks 100 times a second

The heap needs no frame and no table, so nothing has to be there before it (MS-8). The original
takes the whole of the largest region and reserves it (MS-U1); on a machine with one large region no
frame is left. Here it takes half of it at most, and not more than the setting ``heap_bytes``.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.values import AddrRange, SelfTestResult
from kernel_sim_cyrius import gdt, manager
from kernel_sim_cyrius.frame import usable
from kernel_sim_cyrius.layout import clear_statics

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

PIT_COMMAND: Final = 0x43
PIT_CHANNEL_0: Final = 0x40
RATE_GENERATOR: Final = 0x34
PIT_DIVISOR: Final = 1_193_182 // 100

needs = Needs(mode="long mode", steps=("heap_on_region", "manager_init"))


@hookimpl
def boot_step(kernel: "Kernel", step: str) -> None:
    """Carry out one step of the table above.

    Raises:
        KernelError: there is no such step, or it refuses.
    """
    if step not in STEPS:
        raise KernelError(step, expected=f"one of {', '.join(STEPS)}")
    STEPS[step](kernel)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The manager can't be set up twice, and the task register is loaded."""
    try:
        manager.init(kernel, heap_region(kernel))
    except manager.ManagerError as error:
        twice = error.reason == manager.ManagerErrorReason.ALREADY_INITIALIZED
        loaded = kernel.cpu.tr.selector == gdt.TSS_SELECTOR
        return SelfTestResult("kernel_init", twice and loaded, str(error))
    return SelfTestResult("kernel_init", passed=False, detail="the manager was set up twice")


def heap_region(kernel: "Kernel") -> AddrRange:
    """The physical range of the heap: the start of the largest usable region (MS-U1).

    Raises:
        KernelError: nothing is usable.
    """
    regions = usable(kernel.regions, reserved_ranges(kernel.boot_info))
    if not regions:
        raise KernelError("no usable region", expected="one for the heap")
    largest = max(regions, key=lambda item: item.length)
    if has_quirk(kernel, "heap_takes_region"):
        return largest
    size = align_down(min(largest.length // 2, kernel.config.heap_bytes), PAGE_SIZE)
    return AddrRange(largest.start, largest.start + size)


def heap_on_region(kernel: "Kernel") -> None:
    """Give the heap its range, seen through the direct map."""
    region = heap_region(kernel)
    start = kernel.hooks.phys_to_virt(region.start)
    kernel.hooks.heap_init(start, start + region.length)
    kernel.console.print(f"[HEAP] {start:#x} to {start + region.length:#x}")


def manager_init(kernel: "Kernel") -> None:
    """Frames and mapper; then the active tables are taken over (MS-19)."""
    manager.init(kernel, heap_region(kernel))
    root = kernel.hooks.init_paging([])
    if root != kernel.root:
        raise KernelError(root, expected=f"the root of the active tables, {kernel.root:#x}")
    kernel.console.print(f"[MEM] {kernel.hooks.pmm_stats().free} frames, root {root:#x}")


def timer(kernel: "Kernel") -> None:
    """Set channel 0 of the programmable timer to 100 ticks a second; interrupts stay off."""
    kernel.cpu.outb(PIT_COMMAND, RATE_GENERATOR)
    kernel.cpu.outb(PIT_CHANNEL_0, PIT_DIVISOR & 0xFF)
    kernel.cpu.outb(PIT_CHANNEL_0, PIT_DIVISOR >> 8)


STEPS: Final[dict[str, Callable[["Kernel"], None]]] = {
    "clear_statics": clear_statics,
    "heap_on_region": heap_on_region,
    "manager_init": manager_init,
    "gdt_init": gdt.init,
    "timer": timer,
}
"""Step → what Cyrius does in it."""
