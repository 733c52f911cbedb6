"""Looking at an address space from outside: sweep, diff and a meter."""

from kernel_sim.inspection.address_space import AddressSpace
from kernel_sim.inspection.diff import Change, diff
from kernel_sim.inspection.mapped_range import MappedRange
from kernel_sim.inspection.meter import Meter, metered
from kernel_sim.inspection.sweep import sweep
from kernel_sim.inspection.table_frames import table_frames

__all__ = [
    "AddressSpace",
    "Change",
    "MappedRange",
    "Meter",
    "diff",
    "metered",
    "sweep",
    "table_frames",
]
