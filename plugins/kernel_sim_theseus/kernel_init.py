"""Boot: from the firmware's identity map into the higher half, and from one allocator to the next.

::

    mask_interrupts        IF, NMI and both old controllers off
    gdt_init               segments; TSS with four interrupt stacks, where the image lies now
    memmap pmm             UEFI's map; the boot frame allocator               host, memmap, pmm
    paging                 MemoryManager, CR3, PHYS_OFFSET                    paging
    idt                    gates in low memory                                host
    jump_to_high_half      same code, same stack, other addresses; then the kernel's own stack
    high_idt refresh_ist   gates and interrupt stacks in the higher half      host
    lapic_test             ID and version, through PHYS_OFFSET
    temp_heap              the loader's heap at its new address keeps a copy of the memory map
    heap                   the permanent heap; the copy moves there           heap
    persistent_allocator   bitmap, consumed log drained                       pmm
    unmap_low_kernel       temporary heap and the image's identity pages go
    log_layout_summary     what is mapped, under ``verbose``

References: the order is that of the environment set-up in Theseus (TH-11, TH-19, TH-24).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import KernelError, NotMapped
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.long_mode_tables import load_gdt, task_state
from kernel_sim.host.needs import Needs
from kernel_sim.host.quirks import has_quirk
from kernel_sim.machine.firmware.long_mode import high_half_symbols
from kernel_sim.machine.firmware.placement import TEXT_BYTES
from kernel_sim.values import AddrRange, SelfTestResult
from kernel_sim_theseus import layout
from kernel_sim_theseus.handoff import read_handoff
from kernel_sim_theseus.mapping import split_2mb_page
from kernel_sim_theseus.phys_offset import virt_range_has_flags

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

PIC_DATA_PORTS: Final = (0x21, 0xA1)
ALL_MASKED: Final = 0xFF
NMI_PORT: Final = 0x70
NMI_OFF: Final = 0x80
LAPIC_ID: Final = 0x20
LAPIC_VERSION: Final = 0x30

needs = Needs(firmware="uefi", mode="long mode", steps=("jump_to_high_half", "temp_heap"))


@hookimpl
def boot_step(kernel: "Kernel", step: str) -> None:
    """Carry out one of the steps below.

    Raises:
        KernelError: there is no such step, or it fails.
    """
    if step not in STEPS:
        raise KernelError(step, expected=f"one of {', '.join(STEPS)}")
    STEPS[step](kernel)


def mask_interrupts(kernel: "Kernel") -> None:
    """Nothing may interrupt a kernel that has no table of gates."""
    kernel.cpu.cli()
    kernel.cpu.outb(NMI_PORT, NMI_OFF)
    for port in PIC_DATA_PORTS:
        kernel.cpu.outb(port, ALL_MASKED)


def gdt_init(kernel: "Kernel") -> None:
    """Load GDT, segment registers and TSS; the stacks are where the image is mapped now."""
    symbols = kernel.cpu.symbols
    tops = [layout.stack(kernel, name).end for name in layout.IST_STACKS]
    ring_0 = layout.stack(kernel, layout.KERNEL_STACK).end
    kernel.cpu.write(symbols["tss"], task_state(tops, ring_0=ring_0))
    load_gdt(kernel.cpu, symbols["gdt"], symbols["tss"])


def jump_to_high_half(kernel: "Kernel") -> None:
    """`jump_to_high_half(phys_base, entry)`: check the target and the stacks, then go (TH-11).

    Raises:
        KernelError: the entry point does not lead to the image, or a stack can't be written.
    """
    info, cpu = kernel.boot_info, kernel.cpu
    entry = layout.KERNEL_VIRTUAL_BASE
    try:
        found = kernel.hooks.translate(kernel.root, entry).physical
    except NotMapped:
        found = -1
    if found != info.kernel.start:
        raise KernelError(entry, expected=f"the image at {info.kernel.start:#x}, mapped")
    cpu.symbols.update(high_half_symbols(info))
    check_stacks(kernel)
    top = layout.stack(kernel, layout.KERNEL_STACK).end
    cpu.start(text=AddrRange(entry, entry + TEXT_BYTES), symbols=cpu.symbols, ip=entry, sp=top)
    cpu.fetch(cpu.ip)
    cpu.symbols["stack_top"] = top
    kernel.log("high_half", entry=entry, sp=top)


def check_stacks(kernel: "Kernel") -> None:
    """Every page of every stack is present and writable, before one of them is needed (TH-24).

    Raises:
        KernelError: names the stack.
    """
    for name in (layout.KERNEL_STACK, *layout.IST_STACKS):
        stack = layout.stack(kernel, name)
        flags = layout.PTE_PRESENT | layout.PTE_WRITABLE
        if not virt_range_has_flags(kernel, stack.start, stack.length, flags):
            raise KernelError(stack.start, expected=f"the stack {name}, mapped and writable")


def lapic_test(kernel: "Kernel") -> None:
    """Read ID and version through PHYS_OFFSET.

    Raises:
        KernelError: nothing answers there.
    """
    base = kernel.hooks.phys_to_virt(layout.LAPIC)
    version = kernel.cpu.load(base + LAPIC_VERSION, 4)
    if not version & 0xFF:
        raise KernelError(version, expected="a local APIC's version")
    number = kernel.cpu.load(base + LAPIC_ID, 4) >> 24
    kernel.console.print(f"[LAPIC] id {number}, version {version & 0xFF:#x}")


def temp_heap(kernel: "Kernel") -> None:
    """Copy the memory map into the loader's heap, at the address it has now (TH-3, TH-7)."""
    info = kernel.boot_info
    kernel.state.map_bytes = info.count * info.entry_size
    data = kernel.cpu.read(info.table, kernel.state.map_bytes)
    kernel.cpu.write(layout.TEMP_HEAP_VIRTUAL_BASE, data)
    kernel.log("memory_map_cloned", address=layout.TEMP_HEAP_VIRTUAL_BASE, bytes=len(data))


