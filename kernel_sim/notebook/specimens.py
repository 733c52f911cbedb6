"""Specimens: plugins with one known mistake each, to be booted and looked at in a lab.

They read memory themselves and use nothing of the notebook, so an experiment works before the task
is solved, and a mistake in the notebook does not get mixed up with theirs.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import U64_LIMIT
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import BootInfo, MemoryRegion
from kernel_sim.views.palette import kind_of_type

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


class LastWins:
    """A parser that keeps every rule of Lab 1 but one: where entries overlap, the last one wins."""

    @hookimpl
    def parse_memory_map(self, kernel: "Kernel", boot_info: BootInfo) -> list[MemoryRegion]:
        """Each entry is laid over the table made so far and covers what lies below it."""
        table: list[MemoryRegion] = []
        for number in range(boot_info.count):
            top = region_at(kernel, boot_info.table + number * boot_info.entry_size, boot_info)
            if top is not None:
                table = [part for old in table for part in around(old, top)] + [top]
        return sorted(table, key=lambda region: region.base)


def region_at(kernel: "Kernel", address: int, boot_info: BootInfo) -> MemoryRegion | None:
    """The entry at ``address``, cut at 2^64; None if it is empty or asks to be ignored."""
    load = kernel.cpu.load
    base, length, number = load(address, 8), load(address + 8, 8), load(address + 16, 4)
    ignored = boot_info.entry_size >= 24 and not load(address + 20, 4) & 1
    if ignored or not length:
        return None
    return MemoryRegion(base, min(length, U64_LIMIT - base), kind_of_type(number), number)


def around(old: MemoryRegion, top: MemoryRegion) -> list[MemoryRegion]:
    """What is seen of ``old`` when ``top`` lies over it: up to two pieces."""
    left = (old.base, min(old.end, top.base))
    right = (max(old.base, top.end), old.end)
    return [
        MemoryRegion(start, end - start, old.kind, old.type)
        for start, end in (left, right)
        if start < end
    ]
