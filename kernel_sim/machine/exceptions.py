"""Processor exceptions: vectors, the classes behind double faults, the exception in flight.

References: Intel SDM vol. 3A, 6.15, tables 6-1 (vectors), 6-4 and 6-5 (double and triple fault).
"""

from enum import IntEnum
from typing import Final


class Vector(IntEnum):
    """Exception vectors, by the manual's mnemonics."""

    DE = 0
    DB = 1
    NMI = 2
    BP = 3
    UD = 6
    DF = 8
    TS = 10
    NP = 11
    SS = 12
    GP = 13
    PF = 14
    MC = 18


CONTRIBUTORY: Final = frozenset({Vector.DE, Vector.TS, Vector.NP, Vector.SS, Vector.GP})
WITH_ERROR_CODE: Final = frozenset(
    {Vector.DF, Vector.TS, Vector.NP, Vector.SS, Vector.GP, Vector.PF}
)


class CpuException(Exception):  # noqa: N818 - the processor's own term
    """An exception that the processor is about to deliver; never leaves the machine.

    Args:
        vector: which one.
        error_code: what it pushes, None for vectors without.
        address: the faulting linear address of a page fault, which goes to CR2.
        why: one clause for the post-mortem.
    """

    def __init__(
        self,
        vector: Vector,
        error_code: int | None = None,
        address: int | None = None,
        why: str = "",
    ) -> None:
        super().__init__(vector, error_code, address, why)
        self.vector = vector
        self.error_code = error_code
        self.address = address
        self.why = why

    def __str__(self) -> str:
        cause = self.why if self.address is None else f"at {self.address:#x}"
        return f"#{self.vector.name} ({cause})" if cause else f"#{self.vector.name}"


def general_protection(why: str, error_code: int = 0) -> CpuException:
    """#GP with ``error_code``, because of ``why``."""
    return CpuException(Vector.GP, error_code, why=why)


def escalates(first: int, second: int) -> bool:
    """Whether ``second``, met while ``first`` was being delivered, makes a double fault."""
    if first == Vector.PF:
        return second == Vector.PF or second in CONTRIBUTORY
    return first in CONTRIBUTORY and second in CONTRIBUTORY
