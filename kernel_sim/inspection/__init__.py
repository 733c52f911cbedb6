"""Looking at an address space from outside: sweep and diff, without touching the machine."""

from kernel_sim.inspection.address_space import AddressSpace
from kernel_sim.inspection.diff import Change, diff
from kernel_sim.inspection.mapped_range import MappedRange
from kernel_sim.inspection.sweep import sweep

__all__ = ["AddressSpace", "Change", "MappedRange", "diff", "sweep"]
