"""What a frame is used for: a number for the views, and how each use looks."""

from dataclasses import replace
from enum import IntEnum
from typing import Final

from kernel_sim.values import RegionKind
from kernel_sim.views.palette import LOOKS, Look


class FrameUse(IntEnum):
    """The use of a frame; `MIXED` is added to a cell that holds frames of several uses."""

    HOLE = 0
    FREE = 1
    PARTLY = 2
    """Of a cell of several frames: some are used."""
    USED = 3
    KERNEL = 4
    STACK = 5
    BITMAP = 6
    PAGE_TABLE = 7
    HEAP = 8
    GUARDED = 9
    AVAILABLE = 10
    """Nobody has said yet whether it is free."""
    ACPI_RECLAIMABLE = 11
    ACPI_NVS = 12
    PERSISTENT = 13
    RESERVED = 14
    UNUSABLE = 15


MIXED: Final = 0x80

USE_OF_KIND: Final = {
    RegionKind.AVAILABLE: FrameUse.AVAILABLE,
    RegionKind.ACPI_RECLAIMABLE: FrameUse.ACPI_RECLAIMABLE,
    RegionKind.ACPI_NVS: FrameUse.ACPI_NVS,
    RegionKind.PERSISTENT: FrameUse.PERSISTENT,
    RegionKind.RESERVED: FrameUse.RESERVED,
    RegionKind.UNUSABLE: FrameUse.UNUSABLE,
}

USE_LOOKS: Final[dict[FrameUse, Look]] = {
    FrameUse.HOLE: Look(".", "not described", "#FFFFFF", "M4 4h1"),
    FrameUse.FREE: Look("F", "free", "#009E73"),
    FrameUse.PARTLY: Look("+", "partly used", "#F0E442", "M0 2H8"),
    FrameUse.USED: Look("X", "used", "#F0E442", "M0 0L8 8M8 0L0 8"),
    FrameUse.KERNEL: Look("K", "kernel image", "#000000"),
    FrameUse.STACK: Look("S", "boot stack", "#000000", "M0 2H8M0 6H8"),
    FrameUse.BITMAP: Look("B", "frame bitmap", "#56B4E9", "M2 0V8M6 0V8"),
    FrameUse.PAGE_TABLE: Look("T", "page table", "#0072B2", "M0 4H8M4 0V8"),
    FrameUse.HEAP: Look("H", "heap", "#CC79A7"),
    FrameUse.GUARDED: Look("G", "guarded region", "#D55E00"),
    FrameUse.AVAILABLE: replace(LOOKS[RegionKind.AVAILABLE], pattern="M1 1h1M5 5h1"),
    FrameUse.ACPI_RECLAIMABLE: LOOKS[RegionKind.ACPI_RECLAIMABLE],
    FrameUse.ACPI_NVS: LOOKS[RegionKind.ACPI_NVS],
    FrameUse.PERSISTENT: LOOKS[RegionKind.PERSISTENT],
    FrameUse.RESERVED: LOOKS[RegionKind.RESERVED],
    FrameUse.UNUSABLE: LOOKS[RegionKind.UNUSABLE],
}
"""How each use is drawn. No two have both the colour and the pattern in common, or the letter."""

USE_OF_TAG: Final = {
    "kernel-image": FrameUse.KERNEL,
    "boot-stack": FrameUse.STACK,
    "frame-bitmap": FrameUse.BITMAP,
    "page-table": FrameUse.PAGE_TABLE,
    "heap": FrameUse.HEAP,
}
"""Tags that say who owns a frame."""


def use_of_tag(tag: str) -> FrameUse | None:
    """The use that a tag stands for; None for tags that name no owner, such as ``dma-safe``."""
    return FrameUse.GUARDED if tag.startswith("guarded:") else USE_OF_TAG.get(tag)
