"""A range of an address space that is mapped alike."""

from dataclasses import dataclass

from kernel_sim.page_table import PageTableFlags


@dataclass(frozen=True, slots=True)
class MappedRange:
    """Linear addresses ``[start, end)`` lead to the physical bytes from ``physical`` on.

    ``flags`` are those in effect over all levels: WRITABLE and USER_ACCESSIBLE where every level
    grants them, NO_EXECUTE where any level says so, the others as in the leaf. ``size`` is the
    bytes of one leaf page. Accessed and dirty flags are left out: they change by being used.
    """

    start: int
    end: int
    physical: int
    flags: PageTableFlags
    size: int

    @property
    def length(self) -> int:
        """Bytes in the range."""
        return self.end - self.start

    def as_json(self) -> dict[str, int]:
        """The fields of ``ksim memlayout --json``."""
        return {
            "start": self.start,
            "end": self.end,
            "physical": self.physical,
            "flags": int(self.flags),
            "size": self.size,
        }


def merged(ranges: "list[MappedRange]") -> "list[MappedRange]":
    """``ranges``, in ascending order, with neighbours that continue each other made one."""
    result: list[MappedRange] = []
    for item in ranges:
        last = result[-1] if result else None
        if (
            last is not None
            and last.end == item.start
            and last.physical + last.length == item.physical
            and last.flags == item.flags
            and last.size == item.size
        ):
            result[-1] = MappedRange(last.start, item.end, last.physical, last.flags, last.size)
        else:
            result.append(item)
    return result
