"""The boot steps that the host knows, each a function of the kernel that boots.

The order is the profile's; a step that is not listed here goes to the plugin of the role ``boot``.
"""

from collections.abc import Callable
from typing import Final

from kernel_sim.errors import KernelError
from kernel_sim.host.fault_path import FaultPath
from kernel_sim.host.reservation import bitmap_area, reserved_ranges
from kernel_sim.kernel import Kernel, SharedKernel
from kernel_sim.machine.control_bits import CR0_PG
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    BootInfo,
    GuardedRegion,
    GuardKind,
    GuardRequest,
    MapRequest,
    MemoryRegion,
    RegionKind,
    SelfTestResult,
)

IOAPIC: Final = 0xFEC0_0000
LAPIC: Final = 0xFEE0_0000
COLUMNS: Final = 80
MAP_SOURCES: Final = {"e820": "BIOS", "uefi": "UEFI", "bootinfo": "Bootloader"}
_RIGHTS: Final = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


def kernel_layout(physical_limit: int) -> list[MapRequest]:
    """Memory below the limit one to one, and the interrupt controllers, which are not cached."""
    uncached = _RIGHTS | PageTableFlags.NO_CACHE
    return [
        MapRequest(AddrRange(0, physical_limit), 0, _RIGHTS, "identity"),
        MapRequest(AddrRange(IOAPIC, IOAPIC + 0x1000), IOAPIC, uncached, "ioapic"),
        MapRequest(AddrRange(LAPIC, LAPIC + 0x1000), LAPIC, uncached, "lapic"),
    ]


class KernelUnderBoot:
    """The kernel's own code: what it does in each step, and what it found."""

    def __init__(self, shared: SharedKernel, view: Kernel, fault_path: FaultPath) -> None:
        self.shared = shared
        self.view = view
        self.fault_path = fault_path
        self.selftests: list[SelfTestResult] = []
        self.kernel_stack: GuardedRegion | None = None

    def take(self, step: str) -> None:
        """Carry out ``step``.

        Raises:
            KernelOops, KernelError, MachineStopped: the boot ends here.
        """
        known = STEPS.get(step)
        if known is not None:
            known(self)
        else:
            self.view.hooks.boot_step(step)

    # --- before memory ----------------------------------------------------------------------------

    def console(self) -> None:
        """A blank screen and a first line on it."""
        self.view.console.clear()
        self.view.console.print(f"kernel-sim: booting on {self.shared.machine.spec.name}")

    def idt(self) -> None:
        """Interrupt stubs and gates; as ``high_idt`` once more, after a jump to the higher half."""
        self.fault_path.install_idt()

    def gdt_tss(self) -> None:
        """Segments and tasks."""
        self.fault_path.install_gdt_and_tss()

    # --- memory -----------------------------------------------------------------------------------

    def memmap(self) -> None:
        """Parse the firmware's table and show it (KV-1 to KV-5)."""
        kernel, boot_info = self.view, self.view.boot_info
        self.shared.regions = kernel.hooks.parse_memory_map(boot_info)
        limit = self.shared.machine.physical_limit
        kernel.config.fill_in(
            physical_limit=limit,
            bitmap_area=bitmap_area(self.shared.regions, boot_info, limit),
        )
        source = MAP_SOURCES[boot_info.kind]
        kernel.console.print(f"[MEMORY MAP] {source} provided {boot_info.count} entries:")
        usable = 0
        for index, region in enumerate(self.shared.regions):
            line = kernel.hooks.describe_region(region)
            numbered = f"[{index}] {line}"
            kernel.console.print(numbered if len(numbered) <= COLUMNS else line)
            usable += region.kind is RegionKind.AVAILABLE
        kernel.console.print(f"Usable memory regions count: {usable}")

    def pmm(self) -> None:
        """Hand the descriptor table and the reserved ranges to the frame allocator."""
        kernel = self.view
        kernel.hooks.pmm_init(kernel.regions, reserved_ranges(kernel.boot_info))
        kernel.console.print(f"[PMM] frames below {kernel.config.physical_limit:#x} are managed")

    def paging(self) -> None:
        """Build the address space and switch to it (KV-19 to KV-23).

        Raises:
            KernelError: paging is still off afterwards.
        """
        kernel = self.view
        root = kernel.hooks.init_paging(self.layout())
        kernel.hooks.enable_paging(root)
        if not kernel.cpu.cr0 & CR0_PG:
            raise KernelError(kernel.cpu.cr0, expected="CR0.PG set when enable_paging has returned")
        self.fault_path.refresh_root()
        kernel.console.print(f"[PAGING] enabled, CR3 {kernel.cpu.cr3:#x}")

    def layout(self) -> list[MapRequest]:
        """What is to be mapped; nothing in long mode, where the firmware has mapped all of it."""
        if self.shared.machine.spec.long_mode:
            return []
        return kernel_layout(self.view.config.physical_limit)

    def heap(self) -> None:
        """Give the heap its range."""
        start, max_end = self.view.config.heap_start, self.view.config.heap_max_end
        self.view.hooks.heap_init(start, max_end)
        self.view.console.print(f"[HEAP] {start:#x} to {max_end:#x}")

    def guard(self) -> None:
        """Move to a stack that has a guard page below it, unless the setting ``guard`` is off."""
        kernel = self.view
        if not kernel.config.guard:
            return
        request = GuardRequest(GuardKind.STACK, kernel.config.kernel_stack_bytes, "kernel stack")
        stack = kernel.hooks.install_guard(request)
        self.kernel_stack = stack
        kernel.cpu.sp = kernel.cpu.bp = stack.end
        kernel.console.print(f"[GUARD] kernel stack {stack.base:#x} to {stack.end:#x}")

    def run_selftests(self) -> None:
        """Ask every plugin to test itself (KV-43); a failed test is shown, and the boot goes on."""
        self.selftests = self.view.hooks.selftest()
        for result in self.selftests:
            verdict = "passed" if result.passed else "FAILED"
            self.view.console.print(f"[SELFTEST] {result.name}: {verdict} {result.detail}")


STEPS: Final[dict[str, Callable[[KernelUnderBoot], None]]] = {
    "console": KernelUnderBoot.console,
    "idt": KernelUnderBoot.idt,
    "high_idt": KernelUnderBoot.idt,
    "gdt_tss": KernelUnderBoot.gdt_tss,
    "memmap": KernelUnderBoot.memmap,
    "pmm": KernelUnderBoot.pmm,
    "paging": KernelUnderBoot.paging,
    "heap": KernelUnderBoot.heap,
    "guard": KernelUnderBoot.guard,
    "selftests": KernelUnderBoot.run_selftests,
}
"""Step → what the kernel does in it."""


def default_description(region: MemoryRegion) -> str:
    """The kernel's own line about a region, where no plugin describes it."""
    return f"Base: {region.base:#018x}, Length: {region.length:#018x}, Type: {region.kind.name}"


def direct_map(boot_info: BootInfo) -> Callable[[int], int]:
    """The kernel's own `phys_to_virt`, in a boot that ends before paging is set up.

    The bootloader's direct map where there is one, else the identity.
    """
    offset = boot_info.physical_memory_offset or 0
    return lambda physical: offset + physical
