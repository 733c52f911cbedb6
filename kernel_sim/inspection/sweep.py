"""The exhaustive sweep: every page that a set of tables maps, as ranges.

Entries that are not present or have a reserved bit set map nothing. With NumPy installed the last
level goes through `kernel_sim.inspection.sweep_numpy`, with the same result.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache, lru_cache
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.inspection.address_space import AddressSpace
from kernel_sim.inspection.mapped_range import MappedRange, merged
from kernel_sim.machine.paging_modes import ADDRESS_MASK, NX, Step, large_frame
from kernel_sim.page_table import PageTableFlags

RANGE_LIMIT: Final = 1_000_000
"""More ranges than this are refused: tables that map themselves could yield 512^4."""
VOLATILE: Final = int(PageTableFlags.ACCESSED | PageTableFlags.DIRTY)
CHUNK: Final = 64
"""So many entries are compared at once."""
_P, _RW, _US = 1, 2, 4
_RIGHTS: Final = _RW | _US
_FLAG_BITS: Final = (0xFFF | NX) & ~VOLATILE

Run = tuple[int, int, int]
"""Index of a run's first entry, number of entries, its first entry without A and D."""
RunFinder = Callable[["memoryview[int]", int, int], Sequence[Run]]


def sweep(space: AddressSpace, *, numpy: bool | None = None) -> list[MappedRange]:
    """All that ``space`` maps, in ascending order of canonical address, merged where it continues.

    Args:
        space: what to sweep.
        numpy: use NumPy for the last level; None: if it is installed.

    Raises:
        InputError: more than `RANGE_LIMIT` ranges, or NumPy asked for and not installed.
    """
    ranges: list[MappedRange] = []
    _Sweeper(space, _run_finder(numpy=numpy), ranges).table(space.root, 0, 0, _RIGHTS, 0)
    return merged(ranges)


def find_runs(entries: "memoryview[int]", reserved: int, size: int) -> Sequence[Run]:
    """Runs of present entries of a last-level table that map consecutive pages with equal flags."""
    return _runs_of(entries.tobytes(), entries.itemsize, reserved, size)


def present(entries: "memoryview[int]") -> Iterator[tuple[int, int]]:
    """Index and value of each entry that is present; few are, so most chunks are passed over."""
    data, step = entries.tobytes(), CHUNK * entries.itemsize
    nothing = bytes(step)
    for index in range(0, len(entries), CHUNK):
        if not data.startswith(nothing, index * entries.itemsize):
            for offset, entry in enumerate(entries[index : index + CHUNK].tolist(), start=index):
                if entry & _P:
                    yield offset, entry


