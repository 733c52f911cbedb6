"""Sparse physical memory: a frame costs nothing until touched, and holds poison when it is.

Layout of the block of memory (or of the file shared with a grader)::

    | backed range 0 | backed range 1 | ... | display text frame | one byte per frame: 1 = touched |
      offset 0                                                     `flags`

A frame has a constant offset into the four views `u8`, `u16`, `u32` and `u64`: an access is one
index.
"""

import mmap
import os
import sys
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Final

from kernel_sim.addr import PAGE_SIZE, U64_LIMIT
from kernel_sim.errors import InputError
from kernel_sim.values import AddrRange

FRAME_SHIFT: Final = 12
OFFSET_MASK: Final = PAGE_SIZE - 1
NO_RAM: Final = -1
"""What `Ram.offset` answers for a frame that nothing backs."""
MAX_BYTES: Final = 1 << 46
"""More backed memory than this does not fit a process."""
_MAP_NORESERVE: Final = 0x4000 if sys.platform == "linux" else 0
_SLAB_FRAMES: Final = 64
_M64: Final = U64_LIMIT - 1


def poison_word(seed: int, frame: int) -> int:
    """The 8-byte pattern that fills frame number ``frame`` before anyone wrote to it.

    Bit 0 of both halves is set: read as a page table, every entry claims to be present.
    """
    x = (seed * 0x9E37_79B9_7F4A_7C15 + (frame + 1) * 0xBF58_476D_1CE4_E5B9) & _M64
    x = ((x ^ (x >> 31)) * 0x94D0_49BB_1331_11EB) & _M64
    return (x ^ (x >> 29)) | 0x1_0000_0001


