"""Region tagging: what a stretch of physical memory is for (KV-38).

Rationale: "used" does not say by whom. A device that writes to memory by itself needs frames below
16 MiB, a frame under a device's window must never be handed out, and a heap frame may be moved
where a page table may not. Tags put names on ranges::

    dma-safe       available and below 16 MiB, within reach of ISA devices
    device-owned   answered by a device: display memory, local APIC, I/O APIC
    kernel-image boot-stack frame-bitmap      from the firmware and the allocator
    page-table heap guarded:NAME              followed as frames come and go

Ranges of different tags may overlap: a heap frame can be dma-safe too. Any plugin may add tags of
its own: ``kernel.log("tag", start=…, end=…, tag=…)``, and take them off with ``"untag"``.

Benefit: every view and every report can say what a frame is for. Cost: one small table, kept up to
date by watching events; the tags change nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import AddrRange, Event, RegionKind, SelfTestResult
from kernel_sim_kernel_v.tag_map import TagMap

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

DMA_LIMIT: Final = 16 << 20
"""One past the last address of the 24-bit ISA bus."""
DEVICES: Final = (
    AddrRange(0xA_0000, 0xC_0000),
    AddrRange(0xFEC0_0000, 0xFEC0_1000),
    AddrRange(0xFEE0_0000, 0xFEE0_1000),
)
"""Display memory, I/O APIC, local APIC."""


@dataclass(slots=True)
class Tags:
    """The tags that come and go, and which frame each page of heap and guards leads to."""

    map: TagMap = field(default_factory=TagMap)
    frames: dict[int, int] = field(default_factory=dict)


@hookimpl
def on_event(kernel: "Kernel", event: Event) -> None:
    """Follow frames and the tags that others give; with ``config.tags`` off do nothing (KV-40)."""
    if not kernel.config.tags or "error" in event.fields:
        return
    if event.kind == "log":
        _follow_log(_tags(kernel), event.fields)
    elif event.kind == "hook":
        _follow_hook(kernel, event.fields)


@hookimpl
def region_tags(kernel: "Kernel") -> list[tuple[AddrRange, str]] | None:
    """All tagged physical ranges in order of address; None with ``config.tags`` off."""
    if not kernel.config.tags:
        return None
    return sorted([*_fixed(kernel).items(), *_tags(kernel).map.items()])


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult | None:
    """The kernel's own image is tagged, and no range is empty."""
    tagged = region_tags(kernel)
    if tagged is None:
        return None
    names = {tag for _, tag in tagged}
    passed = {"kernel-image", "boot-stack"} <= names and all(item for item, _ in tagged)
    return SelfTestResult("tags", passed, f"{len(tagged)} ranges, {len(names)} tags")


def _tags(kernel: "Kernel") -> Tags:
    """The table of this boot."""
    if not hasattr(kernel.state, "tags"):
        kernel.state.tags = Tags()
    tags: Tags = kernel.state.tags
    return tags


def _fixed(kernel: "Kernel") -> TagMap:
    """The tags that follow from the memory map, the boot information and the allocator."""
    fixed = TagMap()
    for region in kernel.regions:
        if region.kind is RegionKind.AVAILABLE and region.base < DMA_LIMIT:
            fixed.add(AddrRange(region.base, min(region.end, DMA_LIMIT)), "dma-safe")
    for device in DEVICES:
        fixed.add(device, "device-owned")
    fixed.add(kernel.boot_info.kernel, "kernel-image")
    fixed.add(kernel.boot_info.stack, "boot-stack")
    try:
        stats = kernel.hooks.pmm_stats()
    except KernelError:
        return fixed
    bitmap = AddrRange(stats.bitmap_base, stats.bitmap_base + stats.bitmap_bytes)
    fixed.add(bitmap, "frame-bitmap")
    return fixed


def _frame_range(frame: int) -> AddrRange:
    return AddrRange(frame, frame + PAGE_SIZE)


def _follow_log(tags: Tags, fields: Mapping[str, object]) -> None:
    """A tag that another plugin gives or takes, or a frame that became a page table."""
    match dict(fields):
        case {"event": "tag", "start": int(start), "end": int(end), "tag": str(tag)}:
            tags.map.add(AddrRange(start, max(start, end)), tag)
        case {"event": "untag", "start": int(start), "end": int(end), "tag": str(tag)}:
            tags.map.remove(AddrRange(start, max(start, end)), tag)
        case {"event": "page_table_new", "frame": int(frame)}:
            tags.map.add(_frame_range(frame), "page-table")


def _follow_hook(kernel: "Kernel", fields: Mapping[str, object]) -> None:
    """Tag frames by the addresses they are mapped at; a freed frame loses all its tags."""
    tags, config = _tags(kernel), kernel.config
    match dict(fields):
        case {"hook": "map_page", "arguments": {"page": int(page), "frame": int(frame)}}:
            if config.heap_start <= page < config.heap_max_end:
                tags.map.add(_frame_range(frame), "heap")
            if config.guard_start <= page < config.guard_end:
                tags.frames[page] = frame
        case {"hook": "unmap_page", "arguments": {"page": int(page)}, "result": int(frame)}:
            tags.frames.pop(page, None)
            if config.heap_start <= page < config.heap_max_end:
                tags.map.remove(_frame_range(frame), "heap")
        case {"hook": "pmm_free_frame", "arguments": {"frame": int(frame)}}:
            tags.map.remove(_frame_range(frame))
        case {
            "hook": "install_guard",
            "result": {"base": int(base), "end": int(end), "tag": str(tag)},
        }:
            for page in range(base, end, PAGE_SIZE):
                if page in tags.frames:
                    tags.map.add(_frame_range(tags.frames[page]), f"guarded:{tag}")
