"""What an emulator is given: memory, tables, control bits, and the harness that probes run from."""

from dataclasses import dataclass, field

from kernel_sim.conformance.harness import Harness
from kernel_sim.machine.paging_modes import PagingMode
from kernel_sim.values import AddrRange


@dataclass(frozen=True, slots=True)
class Guest:
    """An address space ready to be probed.

    Args:
        mode: the paging mode.
        root: physical address of the root table, which has the harness in one of its slots.
        write_protect: CR0.WP.
        cr4: CR4 as a whole.
        efer: EFER without LME and LMA, which follow from the mode.
        ranges: physical ranges that are memory.
        frames: their contents by address; the rest is zero.
        harness: where the probing instructions run.
    """

    mode: PagingMode
    root: int
    write_protect: bool
    cr4: int
    efer: int
    ranges: tuple[AddrRange, ...]
    harness: Harness
    frames: dict[int, bytes] = field(repr=False)
