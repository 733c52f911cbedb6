"""Kinds of access, and which bits of a translation each of them demands.

::

    access              must be set        must be clear            XD must be clear
    user read           P US               -                        no
    user write          P US RW            -                        no
    user fetch          P US               -                        yes
    supervisor read     P                  US if SMAP and not AC    no
    supervisor write    P, RW if WP        US if SMAP and not AC    no
    supervisor fetch    P                  US if SMEP               yes

The bits are the AND of the entries of all levels, for XD the OR.
References: Intel SDM vol. 3A, 4.6 (access rights), 4.7 (page-fault exceptions).
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from kernel_sim.machine.control_bits import CR4_SMAP, CR4_SMEP
from kernel_sim.machine.paging_modes import NX

P: Final = 1 << 0
RW: Final = 1 << 1
US: Final = 1 << 2

ERROR_P: Final = 1 << 0
ERROR_W: Final = 1 << 1
ERROR_U: Final = 1 << 2
ERROR_RSVD: Final = 1 << 3
ERROR_I: Final = 1 << 4


@dataclass(frozen=True, slots=True)
class Access:
    """What the processor wants of an address, as the MMU distinguishes it.

    ``implicit`` marks the processor's own accesses to IDT, GDT, TSS and stacks: supervisor
    whatever the CPL. ``number`` counts the kinds, in steps of two: EFLAGS.AC is the lowest bit.
    """

    write: bool = False
    fetch: bool = False
    user: bool = False
    implicit: bool = False
    number: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        number = self.write * 2 | self.fetch * 4 | self.user * 8 | self.implicit * 16
        object.__setattr__(self, "number", number)


class Demand(NamedTuple):
    """What a kind of access demands: bits set, bits of interest, XD bits clear; its error code."""

    needed: int
    judged: int
    """The bits of ``needed`` and those that must be clear."""
    execute_disable: int
    error_code: int


@lru_cache(maxsize=64)
def demands(*, write_protect: bool, cr4: int, reports_fetch: bool) -> tuple[Demand, ...]:
    """The demands of all kinds of access under these controls, by ``Access.number | AC``."""
    return tuple(
        _demand(number, write_protect=write_protect, cr4=cr4, reports_fetch=reports_fetch)
        for number in range(32)
    )


def _demand(number: int, *, write_protect: bool, cr4: int, reports_fetch: bool) -> Demand:
    ac, write, fetch, user, implicit = (bool(number >> bit & 1) for bit in range(5))
    code = (ERROR_W if write else 0) | (ERROR_I if fetch and reports_fetch else 0)
    execute_disable = NX if fetch else 0
    if user and not implicit:
        needed = P | US | (RW if write else 0)
        return Demand(needed, needed, execute_disable, code | ERROR_U)
    needed = P | (RW if write and write_protect else 0)
    smep = fetch and cr4 & CR4_SMEP
    smap = not fetch and cr4 & CR4_SMAP and (implicit or not ac)
    forbidden = US if smep or smap else 0
    return Demand(needed, needed | forbidden, execute_disable, code)
