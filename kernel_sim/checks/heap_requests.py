"""A script of a heap's calls in the making."""

from kernel_sim.checks.heap_model import CPU_FILL
from kernel_sim.checks.operations import Case, Of, Place, Script


class Requests:
    """A script of a heap's calls; each block is filled with a byte of its own."""

    def __init__(self) -> None:
        self.script = Script()
        self._byte = 0

    def kmalloc(self, size: int, align: int = 8, *, fill: bool = True) -> Of:
        """Ask for a block, and write to all of it."""
        block = self.script.add("kmalloc", size, align)
        if fill and size:
            self._byte = self._byte % 251 + 1
            self.script.add(CPU_FILL, block, size, self._byte)
        return block

    def kfree(self, block: object) -> None:
        """Give a block back, or what may be none."""
        self.script.add("kfree", block)

    def stats(self) -> None:
        """Ask for the statistics."""
        self.script.add("heap_stats")

    def at(self, place: Place) -> Case:
        """The case that makes these calls."""
        return self.script.at(place)