class Ram:
    """Physical memory behind ``ranges``, readable by physical address.

    Args:
        ranges: frame-aligned, sorted, disjoint physical ranges that are backed.
        seed: of the poison.
        fd: an open file (a ``memfd``) that holds the memory; both sides of a process boundary that
            build a `Ram` of the same ranges and seed on it read the same bytes. None: private.

    Raises:
        InputError: the ranges hold more than a process can address.
    """

    def __init__(
        self, ranges: Sequence[AddrRange], *, seed: int = 0, fd: int | None = None
    ) -> None:
        self.ranges = tuple(ranges)
        self.seed = seed
        self.journal: Callable[[int, bytes, bytes], None] | None = None
        self.on_move: Callable[[], Callable[[], None] | None] | None = None
        self._starts = [item.start >> FRAME_SHIFT for item in ranges]
        self._ends = [item.end >> FRAME_SHIFT for item in ranges]
        self._bases: list[int] = []
        self.size_bytes = 0
        for item in ranges:
            self._bases.append(self.size_bytes)
            self.size_bytes += item.length
        if self.size_bytes > MAX_BYTES:
            raise InputError(
                f"{self.size_bytes:#x} bytes of memory", expected=f"at most {MAX_BYTES:#x}"
            )
        self.known_offsets: dict[int, int] = {}
        """Frame number → offset of the frames that this side has touched; for reading only."""
        self._flags = self.size_bytes
        self._slab_used = -1
        self._block = _allocate(self.size_bytes + self.size_bytes // PAGE_SIZE + PAGE_SIZE, fd)
        if isinstance(self._block, bytearray):
            self._slab_used = 0
        self._make_views()

    def _make_views(self) -> None:
        self.u8 = memoryview(self._block)
        self.u16 = self.u8.cast("H")
        self.u32 = self.u8.cast("I")
        self.u64 = self.u8.cast("Q")

    # --- frames ----------------------------------------------------------------------------------

    def offset(self, frame: int) -> int:
        """Where the frame lies in the views, poisoned on its first touch; `NO_RAM` if unbacked."""
        offset = self.known_offsets.get(frame)
        return self._touch(frame) if offset is None else offset

    def has(self, frame: int) -> bool:
        """Whether frame number ``frame`` is backed."""
        return self._place(frame) != NO_RAM

    def touched(self, frame: int) -> bool:
        """Whether the frame was ever written or accessed by the processor since power-on."""
        if frame in self.known_offsets:
            return True
        place = self._place(frame)
        return place != NO_RAM and self._slab_used < 0 and self._is_flagged(place)

    def touched_frames(self) -> list[int]:
        """The numbers of the frames this side has touched, in ascending order."""
        return sorted(self.known_offsets)

    def frames_in_use(self) -> list[int]:
        """The numbers of the frames that either side has touched, in ascending order."""
        if self._slab_used >= 0:
            return self.touched_frames()
        found: list[int] = []
        for item, base in zip(self.ranges, self._bases, strict=True):
            first = self._flags + (base >> FRAME_SHIFT)
            flags = bytes(self.u8[first : first + (item.length >> FRAME_SHIFT)])
            at = flags.find(1)
            while at >= 0:
                found.append((item.start >> FRAME_SHIFT) + at)
                at = flags.find(1, at + 1)
        return found

    def _place(self, frame: int) -> int:
        """The offset a frame has in the layout drawn above, touched or not."""
        index = bisect_right(self._starts, frame) - 1
        if index < 0 or frame >= self._ends[index]:
            return NO_RAM
        return self._bases[index] + ((frame - self._starts[index]) << FRAME_SHIFT)

    def _is_flagged(self, place: int) -> bool:
        return self.u8[self._flags + (place >> FRAME_SHIFT)] != 0

    def _touch(self, frame: int) -> int:
        place = self._place(frame)
        if place == NO_RAM:
            return NO_RAM
        if self._slab_used >= 0:
            place = self._next_slot()
        elif self._is_flagged(place):
            self.known_offsets[frame] = place
            return place
        else:
            self.u8[self._flags + (place >> FRAME_SHIFT)] = 1
        self.u8[place : place + PAGE_SIZE] = self.poison(frame)
        self.known_offsets[frame] = place
        return place

    def poison(self, frame: int) -> bytes:
        """The 4096 bytes that an untouched frame holds."""
        return poison_word(self.seed, frame).to_bytes(8, "little") * (PAGE_SIZE // 8)

    def _next_slot(self) -> int:
        """A fresh frame of the slab, which doubles when it is full; the views are then new ones."""
        slot = self._slab_used
        self._slab_used += PAGE_SIZE
        if slot == len(self._block):
            self._block = bytearray(self._block) + bytearray(len(self._block))
            self._make_views()
            listener = self.on_move() if self.on_move else None
            if listener:
                listener()
        return slot

    def clear(self) -> None:
        """Forget all contents: every frame is untouched again, as after a power cycle."""
        if self._slab_used < 0:
            for place in self.known_offsets.values():
                self.u8[self._flags + (place >> FRAME_SHIFT)] = 0
        else:
            self._slab_used = 0
        self.known_offsets.clear()

    def close(self) -> None:
        """Give the memory back to the system; no access is possible afterwards."""
        for view in (self.u64, self.u32, self.u16, self.u8):
            view.release()
        self.known_offsets.clear()
        if not isinstance(self._block, bytearray):
            self._block.close()

    # --- bytes -----------------------------------------------------------------------------------

    def read(self, physical: int, size_bytes: int) -> bytes:
        """``size_bytes`` from ``physical``; untouched frames read as poison, holes as all-ones."""
        within = physical & OFFSET_MASK
        offset = self.known_offsets.get(physical >> FRAME_SHIFT)
        if offset is not None and 0 <= size_bytes <= PAGE_SIZE - within:
            return bytes(self.u8[offset + within : offset + within + size_bytes])
        parts = []
        while size_bytes > 0:
            within = physical & OFFSET_MASK
            part = min(size_bytes, PAGE_SIZE - within)
            parts.append(self._frame_bytes(physical >> FRAME_SHIFT, within, part))
            physical += part
            size_bytes -= part
        return b"".join(parts)

    def _frame_bytes(self, frame: int, within: int, size_bytes: int) -> bytes:
        if not self.has(frame):
            return b"\xff" * size_bytes
        if not self.touched(frame):
            return self.poison(frame)[within : within + size_bytes]
        start = self.offset(frame) + within
        return bytes(self.u8[start : start + size_bytes])

    def write(self, physical: int, data: bytes | bytearray | memoryview) -> None:
        """Write ``data`` from ``physical`` on; bytes that fall into a hole are lost."""
        done = 0
        while done < len(data):
            within = physical & OFFSET_MASK
            part = data[done : done + PAGE_SIZE - within]
            offset = self.offset(physical >> FRAME_SHIFT)
            if offset != NO_RAM:
                start = offset + within
                target = self.u8[start : start + len(part)]
                if self.journal:
                    self.journal(physical, bytes(target), bytes(part))
                target[:] = part
            done += len(part)
            physical += len(part)

    def load(self, physical: int, size_bytes: int) -> int:
        """The little-endian unsigned number of ``size_bytes`` at ``physical``."""
        within = physical & OFFSET_MASK
        offset = self.known_offsets.get(physical >> FRAME_SHIFT)
        if offset is not None and within + size_bytes <= PAGE_SIZE:
            start = offset + within
            return int.from_bytes(self.u8[start : start + size_bytes], "little")
        return int.from_bytes(self.read(physical, size_bytes), "little")

    def store(self, physical: int, size_bytes: int, value: int) -> None:
        """Store ``value`` as ``size_bytes`` little-endian bytes.

        Raises:
            OverflowError: the value does not fit.
        """
        self.write(physical, value.to_bytes(size_bytes, "little"))


def _allocate(size_bytes: int, fd: int | None) -> "mmap.mmap | bytearray":
    """Zeroed memory: the file's, else an anonymous mapping, else a slab that will grow."""
    size_bytes = (size_bytes + OFFSET_MASK) & ~OFFSET_MASK
    if fd is not None:
        if os.fstat(fd).st_size < size_bytes:
            os.ftruncate(fd, size_bytes)
        return mmap.mmap(fd, size_bytes)
    if sys.platform != "win32" and sys.platform != "emscripten":
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        try:
            return mmap.mmap(-1, size_bytes, flags=flags)
        except (OSError, OverflowError, ValueError):
            return bytearray(_SLAB_FRAMES * PAGE_SIZE)
    return bytearray(_SLAB_FRAMES * PAGE_SIZE)
