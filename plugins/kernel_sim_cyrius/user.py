"""User copies: judge the range first, then touch it (MS-30, MS-31).

::

    0 length         fine, nothing to do
    null             NULL_POINTER
    start >= limit   OUT_OF_RANGE              limit = 0x0000_8000_0000_0000, 48-bit addresses
    start + length   ADDRESS_OVERFLOW          past 64 bits
    end > limit      OUT_OF_RANGE

The judgement is arithmetic alone: it reads no memory and no table. So a permitted range may fault
all the same, when the tables say otherwise; the copy runs with the user's rights, at CPL 3.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import is_aligned
from kernel_sim.errors import KernelError
from kernel_sim_cyrius.addr import VirtAddr

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

USER_LIMIT: Final = VirtAddr(0x0000_8000_0000_0000)


class UserAccessReason(StrEnum):
    """Why a range is refused (MS-30)."""

    NULL_POINTER = "NULL_POINTER"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    ADDRESS_OVERFLOW = "ADDRESS_OVERFLOW"
    MISALIGNED = "MISALIGNED"
    ZERO_SIZED_TYPE = "ZERO_SIZED_TYPE"


class UserAccessError(KernelError):
    """A range that the user named is refused; ``reason`` is a `UserAccessReason`."""


def validate(start: VirtAddr, length: int) -> None:
    """Judge ``length`` bytes from ``start`` on, in the order of the table above (MS-31).

    Raises:
        UserAccessError: with its reason.
    """
    if length == 0:
        return
    if start.raw == 0:
        raise UserAccessError(start.raw, "a pointer", UserAccessReason.NULL_POINTER)
    if start >= USER_LIMIT:
        raise UserAccessError(start.raw, "the lower half", UserAccessReason.OUT_OF_RANGE)
    end = start.checked_add(length)
    if end is None:
        raise UserAccessError(length, "64-bit addresses", UserAccessReason.ADDRESS_OVERFLOW)
    if end > USER_LIMIT:
        raise UserAccessError(end.raw, "the lower half", UserAccessReason.OUT_OF_RANGE)


def copy_to_user(kernel: "Kernel", target: VirtAddr, data: bytes) -> None:
    """Write ``data`` where the user wants it, with the user's rights (MS-30).

    Raises:
        UserAccessError: nothing was touched.
    """
    validate(target, len(data))
    if data:
        with kernel.cpu.user():
            kernel.cpu.write(target.into_ptr(), data)


def copy_from_user(kernel: "Kernel", source: VirtAddr, length: int) -> bytes:
    """``length`` bytes from where the user says (MS-30).

    Raises:
        UserAccessError: nothing was touched.
    """
    validate(source, length)
    if not length:
        return b""
    with kernel.cpu.user():
        return bytes(kernel.cpu.read(source.into_ptr(), length))


@dataclass(frozen=True, slots=True)
class UserSlice:
    """``count`` items of ``item_bytes`` in user memory, judged once, when it is made (MS-30).

    Raises:
        UserAccessError: the items have no size, are misaligned, or reach beyond the lower half.
    """

    kernel: "Kernel"
    start: VirtAddr
    count: int
    item_bytes: int

    def __post_init__(self) -> None:
        if self.item_bytes < 1:
            raise UserAccessError(self.item_bytes, "a size", UserAccessReason.ZERO_SIZED_TYPE)
        validate(self.start, self.count * self.item_bytes)
        if self.count and not is_aligned(self.start.raw, self.item_bytes):
            expected = f"a multiple of {self.item_bytes}"
            raise UserAccessError(self.start.raw, expected, UserAccessReason.MISALIGNED)

    def read(self) -> list[int]:
        """The items, little-endian."""
        data = copy_from_user(self.kernel, self.start, self.count * self.item_bytes)
        size = self.item_bytes
        return [int.from_bytes(data[n : n + size], "little") for n in range(0, len(data), size)]
