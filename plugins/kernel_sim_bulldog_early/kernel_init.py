"""Boot: from an identity map of low memory into the higher half (BO-3).

::

    memmap                    the boot loader's map is read                 host, memmap
    pmm                       usable regions go into the free-frame list    pmm
    paging                    the kernel's own tables; CR3                  paging
    jump_to_higher_half       the same code at the address it is linked at
    high_idt                  gates to stubs in the higher half             host
    drop_identity_map         low memory is no longer mapped to itself
    heap                      1 MiB                                         heap
    guard                     the kernel stack moves above a guard page     guard
    gdt_init                  segments; TSS with two guarded stacks

The boot loader has done the first of the document's three steps, the identity map, before the first
line runs here. ``paging`` is the second, ``jump_to_higher_half`` the third.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.host.long_mode_tables import load_gdt, task_state
from kernel_sim.host.needs import Needs
from kernel_sim.machine.firmware.long_mode import high_half_symbols
from kernel_sim.machine.firmware.placement import TEXT_BYTES
from kernel_sim.values import AddrRange, GuardKind, GuardRequest, SelfTestResult
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_bulldog_early.layout import KERNEL_SPACE

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

DOUBLE_FAULT_STACK_BYTES: Final = 0x5000
RING_0_STACK_BYTES: Final = 0x2000


needs = Needs(mode="long mode", steps=("jump_to_higher_half", "drop_identity_map"))


@hookimpl
def boot_step(kernel: "Kernel", step: str) -> None:
    """Carry out one of the steps below.

    Raises:
        KernelError: there is no such step, or it fails.
    """
    if step not in STEPS:
        raise KernelError(step, expected=f"one of {', '.join(STEPS)}")
    STEPS[step](kernel)


def jump_to_higher_half(kernel: "Kernel") -> None:
    """Go on at the address that the image is linked at, on the same stack seen from there.

    Raises:
        KernelError: the address is not mapped, or not to the image.
    """
    info, cpu = kernel.boot_info, kernel.cpu
    base = info.symbols["kernel_virtual_base"]
    found = kernel.hooks.translate(kernel.root, base)
    if found.physical != info.kernel.start:
        raise KernelError(base, expected=f"the image at {info.kernel.start:#x}")
    stack = AddrRange(*(kernel.hooks.phys_to_virt(at) for at in (info.stack.start, info.stack.end)))
    cpu.start(
        text=AddrRange(base, base + TEXT_BYTES),
        symbols={
            **cpu.symbols,
            **high_half_symbols(info),
            "stack_bottom": stack.start,
            "stack_top": stack.end,
        },
        ip=base,
        sp=stack.end,
    )
    cpu.fetch(cpu.ip)
    kernel.log("higher_half", entry=base)
    kernel.console.print(f"[BOOT] in the higher half at {base:#x}")


def drop_identity_map(kernel: "Kernel") -> None:
    """Clear the level 4 entry of low memory; MOV CR3 forgets it, as it is not global."""
    entry = tables.entry_of(kernel, kernel.root, 4, 0)
    kernel.cpu.store(entry.address, tables.ENTRY_BYTES, 0)
    kernel.cpu.cr3 = kernel.root
    kernel.log("page_table_change", action="drop identity map", root=kernel.root)


def gdt_init(kernel: "Kernel") -> None:
    """Load GDT, segment registers and TSS; IST1 and RSP0 are stacks with a guard page each."""
    stacks = [
        kernel.hooks.install_guard(GuardRequest(GuardKind.STACK, size, tag))
        for size, tag in (
            (DOUBLE_FAULT_STACK_BYTES, "double-fault stack"),
            (RING_0_STACK_BYTES, "ring 0 stack"),
        )
    ]
    symbols = kernel.cpu.symbols
    kernel.cpu.write(symbols["tss"], task_state([stacks[0].end], ring_0=stacks[1].end))
    load_gdt(kernel.cpu, symbols["gdt"], symbols["tss"])


STEPS: Final[dict[str, Callable[["Kernel"], None]]] = {
    "jump_to_higher_half": jump_to_higher_half,
    "drop_identity_map": drop_identity_map,
    "gdt_init": gdt_init,
}


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Code, stack and tables are those of the higher half."""
    cpu = kernel.cpu
    places = (cpu.ip, cpu.sp, cpu.symbols["idt"], cpu.symbols["tss"], cpu.symbols["gdt"])
    low = [hex(place) for place in places if place < KERNEL_SPACE]
    detail = f"entered at {cpu.symbols['kernel_main']:#x}"
    return SelfTestResult("kernel_init", passed=not low, detail=", ".join(low) or detail)
