"""The frames that an address space's tables occupy."""

from kernel_sim.inspection.address_space import AddressSpace
from kernel_sim.machine.paging_modes import ADDRESS_MASK


def table_frames(space: AddressSpace) -> set[int]:
    """The physical addresses of all frames that hold a table of ``space``, the root among them.

    Entries that are not present, are leaves or have a reserved bit set lead to no table.
    """
    steps = space.steps()
    level = {space.root}
    found = {space.root & ADDRESS_MASK}
    for step in steps[:-1]:
        below: set[int] = set()
        for table in level:
            for entry in space.table(table, step.index_mask + 1).tolist():
                if entry & 1 and not entry & step.large and not entry & step.table_reserved:
                    below.add(entry & ADDRESS_MASK)
        found |= below
        level = below
    return found
