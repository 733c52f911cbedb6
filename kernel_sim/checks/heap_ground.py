"""The ground that a heap stands on: the machine as it is before ``heap_init``, by our own boot.

Nothing of the plugin's has run until then, so a boot of the references finds the same page
directory, the same bitmap and the same free frames. No word of the process under test is needed.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

from kernel_sim.boot import boot
from kernel_sim.checks.bench import PhysicalMemory
from kernel_sim.checks.operations import Place
from kernel_sim.errors import InputError
from kernel_sim.values import AddrRange, FrameStats


@dataclass(frozen=True, slots=True)
class HeapGround:
    """Where tables and bitmap lie, and which frames are taken.

    Args:
        root: the page directory's physical address.
        window: the addresses that ``heap_init`` is told.
        stats: of the frame allocator, with the place of its bitmap.
        used: bits of the frames that are in use; bit n is the frame at 4096 n.
    """

    root: int
    window: AddrRange
    stats: FrameStats
    used: int

    def used_frames(self, ram: PhysicalMemory) -> int:
        """The frames in use now, by the bitmap in ``ram``, as bits of a number."""
        stats = self.stats
        bits = int.from_bytes(ram.read(stats.bitmap_base, stats.bitmap_bytes), "little")
        return bits << (stats.first_frame >> 12)

    @property
    def free_frames(self) -> int:
        """How many frames can still be allocated."""
        return self.stats.free


def ground_of(place: Place) -> HeapGround:
    """The ground of a heap that boots at ``place``."""
    config: dict[str, Any] = dict(place.config)
    return _ground(place.machine, config.get("heap_start"), config.get("heap_max_end"))


@cache
def _ground(machine: str, start: int | None, max_end: int | None) -> HeapGround:
    place = Place(machine)
    result = boot(machine=place.spec(), until="paging")
    if result.oops is not None:
        raise InputError(f"the references do not boot: {result.oops}", where=machine)
    config = result.kernel.config
    window = AddrRange(
        config.heap_start if start is None else start,
        config.heap_max_end if max_end is None else max_end,
    )
    stats = result.kernel.hooks.pmm_stats()
    if (stats.bit_order, stats.used_bit) != ("lsb", 1):
        raise InputError("another kind of bitmap", where="pmm", expected="the reference's")
    bare = HeapGround(result.kernel.root, window, stats, 0)
    used = bare.used_frames(result.machine.ram)
    return HeapGround(bare.root, window, stats, used)
