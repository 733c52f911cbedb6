"""Memory visualizer: physical memory as a picture of character cells (KV-35).

Rationale: a list of regions and a count of free frames say little about how memory fills up. A
picture shows at one glance where the allocator works, how far it got and which parts are lost::

    ##++....................................................--
    ^  ^   ^ free                                           ^ reserved
    |  some frames of this cell are used
    all are

Benefit: leaks, fragmentation and a wrong memory map can be seen. Cost: one read of the bitmap for
each picture, nothing in between. The picture is drawn from the bitmap in memory each time; there is
no copy that could be old.
"""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import KernelError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import Cell, FrameStats, MemoryRegion, RegionKind, SelfTestResult
from kernel_sim_kernel_v.frame_ranges import FrameRange, available_frames

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

BLACK, GREEN, CYAN, RED, MAGENTA, GREY, BLUE, YELLOW = 0, 2, 3, 4, 5, 7, 9, 14
"""VGA colour numbers."""

FREE: Final = (".", GREEN, "free")
PARTLY: Final = ("+", YELLOW, "partly used")
FULL: Final = ("#", RED, "used")
HOLE: Final = (" ", BLACK, "nothing described")
LOOKS: Final = {
    RegionKind.AVAILABLE: ("-", GREY, "available, less than a frame"),
    RegionKind.ACPI_RECLAIMABLE: ("a", CYAN, "ACPI reclaimable"),
    RegionKind.ACPI_NVS: ("n", CYAN, "ACPI NVS"),
    RegionKind.PERSISTENT: ("p", BLUE, "persistent"),
    RegionKind.RESERVED: ("-", GREY, "reserved"),
    RegionKind.UNUSABLE: ("x", MAGENTA, "unusable"),
}

REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
"""Each byte with its bits in the opposite order."""


@hookimpl
def render_memory(kernel: "Kernel", columns: int, rows: int) -> list[Cell] | None:
    """Memory below ``physical_limit`` in ``columns * rows`` cells of equally many frames.

    None with ``config.memviz`` off (KV-40). Cells past the end are holes.
    """
    if not kernel.config.memviz:
        return None
    cell_count = columns * rows
    frame_count = kernel.config.physical_limit // PAGE_SIZE
    per_cell = max(1, -(-frame_count // max(1, cell_count)))
    usable = _marks(available_frames(kernel.regions, kernel.config.physical_limit), frame_count)
    used = _both(usable, _used_marks(kernel, frame_count))
    return [
        _cell(kernel.regions, FrameRange(first, first + per_cell), usable, used)
        for first in range(0, cell_count * per_cell, per_cell)
    ]


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult | None:
    """Taking a frame changes the picture at its place, at once."""
    if not kernel.config.memviz:
        return None
    if not _has_bitmap(kernel):
        return SelfTestResult("memviz", passed=True, detail="the allocator has no bitmap to show")
    frame_count = kernel.config.physical_limit // PAGE_SIZE
    before = _used_marks(kernel, frame_count)
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        return SelfTestResult("memviz", passed=True, detail="no free frame to show")
    after = _used_marks(kernel, frame_count)
    kernel.hooks.pmm_free_frame(frame)
    number = frame // PAGE_SIZE
    shown = (before[number], after[number]) == ("0", "1")
    return SelfTestResult("memviz", shown, f"frame {frame:#x} seen")


def _has_bitmap(kernel: "Kernel") -> bool:
    """Whether the frame allocator keeps one: a free list, for instance, does not."""
    try:
        return kernel.hooks.pmm_stats().bitmap_bytes > 0
    except KernelError:
        return True


def _marks(ranges: list[FrameRange], frame_count: int) -> str:
    """One character a frame, '1' for those in ``ranges``: text counts and slices fast."""
    marks = bytearray(b"0" * frame_count)
    for frames in ranges:
        marks[frames.first : frames.end] = b"1" * frames.frame_count
    return marks.decode()


def _both(left: str, right: str) -> str:
    """'1' where both have it."""
    return f"{int(left, 2) & int(right, 2):0{len(left)}b}"


def _used_marks(kernel: "Kernel", frame_count: int) -> str:
    """One character a frame, '1' for used, whatever the allocator's order and sense of bits."""
    try:
        stats = kernel.hooks.pmm_stats()
    except KernelError:
        return "0" * frame_count
    base = kernel.hooks.phys_to_virt(stats.bitmap_base)
    bits = _bits(stats, kernel.cpu.read(base, stats.bitmap_bytes))
    return ("0" * (stats.first_frame // PAGE_SIZE) + bits).ljust(frame_count, "0")


def _bits(stats: FrameStats, data: bytes) -> str:
    """The bitmap as text, the first frame first, '1' for used."""
    ordered = data if stats.bit_order == "lsb" else data.translate(REVERSED)
    text = f"{int.from_bytes(ordered, 'little'):0{len(data) * 8}b}"[::-1] if data else ""
    return text if stats.used_bit else text.translate(str.maketrans("01", "10"))


def _cell(regions: list[MemoryRegion], frames: FrameRange, usable: str, used: str) -> Cell:
    """The cell for ``frames``: how full they are if any can be used, else what the map says."""
    here = usable.count("1", frames.first, frames.end)
    taken = used.count("1", frames.first, frames.end)
    start, end = frames.first * PAGE_SIZE, frames.end * PAGE_SIZE
    if here:
        character, color, word = FULL if taken == here else PARTLY if taken else FREE
        return Cell(character, color, f"{start:#x}-{end:#x} {word}, {taken} of {here} frames")
    kinds = [r.kind for r in regions if r.base < end and start < r.end]
    character, color, word = LOOKS[max(kinds)] if kinds else HOLE
    return Cell(character, color, f"{start:#x}-{end:#x} {word}")
