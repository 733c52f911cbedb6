"""Boot: the steps that Bulldog takes between the boot loader and its first interrupt.

::

    memmap                  1  the boot loader's map is read             host, memmap
    init_offset_page_table  2  the mapper is made from the offset        paging
    init_temp               3  512 frames for the time before the heap   pmm
    map_lapic_mmio          4  the interrupt controller gets its page    apic
    gdt_init                5  segments, TSS, interrupt stacks           gdt
    idt                        gates; a fault is reported from here on   host
    setup_apic              6  the timer is started                      apic
    frame_allocator         7  the full allocator is created             pmm
    init_heap               8  the heap is mapped, allocation switches   heap, pmm
    enable_interrupts          ticks may come

The document numbers eight of them (BD-30). It creates the full allocator before the heap, although
that allocator's list needs a heap; C7 says how both can be: the object first, its list afterwards.
The code of that version has the heap first. Both orders are in the profile, as ``boot_sequence``.

Common to both: the mapper before the first frame, the LAPIC mapped before it is used (BD-8 to
BD-11), the interrupt stacks before the timer (BD-25 to BD-29), the heap before the full allocator.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.values import SelfTestResult
from kernel_sim_bulldog import apic, discovery, gdt
from kernel_sim_bulldog.frame_vector import ITEM_BYTES

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

PIC_DATA_PORTS: Final = (0x21, 0xA1)
ALL_MASKED: Final = 0xFF
INTERRUPT_FLAG: Final = 1 << 9
"""IF in RFLAGS."""
HEAP_BYTES: Final = 100 * 1024
"""Beside the frame vector (BD-U3)."""
LOWER_HALF_HEAP: Final = 0x4444_4444_0000
"""Where the code has it (BD-U3)."""
MAX_HEAP_PAGES: Final = 500
"""So that heap and tables come out of 512 frames (C10)."""


needs = Needs(mode="long mode", steps=("init_temp", "init_heap"))


@hookimpl
def boot_step(kernel: "Kernel", step: str) -> None:
    """Carry out one step of the table above.

    Raises:
        KernelError: Bulldog has no such step, or it refuses.
    """
    if step not in STEPS:
        raise KernelError(step, expected=f"one of {', '.join(STEPS)}")
    STEPS[step](kernel)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """The timer is set up, the task register loaded, interrupts are let in."""
    loaded = kernel.cpu.tr.selector == gdt.TSS_SELECTOR
    let_in = bool(kernel.cpu.flags & INTERRUPT_FLAG)
    passed = loaded and let_in and apic.timer_is_set_up(kernel)
    return SelfTestResult("kernel_init", passed, f"timer at vector {apic.TIMER_VECTOR:#x}")


def mask_pics(kernel: "Kernel") -> None:
    """Silence both old interrupt controllers: the local APIC takes their place."""
    for port in PIC_DATA_PORTS:
        kernel.cpu.outb(port, ALL_MASKED)


def init_offset_page_table(kernel: "Kernel") -> None:
    """Let the paging plugin take over the boot loader's tables.

    Raises:
        KernelError: it has built others; Bulldog runs on in those that are active.
    """
    root = kernel.hooks.init_paging([])
    if root != kernel.root:
        raise KernelError(root, expected=f"the root of the active tables, {kernel.root:#x}")
    kernel.console.print(f"[PAGING] level 4 table at {kernel.hooks.phys_to_virt(root):#x}")


def init_temp(kernel: "Kernel") -> None:
    """Let the frame allocator start, without a heap."""
    kernel.hooks.pmm_init(kernel.regions, reserved_ranges(kernel.boot_info))
    stats = kernel.hooks.pmm_stats()
    kernel.console.print(f"[PMM] {stats.free} frames before the heap")


def frame_allocator(kernel: "Kernel") -> None:
    """Announce the step; the frame allocator goes round it and does the rest."""
    kernel.console.print("[PMM] marking used frames")


def init_heap(kernel: "Kernel") -> None:
    """Give the heap a range that holds the vector of all frames, and 100 KiB more (C10)."""
    start, max_end = kernel.config.heap_start, kernel.config.heap_max_end
    if has_quirk(kernel, "heap_in_lower_half"):
        start = LOWER_HALF_HEAP
    end = start + heap_bytes(kernel) if max_end is None else max_end
    kernel.hooks.heap_init(start, end)
    kernel.console.print(f"[HEAP] {start:#x} to {end:#x}")


def heap_bytes(kernel: "Kernel") -> int:
    """Bytes of the heap on this machine; whole pages, at most 500."""
    frame_count = discovery.count(discovery.tracked(discovery.discovered(kernel.regions)))
    vector = align_up(ITEM_BYTES * frame_count, PAGE_SIZE)
    return min(vector + HEAP_BYTES, MAX_HEAP_PAGES * PAGE_SIZE)


def enable_interrupts(kernel: "Kernel") -> None:
    """Set RFLAGS.IF: what the timer has for the processor comes from now on."""
    kernel.cpu.sti()


STEPS: Final[dict[str, Callable[["Kernel"], None]]] = {
    "mask_pics": mask_pics,
    "init_offset_page_table": init_offset_page_table,
    "init_temp": init_temp,
    "map_lapic_mmio": apic.map_lapic_mmio,
    "gdt_init": gdt.init,
    "setup_apic": apic.setup_apic,
    "frame_allocator": frame_allocator,
    "init_heap": init_heap,
    "enable_interrupts": enable_interrupts,
}
"""Step → what Bulldog does in it."""
