"""The hook contract in typed code: what the kernel asks of plugins, grouped by phase.

Provider hooks have exactly one provider; the facade `kernel_sim.hooks.Hooks` calls them. Each
docstring says when the hook is called, what is passed, what is returned, and what happens when
nobody answers.
"""

from typing import TYPE_CHECKING, Final

import pluggy

from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    BootInfo,
    Cell,
    Event,
    FaultAction,
    FrameStats,
    GuardedRegion,
    GuardRequest,
    HeapStats,
    MapRequest,
    MemoryRegion,
    PageFault,
    SelfTestResult,
    Translation,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

PROJECT: Final = "kernel_sim"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

ROLE_HOOKS: Final[dict[str, tuple[str, ...]]] = {
    "memmap": ("parse_memory_map", "describe_region"),
    "pmm": ("pmm_init", "pmm_alloc_frame", "pmm_free_frame", "pmm_stats", "pmm_alloc_contiguous"),
    "paging": (
        "init_paging",
        "enable_paging",
        "map_page",
        "unmap_page",
        "translate",
        "phys_to_virt",
        "protect_page",
        "map_range",
    ),
    "heap": ("heap_init", "kmalloc", "kfree", "heap_stats"),
    "guard": ("install_guard", "remove_guard"),
    "boot": ("boot_sequence", "boot_step"),
}
"""Role → its provider hooks. A plugin that implements one of them fills that role."""

EXTENSION_HOOKS: Final = frozenset({"pmm_alloc_contiguous", "protect_page", "map_range"})
"""Provider hooks that a role's plugin may leave out."""

FIRST_ANSWER_HOOKS: Final = frozenset(
    {"page_fault", "render_memory", "frame_refcount", "region_tags"}
)
BROADCAST_HOOKS: Final = frozenset({"selftest", "on_event"})

# --- memory map -----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def parse_memory_map(kernel: "Kernel", boot_info: BootInfo) -> list[MemoryRegion]:
    """Read the firmware's table through the CPU and return the memory descriptor table.

    Called once a boot, before anything else knows where memory is. The result becomes
    ``kernel.regions``: sorted, disjoint, the most restrictive kind where entries overlap (KV-1 to
    KV-8). Nobody answers: the boot stops.
    """


@hookspec(firstresult=True)
def describe_region(kernel: "Kernel", region: MemoryRegion) -> str:
    """One line for the boot screen: 64-bit base and length in hexadecimal, decoded type (KV-5).

    Called once for each region after parsing. Nobody answers: the kernel prints its own line.
    """


# --- physical frames ------------------------------------------------------------------------------


