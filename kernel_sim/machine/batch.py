"""Translating many addresses at once with NumPy, by the rules of the one walker.

The levels above the last are walked once for each table of the last level that the addresses
meet, by `Mmu` itself; the last level is one gather for a chunk of addresses. Worth it from about
twenty addresses on. Needs NumPy (extra ``fast``).
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from kernel_sim.machine.access_rights import ERROR_P, ERROR_RSVD, Access, P
from kernel_sim.machine.exceptions import CpuException, Vector
from kernel_sim.machine.mmu import ACCESSED, DIRTY, Mmu
from kernel_sim.machine.paging_modes import ADDRESS_MASK
from kernel_sim.machine.ram import FRAME_SHIFT, NO_RAM, OFFSET_MASK, Ram

CHUNK: Final = 1 << 14
"""Addresses handled at a time: what stays in the second-level cache."""
THROUGH: Final = -1
"""The code of an address whose access goes through."""
GENERAL_PROTECTION: Final = -2
"""The code of an address that is not canonical."""
_MAX_SPAN: Final = 1 << 20
_Words = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of each address.

    ``codes`` holds `THROUGH`, `GENERAL_PROTECTION` or the error code of the page fault;
    ``physical`` is meaningful where the access goes through.
    """

    physical: _Words
    codes: npt.NDArray[np.int8]


class BatchWalker:
    """Translates arrays of addresses in the address space that ``mmu`` is configured for."""

    def __init__(self, mmu: Mmu, ram: Ram) -> None:
        self._mmu = mmu
        self._ram = ram

    def translate(self, addresses: _Words, access: Access, *, ac: bool = False) -> Batch:
        """Translate ``addresses``, setting accessed and dirty flags as single accesses would."""
        batch = Batch(
            np.zeros(len(addresses), np.uint64), np.full(len(addresses), THROUGH, np.int8)
        )
        last = self._mmu.steps[-1]
        shift = np.uint64(last.shift + last.index_mask.bit_length())
        prefixes = addresses >> shift
        low = int(prefixes.min()) if len(addresses) else 0
        span = (int(prefixes.max()) - low + 1) if len(addresses) else 0
        if span > _MAX_SPAN:
            numbers, slots = np.unique(prefixes, return_inverse=True)
        else:
            slots = (prefixes - np.uint64(low)).view(np.int64)
            numbers = np.flatnonzero(np.bincount(slots, minlength=span)).astype(np.uint64)
            numbers += np.uint64(low)
            slots = slots if len(numbers) == span else np.searchsorted(numbers, prefixes)
        tables = _Tables(self._mmu, self._ram, [int(n) << int(shift) for n in numbers])
        last_level = _LastLevel(self._mmu, self._ram, tables, access, ac=ac)
        for start in range(0, len(addresses), CHUNK):
            part = slice(start, start + CHUNK)
            last_level.chunk(addresses[part], slots[part], batch.physical[part], batch.codes[part])
        self._one_by_one(addresses, np.flatnonzero(tables.single[slots]), access, batch, ac=ac)
        return batch

    def _one_by_one(
        self,
        addresses: _Words,
        indices: npt.NDArray[np.intp],
        access: Access,
        batch: Batch,
        *,
        ac: bool,
    ) -> None:
        """What ends above the last level (large pages, faults): the walker takes it singly."""
        for index in indices.tolist():
            address = int(addresses[index])
            try:
                entry = self._mmu.translate(address, access, ac=ac)
            except CpuException as fault:
                page_fault = fault.vector == Vector.PF
                code = fault.error_code or 0
                batch.codes[index] = code if page_fault else GENERAL_PROTECTION
            else:
                batch.codes[index] = THROUGH
                batch.physical[index] = entry.physical(address)


class _Tables:
    """For each table of the last level: where it lies, and the rights on the way to it.

    ``single`` marks what has no such table: those addresses go through the walker one by one.
    """

    def __init__(self, mmu: Mmu, ram: Ram, starts: list[int]) -> None:
        count = len(starts)
        self.places = np.zeros(count, np.int64)
        self.rights = np.zeros(count, np.uint64)
        self.execute_disable = np.zeros(count, np.uint64)
        self.single = np.zeros(count, np.bool_)
        width = 3 if mmu.wide else 2
        for slot, start in enumerate(starts):
            found = mmu.last_table(start)
            offset = NO_RAM if found is None else ram.offset(found[0] >> FRAME_SHIFT)
            if found is None or offset == NO_RAM:
                self.single[slot] = True
                continue
            self.places[slot] = offset >> width
            self.rights[slot] = P | found[1]
            self.execute_disable[slot] = found[2]


class _LastLevel:
    """The gather and the checks for one kind of access."""

    def __init__(self, mmu: Mmu, ram: Ram, tables: _Tables, access: Access, *, ac: bool) -> None:
        words: Any = ram.u64 if mmu.wide else ram.u32
        self._entries = np.frombuffer(words, np.uint64 if mmu.wide else np.uint32)
        self._tables = tables
        self._access = access
        self._mmu = mmu
        step = mmu.steps[-1]
        self._reserved = np.uint64(step.leaf_reserved)
        self._index_mask = np.uint64(step.index_mask)
        self._flags = ACCESSED | DIRTY if access.write else ACCESSED
        demand = mmu.demand(access, ac=ac)
        self._needed, self._judged = np.uint64(demand.needed), np.uint64(demand.judged)
        self._bad = np.uint64(step.leaf_reserved | demand.execute_disable)

    def chunk(
        self,
        addresses: _Words,
        slots: npt.NDArray[np.int64],
        physical: _Words,
        codes: npt.NDArray[np.int8],
    ) -> None:
        """Translate one chunk into ``physical`` and ``codes``."""
        tables = self._tables
        places = ((addresses >> np.uint64(12)) & self._index_mask).view(np.int64)
        places += tables.places[slots]
        single = tables.single[slots]
        if single.any():
            places[single] = 0
        entries = self._entries[places].astype(np.uint64, copy=False)
        physical[:] = entries & np.uint64(ADDRESS_MASK) | addresses & np.uint64(OFFSET_MASK)
        rights = entries & tables.rights[slots]
        wrong = (rights ^ self._needed) & self._judged
        wrong |= (entries | tables.execute_disable[slots]) & self._bad
        faulted = wrong != 0
        if faulted.any():
            faulted &= ~single
            self._codes(entries[faulted], codes, np.flatnonzero(faulted))
        missing = (entries & np.uint64(self._flags)) != self._flags
        missing &= ~(faulted | single)
        if missing.any():
            kind = self._entries.dtype.type
            self._entries[places[missing]] |= kind(self._flags)

    def _codes(
        self, entries: _Words, codes: npt.NDArray[np.int8], where: npt.NDArray[np.intp]
    ) -> None:
        """The error codes of the faults at ``where``: not present, reserved, or forbidden."""
        present = (entries & np.uint64(P)) != 0
        malformed = present & ((entries & self._reserved) != 0)
        about = self._mmu.demand(self._access).error_code
        codes[where] = about | np.where(present, ERROR_P, 0) | np.where(malformed, ERROR_RSVD, 0)
