"""The heap's part of the address space: grows upwards, page by page, from frames of the allocator.

::

    start            end            mapped_end           max_end
      |#### blocks ####|............|                       |
      |<-- frames are mapped up to here -->|<-- untouched -->|

Growth is all or nothing: when the last of ten pages can't be had, the nine before it are unmapped
and their frames given back (KV-32). A page table that was made on the way stays for the next try.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.errors import MapError
from kernel_sim.page_table import PageTableFlags

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

HEAP_FLAGS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
"""For the kernel only: user access is missing (KV-26)."""


@dataclass(slots=True)
class Arena:
    """Blocks lie in ``[start, end)``, which may grow to ``max_end``."""

    kernel: "Kernel"
    start: int
    end: int
    max_end: int
    mapped_end: int

    @classmethod
    def empty(cls, kernel: "Kernel", start: int, max_end: int, grain: int) -> "Arena":
        """An arena without a byte yet; its bounds are rounded inward to ``grain``."""
        first = align_up(start, grain)
        return cls(kernel, first, first, align_down(max_end, grain), align_down(first, PAGE_SIZE))

    def holds(self, address: int) -> bool:
        """Whether a block may begin at ``address``."""
        return self.start <= address < self.end

    def extend(self, least_end: int) -> bool:
        """Let the arena reach ``least_end``, and from there to the end of the page if it may.

        False, and nothing has changed: ``max_end`` or memory does not allow it.
        """
        if least_end > self.max_end:
            return False
        end = min(align_up(least_end, PAGE_SIZE), self.max_end)
        if not (self.kernel.config.demand_paging or self._map_up_to(align_up(end, PAGE_SIZE))):
            return False
        self.kernel.log("heap_grow", start=self.end, end=end)
        self.end = end
        return True

    def _map_up_to(self, page_end: int) -> bool:
        for page in range(self.mapped_end, page_end, PAGE_SIZE):
            if not self._map(page):
                self._unmap(self.mapped_end, page)
                return False
        self.mapped_end = max(self.mapped_end, page_end)
        return True

    def _map(self, page: int) -> bool:
        hooks = self.kernel.hooks
        frame = hooks.pmm_alloc_frame()
        if frame is None:
            return False
        try:
            hooks.map_page(self.kernel.root, page, frame, HEAP_FLAGS)
        except MapError as error:
            self.kernel.log("heap_map_refused", page=page, reason=str(error))
            hooks.pmm_free_frame(frame)
            return False
        return True

    def _unmap(self, start: int, end: int) -> None:
        for page in range(start, end, PAGE_SIZE):
            frame = self.kernel.hooks.unmap_page(self.kernel.root, page)
            self.kernel.hooks.pmm_free_frame(frame)