@hookspec
def pmm_init(kernel: "Kernel", regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
    """Build the bitmap in memory; only frames wholly AVAILABLE, none of ``reserved``, are free.

    Called once a boot; a second call changes nothing (KV-13). ``regions`` are sorted and disjoint,
    ``reserved`` are physical, merged and rounded outward to frames. Frames that are not free here
    may never be handed out. Nobody answers: the boot stops.
    """


@hookspec(firstresult=True)
def pmm_alloc_frame(kernel: "Kernel") -> int | None:
    """The physical address of a free frame, or None when memory is exhausted (KV-10, KV-17)."""


@hookspec
def pmm_free_frame(kernel: "Kernel", frame: int) -> None:
    """Give ``frame``, a physical address, back (KV-11).

    Raises:
        FrameError: double free, misaligned, out of range or reserved; nothing changes (KV-15).
    """


@hookspec(firstresult=True)
def pmm_stats(kernel: "Kernel") -> FrameStats:
    """The counters and where the bitmap lies (KV-9, KV-18)."""


@hookspec(firstresult=True)
def pmm_alloc_contiguous(kernel: "Kernel", count: int, align: int) -> int | None:
    """The first of ``count`` adjacent free frames, aligned to ``align``, or None. An extension."""


# --- paging ---------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def init_paging(kernel: "Kernel", layout: list[MapRequest]) -> int:
    """Build page tables for ``layout`` from PMM frames; return the physical root (KV-19 to KV-22).

    Called once a boot with paging off; never writes a control register.

    Raises:
        MapError: no frame was left for a table.
    """


@hookspec
def enable_paging(kernel: "Kernel", root: int) -> None:
    """Write CR3, then set CR0.PG; in long mode CR3 only (KV-22, KV-23)."""


@hookspec
def map_page(kernel: "Kernel", root: int, page: int, frame: int, flags: PageTableFlags) -> None:
    """Map the 4 KiB ``page`` (virtual) to ``frame`` (physical) in the address space at ``root``.

    Raises:
        MapError: already mapped, misaligned, or no frame for a table.
    """


@hookspec(firstresult=True)
def unmap_page(kernel: "Kernel", root: int, page: int) -> int:
    """Remove the mapping of ``page``, invalidate its TLB entry, return its frame (KV-26).

    Raises:
        UnmapError: nothing is mapped there, or a large page is.
    """


@hookspec(firstresult=True)
def translate(kernel: "Kernel", root: int, address: int) -> Translation:
    """Walk the tables at ``root`` for a virtual ``address``.

    Raises:
        NotMapped: no present entry leads there.
    """


@hookspec(firstresult=True)
def phys_to_virt(kernel: "Kernel", physical: int) -> int:
    """The virtual address that reaches ``physical`` now; the identity while paging is off."""


@hookspec
def protect_page(kernel: "Kernel", root: int, page: int, flags: PageTableFlags) -> None:
    """Give the mapped ``page`` new ``flags`` and invalidate its TLB entry. An extension.

    Raises:
        MapError: nothing is mapped there.
    """


@hookspec
def map_range(
    kernel: "Kernel", root: int, pages: AddrRange, physical: int, flags: PageTableFlags
) -> None:
    """Map the virtual range ``pages`` to the physical bytes from ``physical`` on. An extension.

    Raises:
        MapError: as for ``map_page``.
    """


# --- heap -----------------------------------------------------------------------------------------


@hookspec
def heap_init(kernel: "Kernel", start: int, max_end: int) -> None:
    """Set the heap up in the virtual range ``[start, max_end)``; nothing is mapped yet (KV-31).

    Raises:
        HeapInitError: a second call, an invalid or an empty range.
    """


@hookspec(firstresult=True)
def kmalloc(kernel: "Kernel", size: int, align: int) -> int | None:
    """The address of ``size`` bytes, or None (KV-27, KV-32).

    It is a multiple of ``align``, a power of two (KV-29). Size 0 gives None or a block of its own.
    Grows by PMM frames that it maps at ``kernel.root``.
    """


@hookspec
def kfree(kernel: "Kernel", ptr: int | None) -> None:
    """Give a block back; None does nothing (KV-34).

    Raises:
        HeapError: double free or a pointer that ``kmalloc`` never returned.
    """


@hookspec(firstresult=True)
def heap_stats(kernel: "Kernel") -> HeapStats:
    """Bytes used and free, and the number of live blocks."""


# --- guard pages ----------------------------------------------------------------------------------


@hookspec(firstresult=True)
def install_guard(kernel: "Kernel", request: GuardRequest) -> GuardedRegion:
    """Map the usable pages from new frames and leave the guards unmapped (KV-39).

    All lie between ``config.guard_start`` and ``config.guard_end``.

    Raises:
        MapError: no room or no frame; nothing is leaked.
    """


@hookspec
def remove_guard(kernel: "Kernel", region: GuardedRegion) -> None:
    """Unmap what ``install_guard`` mapped and free exactly those frames."""


# --- boot -----------------------------------------------------------------------------------------


@hookspec(firstresult=True)
def boot_sequence(kernel: "Kernel") -> list[str]:
    """The names of the boot steps in order. Nobody answers: the profile's own order."""


@hookspec
def boot_step(kernel: "Kernel", step: str) -> None:
    """Carry out a step that only this profile has. Called for steps that the host does not know."""


# --- chain and broadcast --------------------------------------------------------------------------


@hookspec(firstresult=True)
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction | None:
    """Decide about a page fault; None passes it on.

    Guards are asked first, then pagers, then all others by name. Nobody answers: the machine stops
    with a report.
    """


@hookspec(firstresult=True)
def render_memory(kernel: "Kernel", columns: int, rows: int) -> list[Cell]:
    """``columns * rows`` cells of physical memory, row by row (KV-35). No answer: no picture."""


@hookspec(firstresult=True)
def frame_refcount(kernel: "Kernel", frame: int) -> int:
    """How often ``frame`` is in use (KV-36). Nobody answers: unknown."""


@hookspec(firstresult=True)
def region_tags(kernel: "Kernel") -> list[tuple[AddrRange, str]]:
    """Physical ranges and the tags they carry (KV-38). Nobody answers: no tags."""


@hookspec
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Test a part of the kernel at boot (KV-43). All are called; a failed one does not end it."""


@hookspec
def on_event(kernel: "Kernel", event: Event) -> None:
    """Watch the kernel: log, hook, fault and control events.

    All are called; never with one's own events. Events other than faults are queued until the
    outermost hook returns.
    """