@lru_cache(maxsize=64)
def _runs_of(data: bytes, width: int, reserved: int, size: int) -> Sequence[Run]:
    """`find_runs` for these bytes: from one sweep to the next most tables stay as they are."""
    entries = memoryview(data).cast("I" if width == 4 else "Q")
    ones, ramp, volatile = _lanes(width, size)
    step, runs = CHUNK * width, _Runs(reserved, size)
    used = -(-len(data.rstrip(b"\0")) // step) * step
    for at in range(0, used, step):
        chunk = int.from_bytes(data[at : at + step], "little")
        index = at // width
        head = entries[index] | VOLATILE
        last = head + (CHUNK - 1) * size
        if not chunk:
            runs.close(index)
        elif not last >> 8 * width and chunk | volatile == head * ones + ramp:
            if entries[index] & _P and not (head | last) & reserved:
                runs.extend(index, head, CHUNK)
            else:
                runs.one_by_one(index, entries[index : index + CHUNK].tolist())
        else:
            runs.one_by_one(index, entries[index : index + CHUNK].tolist())
    runs.close(used // width)
    return runs.found


@cache
def _lanes(width: int, size: int) -> tuple[int, int, int]:
    """Chunks as numbers with a lane of ``width`` bytes for each entry.

    A one in each lane; 0, ``size``, 2 * ``size`` and so on; `VOLATILE` in each.
    """
    shifts = range(0, 8 * width * CHUNK, 8 * width)
    ones = sum(1 << shift for shift in shifts)
    ramp = sum(number * size << shift for number, shift in enumerate(shifts))
    return ones, ramp, VOLATILE * ones


class _Runs:
    """The runs that were found, and the one that is still going on."""

    def __init__(self, reserved: int, size: int) -> None:
        self.found: list[Run] = []
        self._reserved, self._size = reserved, size
        self._start, self._first, self._expected = 0, 0, -1

    def extend(self, index: int, head: int, count: int) -> None:
        """``count`` entries that map consecutive pages from ``head`` on."""
        if head != self._expected:
            self.close(index)
            self._start, self._first = index, head & ~VOLATILE
        self._expected = head + count * self._size

    def one_by_one(self, index: int, entries: list[int]) -> None:
        """Entries of any kind from ``index`` on."""
        for offset, raw in enumerate(entries):
            entry = raw | VOLATILE
            if entry == self._expected:
                self._expected += self._size
            elif raw & _P and not raw & self._reserved:
                self.extend(index + offset, entry, 1)
            else:
                self.close(index + offset)

    def close(self, end: int) -> None:
        """The run that is going on, if any, ends in front of ``end``."""
        if self._expected >= 0:
            self.found.append((self._start, end - self._start, self._first))
            self._expected = -1


def _run_finder(*, numpy: bool | None) -> RunFinder:
    if numpy is False:
        return find_runs
    try:
        from kernel_sim.inspection.sweep_numpy import find_runs_numpy  # noqa: PLC0415 - optional
    except ImportError:
        if numpy:
            raise InputError(
                "NumPy is not installed", expected="pip install 'kernel-sim[fast]'"
            ) from None
        return find_runs
    return find_runs_numpy


class _Sweeper:
    """Walks the tree of tables depth first, appending to ``ranges``."""

    def __init__(self, space: AddressSpace, runs: RunFinder, ranges: list[MappedRange]) -> None:
        self._space = space
        self._steps = space.steps()
        self._runs = runs
        self._ranges = ranges

    def table(self, physical: int, depth: int, base: int, rights: int, nx: int) -> None:
        """Sweep the table at ``physical`` that covers the addresses from ``base`` on."""
        step = self._steps[depth]
        entries = self._space.table(physical, step.index_mask + 1)
        if step.last:
            self._last_level(entries, step, base, rights, nx)
            return
        for index, entry in present(entries):
            start = base + (index << step.shift)
            if step.registers:
                self.table(entry & ADDRESS_MASK, depth + 1, start, rights, nx)
            elif entry & step.large:
                if not entry & step.leaf_reserved:
                    frame = large_frame(entry, wide=not step.pse36) & -1 << step.shift
                    # bit 12 of a large page is PAT, part of the address field, no flag
                    self._add(start, 1, frame, entry, step, rights & entry, nx | entry & NX)
            elif not entry & step.table_reserved:
                self.table(entry & ADDRESS_MASK, depth + 1, start, rights & entry, nx | entry & NX)

    def _last_level(
        self, entries: "memoryview[int]", step: Step, base: int, rights: int, nx: int
    ) -> None:
        for index, count, entry in self._runs(entries, step.leaf_reserved, 1 << step.shift):
            start = base + (index << step.shift)
            frame = entry & ADDRESS_MASK
            self._add(start, count, frame, entry, step, rights & entry, nx | entry & NX)

    def _add(  # noqa: PLR0913, PLR0917 - one leaf or run, named once
        self, start: int, count: int, frame: int, entry: int, step: Step, rights: int, nx: int
    ) -> None:
        if len(self._ranges) >= RANGE_LIMIT:
            raise InputError(
                f"the tables map more than {RANGE_LIMIT} ranges", expected="tables without loops"
            )
        flags = (entry & _FLAG_BITS & ~_RIGHTS) | (rights & _RIGHTS) | nx
        first = self._space.canonical(start)
        size = 1 << step.shift
        self._ranges.append(
            MappedRange(first, first + count * size, frame, PageTableFlags(flags), size)
        )
