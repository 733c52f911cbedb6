"""Warns where device registers are reached through a page that may be cached.

A page that maps registers should have PCD set. It works without, on this machine and on many real
ones (BD-8 asks for a mapping without it), so that it is a ``warning`` event and no error; one for
each page.

References: Intel SDM vol. 3A, 4.9 (PWT, PCD), 11.5.2 (memory types by page).
"""

from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.interrupts import InterruptUnit
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.ram import FRAME_SHIFT
from kernel_sim.page_table import PageTableFlags
from kernel_sim.trace import Trace


class MmioUnit(InterruptUnit):
    """A processor that tells how its pages reach devices."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        super().__init__(bus, mmu, trace)
        self._warned: set[int] = set()

    def physical(self, address: int, access: Access) -> int:
        """Translate once and remember the translation; see `LoadStoreUnit.physical`."""
        physical = super().physical(address, access)
        if self.paging and physical >> FRAME_SHIFT in self.bus.device_frames:
            self._look_at_page(address, physical)
        return physical

    def _look_at_page(self, address: int, physical: int) -> None:
        """Emit a ``warning`` if the page at ``address`` lacks PCD, once."""
        page = address >> FRAME_SHIFT
        if page in self._warned or self.mmu.walk_path(address)[-1].entry & PageTableFlags.NO_CACHE:
            return
        self._warned.add(page)
        self.trace.emit(
            "warning", what="device registers in a cached page", address=address, physical=physical
        )
