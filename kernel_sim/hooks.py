"""The typed facade over the hooks: how the kernel and its plugins call each other's roles.

Each method checks what it is given, asks the hook's provider, and returns a value of the contract's
own type. It raises `KernelError` as the hook did. ``docs/hooks.md`` says for each hook when it is
called and by whom.
"""

from collections.abc import Mapping
from typing import Any

from kernel_sim.host.arguments import flag_bits, instance, whole, whole_or_none
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

Calls = Mapping[str, Any]


class MemoryHooks:
    """The roles memmap and pmm."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def parse_memory_map(self, boot_info: BootInfo) -> list[MemoryRegion]:
        """The memory descriptor table."""
        found: list[MemoryRegion] = self._calls["parse_memory_map"](boot_info)
        return found

    def describe_region(self, region: MemoryRegion) -> str:
        """One line for the boot screen."""
        line: str = self._calls["describe_region"](
            instance("describe_region", "region", region, MemoryRegion)
        )
        return line

    def pmm_init(self, regions: list[MemoryRegion], reserved: list[AddrRange]) -> None:
        """Build the bitmap."""
        self._calls["pmm_init"](list(regions), list(reserved))

    def pmm_alloc_frame(self) -> int | None:
        """The physical address of a frame, or None."""
        frame: int | None = self._calls["pmm_alloc_frame"]()
        return frame

    def pmm_free_frame(self, frame: int) -> None:
        """Give a frame back."""
        self._calls["pmm_free_frame"](whole("pmm_free_frame", "frame", frame))

    def pmm_stats(self) -> FrameStats:
        """The allocator's counters."""
        stats: FrameStats = self._calls["pmm_stats"]()
        return stats

    def pmm_alloc_contiguous(self, count: int, align: int) -> int | None:
        """The first of ``count`` adjacent frames, or None."""
        hook = "pmm_alloc_contiguous"
        frame: int | None = self._calls[hook](
            whole(hook, "count", count), whole(hook, "align", align)
        )
        return frame


class PagingHooks(MemoryHooks):
    """The role paging."""

    def init_paging(self, layout: list[MapRequest]) -> int:
        """The physical address of the root table."""
        root: int = self._calls["init_paging"](list(layout))
        return root

    def enable_paging(self, root: int) -> None:
        """Load CR3 and set CR0.PG."""
        self._calls["enable_paging"](whole("enable_paging", "root", root))

    def map_page(self, root: int, page: int, frame: int, flags: PageTableFlags) -> None:
        """Map one page."""
        self._calls["map_page"](
            whole("map_page", "root", root),
            whole("map_page", "page", page),
            whole("map_page", "frame", frame),
            flag_bits("map_page", flags),
        )

    def unmap_page(self, root: int, page: int) -> int:
        """Unmap one page; the frame it led to."""
        frame: int = self._calls["unmap_page"](
            whole("unmap_page", "root", root), whole("unmap_page", "page", page)
        )
        return frame

    def translate(self, root: int, address: int) -> Translation:
        """Walk the tables."""
        found: Translation = self._calls["translate"](
            whole("translate", "root", root), whole("translate", "address", address)
        )
        return found

    def phys_to_virt(self, physical: int) -> int:
        """The address under which a physical one is reached now."""
        address: int = self._calls["phys_to_virt"](whole("phys_to_virt", "physical", physical))
        return address

    def protect_page(self, root: int, page: int, flags: PageTableFlags) -> None:
        """Give a mapped page new flags."""
        self._calls["protect_page"](
            whole("protect_page", "root", root),
            whole("protect_page", "page", page),
            flag_bits("protect_page", flags),
        )

    def map_range(self, root: int, pages: AddrRange, physical: int, flags: PageTableFlags) -> None:
        """Map a range of pages."""
        self._calls["map_range"](
            whole("map_range", "root", root),
            instance("map_range", "pages", pages, AddrRange),
            whole("map_range", "physical", physical),
            flag_bits("map_range", flags),
        )


class HeapHooks(PagingHooks):
    """The roles heap and guard."""

    def heap_init(self, start: int, max_end: int) -> None:
        """Set the heap up."""
        self._calls["heap_init"](
            whole("heap_init", "start", start), whole("heap_init", "max_end", max_end)
        )

    def kmalloc(self, size: int, align: int = 8) -> int | None:
        """The address of a block, or None."""
        block: int | None = self._calls["kmalloc"](
            whole("kmalloc", "size", size), whole("kmalloc", "align", align)
        )
        return block

    def kfree(self, ptr: int | None) -> None:
        """Give a block back."""
        self._calls["kfree"](whole_or_none("kfree", "ptr", ptr))

    def heap_stats(self) -> HeapStats:
        """The heap's counters."""
        stats: HeapStats = self._calls["heap_stats"]()
        return stats

    def install_guard(self, request: GuardRequest) -> GuardedRegion:
        """Map a region with guard pages."""
        region: GuardedRegion = self._calls["install_guard"](
            instance("install_guard", "request", request, GuardRequest)
        )
        return region

    def remove_guard(self, region: GuardedRegion) -> None:
        """Unmap it again."""
        self._calls["remove_guard"](instance("remove_guard", "region", region, GuardedRegion))


class Hooks(HeapHooks):
    """All hooks: the roles, the boot, and the chain and broadcast hooks."""

    def boot_sequence(self) -> list[str]:
        """The boot steps in order."""
        steps: list[str] = self._calls["boot_sequence"]()
        return steps

    def boot_step(self, step: str) -> None:
        """Carry out a step of the profile's own."""
        self._calls["boot_step"](instance("boot_step", "step", step, str))

    def page_fault(self, fault: PageFault) -> FaultAction | None:
        """Ask what to do about a fault."""
        action: FaultAction | None = self._calls["page_fault"](
            instance("page_fault", "fault", fault, PageFault)
        )
        return action

    def render_memory(self, columns: int, rows: int) -> list[Cell] | None:
        """The visualizer's cells, or None if nobody draws."""
        cells: list[Cell] | None = self._calls["render_memory"](
            whole("render_memory", "columns", columns), whole("render_memory", "rows", rows)
        )
        return cells

    def frame_refcount(self, frame: int) -> int | None:
        """How often a frame is in use, or None if nobody counts."""
        count: int | None = self._calls["frame_refcount"](whole("frame_refcount", "frame", frame))
        return count

    def region_tags(self) -> list[tuple[AddrRange, str]]:
        """Physical ranges and their tags; empty if nobody tags."""
        tags: list[tuple[AddrRange, str]] | None = self._calls["region_tags"]()
        return tags or []

    def selftest(self) -> list[SelfTestResult]:
        """The results of all self-tests."""
        results: list[SelfTestResult] = self._calls["selftest"]()
        return results

    def on_event(self, event: Event) -> None:
        """Tell all observers of an event."""
        self._calls["on_event"](instance("on_event", "event", event, Event))