def persistent_allocator(kernel: "Kernel") -> None:
    """Move the copy of the map to the permanent heap; the frame allocator goes round this step."""
    place = kernel.hooks.kmalloc(kernel.state.map_bytes)
    if place is None:
        raise KernelError(kernel.state.map_bytes, expected="room for the memory map on the heap")
    data = kernel.cpu.read(layout.TEMP_HEAP_VIRTUAL_BASE, kernel.state.map_bytes)
    kernel.cpu.write(place, data)
    kernel.log("memory_map_cloned", address=place, bytes=len(data))


def unmap_low_kernel(kernel: "Kernel") -> None:
    """Unmap the temporary heap and the image's pages in the identity map.

    The identity map has pages of 2 MiB: one that holds a part of the image is split first.
    """
    handoff = read_handoff(kernel)
    start = layout.TEMP_HEAP_VIRTUAL_BASE
    for page in range(start, start + handoff.temp_heap_size, PAGE_SIZE):
        kernel.hooks.unmap_page(kernel.root, page)
    image = kernel.boot_info.kernel
    for page in range(image.start, image.end, PAGE_SIZE):
        if not has_quirk(kernel, "unmap_ignores_large"):
            split_2mb_page(kernel, kernel.root, page)
        kernel.hooks.unmap_page(kernel.root, page)
    kernel.log("low_kernel_unmapped", start=image.start, end=image.end)


STEPS: Final[dict[str, Callable[["Kernel"], None]]] = {
    "mask_interrupts": mask_interrupts,
    "gdt_init": gdt_init,
    "jump_to_high_half": jump_to_high_half,
    "refresh_ist": gdt_init,
    "lapic_test": lapic_test,
    "temp_heap": temp_heap,
    "persistent_allocator": persistent_allocator,
    "unmap_low_kernel": unmap_low_kernel,
}


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Code, stack and tables are in the higher half, and the stacks can be written."""
    cpu = kernel.cpu
    places = (cpu.ip, cpu.sp, cpu.symbols["idt"], cpu.symbols["tss"], cpu.symbols["gdt"])
    low = [hex(place) for place in places if place < layout.KERNEL_HALF]
    check_stacks(kernel)
    detail = ", ".join(low) or f"stack at {cpu.sp:#x}"
    return SelfTestResult("kernel_init", passed=not low, detail=detail)
