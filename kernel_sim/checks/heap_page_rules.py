"""What RAM tells of a heap: the pages behind its blocks, and the bytes in them."""

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.checks.heap_ground import HeapGround
from kernel_sim.checks.heap_model import HeapModel
from kernel_sim.checks.heap_rules import block_text
from kernel_sim.checks.heap_window import FRAME_MASK, USER, WRITABLE, HeapWindow
from kernel_sim.checks.operations_run import Breach

ONE_MIB = 0x10_0000


def broken_pages(
    model: HeapModel, ground: HeapGround, window: HeapWindow, used: int
) -> Breach | None:
    """The rule that a page of the window breaks."""
    return (
        _beyond(model, window)
        or _wrong_rights(window)
        or _wrong_frames(ground, window, used)
        or _not_backed(model, window)
    )


def _beyond(model: HeapModel, window: HeapWindow) -> Breach | None:
    low = align_down(model.window.start, PAGE_SIZE)
    high = align_up(model.window.end, PAGE_SIZE)
    outside = next((page for page in sorted(window.entries) if not low <= page < high), None)
    if outside is None:
        return None
    problem = f"the page at {outside:#x} is mapped, outside of {model.window}"
    wanted = f"pages from {low:#x} to {high:#x} alone"
    concept = "heap-start" if outside < low else "maps-beyond"
    return Breach("mapped-inside", "KV-31", problem, outside, concept, wanted, hex(outside))


def _wrong_rights(window: HeapWindow) -> Breach | None:
    for page, entry in window.entries.items():
        if not entry & WRITABLE or entry & USER:
            said = "user code can reach it" if entry & USER else "it can't be written"
            problem = f"the heap's page at {page:#x} is mapped so that {said}"
            wanted = "PRESENT | WRITABLE, for the kernel alone"
            got = f"flags {entry & 0xFFF:#x}"
            return Breach("rights", "KV-32", problem, page, "heap-flags", wanted, got)
    return None


def _wrong_frames(ground: HeapGround, window: HeapWindow, used: int) -> Breach | None:
    seen: dict[int, int] = {}
    for page, entry in window.entries.items():
        frame = entry & FRAME_MASK
        bit = 1 << (frame >> 12)
        if frame in seen:
            problem = f"the pages at {seen[frame]:#x} and {page:#x} lie in one frame, {frame:#x}"
        elif frame < ONE_MIB or ground.used & bit:
            problem = f"the heap's page at {page:#x} lies in frame {frame:#x}, which is not its own"
        elif not used & bit:
            problem = f"the heap's page at {page:#x} lies in frame {frame:#x}, which is free"
        else:
            seen[frame] = page
            continue
        concept = "null-frame" if frame == 0 else "heap-frames"
        wanted = "a frame of its own for each page"
        return Breach("frames", "KV-32", problem, page, concept, wanted, hex(frame))
    return None


def _not_backed(model: HeapModel, window: HeapWindow) -> Breach | None:
    for block in model.live.values():
        for page in range(align_down(block.address, PAGE_SIZE), block.end, PAGE_SIZE):
            if page not in window.entries:
                problem = f"{block_text(block)} has no memory at {max(page, block.address):#x}"
                wanted = "a block of mapped pages"
                got = f"page {page:#x} is not mapped"
                return Breach("backed", "KV-32", problem, page, "block-unmapped", wanted, got)
    return None


def broken_contents(model: HeapModel, window: HeapWindow, ram: PhysicalMemory) -> Breach | None:
    """The first block whose bytes are no longer those that were written into it."""
    pages: dict[int, bytes] = {}
    for block in model.live.values():
        if block.byte is None or not block.filled:
            continue
        data = _bytes(window, ram, pages, block.address, block.filled)
        if data is None or data.count(block.byte) == len(data):
            continue
        wrong = next(i for i, byte in enumerate(data) if byte != block.byte)
        problem = (
            f"byte {wrong} of {block_text(block)} is {data[wrong]:#04x}; "
            f"{block.byte:#04x} was written"
        )
        wanted = f"every byte {block.byte:#04x}"
        got = " ".join(f"{byte:02x}" for byte in data[wrong : wrong + 8])
        return Breach("contents", "KV-34", problem, block.address, "contents-lost", wanted, got)
    return None


def _bytes(
    window: HeapWindow, ram: PhysicalMemory, pages: dict[int, bytes], address: int, size: int
) -> bytes | None:
    """``size`` bytes from ``address``; each page is read once."""
    parts: list[bytes] = []
    end = address + size
    for page in range(align_down(address, PAGE_SIZE), end, PAGE_SIZE):
        if page not in pages:
            if page not in window.entries:
                return None
            pages[page] = ram.read(window.entries[page] & FRAME_MASK, PAGE_SIZE)
        parts.append(pages[page][max(address - page, 0) : end - page])
    return b"".join(parts)
