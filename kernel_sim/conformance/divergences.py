"""Where an emulator is known to differ from the manual, each place by name and paragraph.

A difference is either *normalised* when results are compared, or *avoided*: scenes never contain
what would show it,
and hand-written tests hold the machine to the manual there.
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.page_table import PageTableFlags


@dataclass(frozen=True, slots=True)
class KnownDivergence:
    """A named difference between an emulator and the manual."""

    name: str
    engine: str
    handling: str
    """``'normalised'`` or ``'avoided'``."""
    what: str
    manual: str


ACCESSED_ON_FAULTING_1_GIB_LEAF: Final = KnownDivergence(
    "accessed-on-faulting-1gib-leaf",
    "unicorn",
    "normalised",
    "sets A in a PDPTE that maps a 1 GiB page before it checks the rights",
    "SDM vol. 3A, 4.8: the flag of a leaf is set when a translation uses it",
)
KNOWN: Final = (
    ACCESSED_ON_FAULTING_1_GIB_LEAF,
    KnownDivergence(
        "maxphyaddr-40",
        "unicorn",
        "avoided",
        "MAXPHYADDR is 40 whatever the processor model; so scenes use 40",
        "SDM vol. 3A, 4.1.4: MAXPHYADDR is enumerated by CPUID",
    ),
    KnownDivergence(
        "pdpte-reserved-unchecked",
        "unicorn, qemu",
        "avoided",
        "loads PAE PDPTEs with reserved bits set, without the #GP",
        "SDM vol. 3A, 4.4.1: MOV to CR3 then causes #GP(0) and loads nothing",
    ),
    KnownDivergence(
        "pdpte-reread",
        "unicorn, qemu",
        "avoided",
        "reads the PAE PDPTEs from memory on each walk; scenes keep them out of reach of writes",
        "SDM vol. 3A, 4.4.1: they are held in registers until CR3 is loaded again",
    ),
    KnownDivergence(
        "noncanonical-fetch",
        "unicorn",
        "avoided",
        "a probe cannot start at an address that is not canonical: the jump faults",
        "SDM vol. 1, 3.3.7.1: a reference that is not in canonical form causes #GP",
    ),
)


def normalised(memory: bytes, leaf_entries: set[int]) -> bytes:
    """``memory`` with A set in each of ``leaf_entries``, where the engines may differ on it."""
    if not leaf_entries:
        return memory
    result = bytearray(memory)
    for address in leaf_entries:
        if address < len(result):
            result[address] |= PageTableFlags.ACCESSED
    return bytes(result)
