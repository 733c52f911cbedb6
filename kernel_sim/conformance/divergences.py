"""Where an emulator is known to differ from the manual, each place by name and paragraph.

A difference is either *normalised* when results are compared, or *avoided*: scenes never contain
what would show it,
and hand-written tests hold the machine to the manual there.
"""

from dataclasses import dataclass, replace
from typing import Final

from kernel_sim.conformance.scene import NO_RAM_VECTOR, Observation
from kernel_sim.page_table import PageFaultErrorCode, PageTableFlags


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
    "unicorn, qemu",
    "normalised",
    "sets A in a PDPTE that maps a 1 GiB page before it checks the rights",
    "SDM vol. 3A, 4.8: the flag of a leaf is set when a translation uses it",
)
RESERVED_WITHOUT_P: Final = KnownDivergence(
    "reserved-without-p",
    "qemu",
    "normalised",
    "reports a reserved bit with P clear in the error code",
    "SDM vol. 3A, 4.7: P is 1 whenever RSVD is",
)
ACCESSED_IN_PDPTE: Final = KnownDivergence(
    "accessed-in-pdpte",
    "qemu",
    "normalised",
    "sets bit 5 of a PAE PDPTE in memory",
    "SDM vol. 3A, 4.4.1 and 4.8: PDPTEs have no accessed flag",
)
LEGACY_HOLE: Final = KnownDivergence(
    "legacy-hole",
    "qemu",
    "normalised",
    "has a display and ROM between 640 KiB and 1 MiB, where scenes have memory",
    "no rule of the processor: a property of the emulated PC",
)
BEYOND_MEMORY: Final = KnownDivergence(
    "beyond-memory",
    "qemu",
    "normalised",
    "reads something where nothing is, which Unicorn and this machine tell apart",
    "no rule of the processor",
)
HOLE: Final = range(0xA_0000, 0x10_0000)


KNOWN: Final = (
    ACCESSED_ON_FAULTING_1_GIB_LEAF,
    RESERVED_WITHOUT_P,
    ACCESSED_IN_PDPTE,
    LEGACY_HOLE,
    BEYOND_MEMORY,
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


def with_leaves_accessed(memory: bytes, leaf_entries: set[int]) -> bytes:
    """``memory`` with A set in each of ``leaf_entries``, where an emulator may differ on it."""
    result = bytearray(memory)
    for address in leaf_entries:
        if address < len(result):
            result[address] |= PageTableFlags.ACCESSED
    return bytes(result)


def qemu_memory(memory: bytes, pdpt: int) -> bytes:
    """``memory`` without the legacy hole, and with bit 5 set in the PDPTEs at ``pdpt``."""
    result = bytearray(memory)
    result[HOLE.start : HOLE.stop] = bytes(len(HOLE))
    for address in range(pdpt, pdpt + 32, 8):
        result[address] |= PageTableFlags.ACCESSED
    return bytes(result)


def qemu_excuse(machine: Observation, emulator: Observation) -> KnownDivergence | None:
    """The known reason why QEMU saw ``emulator`` where this machine saw ``machine``."""
    if machine.vector == NO_RAM_VECTOR and emulator.vector is None:
        return BEYOND_MEMORY
    if machine.vector is None and emulator.vector is None and machine.physical in HOLE:
        return LEGACY_HOLE
    reserved = PageFaultErrorCode.MALFORMED_TABLE | PageFaultErrorCode.PROTECTION_VIOLATION
    code = machine.error_code or 0
    if code & reserved == reserved and emulator == replace(machine, error_code=code & ~1):
        return RESERVED_WITHOUT_P
    return None
