"""The processor's load and store unit: every access of a plugin goes through here.

The fast path is one dictionary look-up. `_readable` and `_writable` hold, for each linear page that
the present controls and CPL allow, what has to be added to a linear address to index the views of
RAM. They are derived from the TLB (or, with paging off, from the identity) and emptied whenever a
control that they depend on changes.
"""

from typing import Final
from weakref import WeakMethod

from kernel_sim.errors import FaultLoop
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.exceptions import CpuException, Vector
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.ram import FRAME_SHIFT, NO_RAM, OFFSET_MASK
from kernel_sim.machine.tlb import Tlb
from kernel_sim.trace import Trace

PAGE_BYTES: Final = OFFSET_MASK + 1
FAULT_LIMIT: Final = 8
"""So many equal faults of one access with unchanged tables are a loop."""
READ: Final = (Access(), Access(user=True))
"""A data read by the supervisor, by user code."""
WRITE: Final = (Access(write=True), Access(write=True, user=True))
FETCH: Final = (Access(fetch=True), Access(fetch=True, user=True))
_SIZES: Final = frozenset({1, 2, 4, 8})
_TABLE_FLAGS: Final = ~0x60
"""An entry without its accessed and dirty flags."""


class LoadStoreUnit:
    """Linear memory accesses with translation, rights, faults and retry."""

    def __init__(self, bus: Bus, mmu: Mmu, trace: Trace) -> None:
        self.tlb = Tlb()
        self.mmu = mmu
        self.bus = bus
        self.trace = trace
        self.cpl = 0
        self.paging = False
        self.ac = False
        self._long = False
        self._readable: dict[int, int] = {}
        self._writable: dict[int, int] = {}
        self._journaled: dict[int, tuple[int, int]] = {}
        """While stores are recorded, in the place of `_writable`: page → what has to be added to
        index the views, and to get the physical address."""
        self._refresh_views()
        bus.ram.on_move = WeakMethod(self._refresh_views)
        trace.on_switch(self._switch_journal)
        self._switch_journal(trace.stores)

    # --- the fast path ---------------------------------------------------------------------------

    def load(self, address: int, size: int) -> int:
        """The little-endian unsigned number of ``size`` bytes (1, 2, 4, 8) at ``address``."""
        delta = self._readable.get(address >> 12)
        if delta is not None and not address & (size - 1):
            if size == 8:
                return self._u64[(address + delta) >> 3]
            if size == 4:
                return self._u32[(address + delta) >> 2]
            if size == 1:
                return self._u8[address + delta]
            if size == 2:
                return self._u16[(address + delta) >> 1]
        return self._load_slowly(address, size)

    def store(self, address: int, size: int, value: int) -> None:
        """Store ``value`` as ``size`` little-endian bytes (1, 2, 4 or 8) at the linear ``address``.

        Raises:
            ValueError: the value is negative or does not fit, or there is no such size.
        """
        delta = self._writable.get(address >> 12)
        if delta is not None and not address & (size - 1) and 0 <= value < 1 << (size << 3):
            if size == 8:
                self._u64[(address + delta) >> 3] = value
                return
            if size == 4:
                self._u32[(address + delta) >> 2] = value
                return
            if size == 1:
                self._u8[address + delta] = value
                return
            if size == 2:
                self._u16[(address + delta) >> 1] = value
                return
        self._store_slowly(address, size, value)

    # --- the slow path ---------------------------------------------------------------------------

    def _load_slowly(self, address: int, size: int) -> int:
        if size not in _SIZES:
            raise ValueError(f"a load of {size} bytes; expected 1, 2, 4 or 8")
        if size == 8 and not self._long:
            return int.from_bytes(self._read(address, 4) + self._read(address + 4, 4), "little")
        return int.from_bytes(self._read(address, size), "little")

    def _store_slowly(self, address: int, size: int, value: int) -> None:
        if size not in _SIZES:
            raise ValueError(f"a store of {size} bytes; expected 1, 2, 4 or 8")
        if not 0 <= value < 1 << (size << 3):
            raise ValueError(f"{value:#x} does not fit {size} bytes")
        data = value.to_bytes(size, "little")
        if size == 8 and not self._long:
            self._write(address, data[:4])
            self._write(address + 4, data[4:])
        elif address >> FRAME_SHIFT in self._journaled and not address & (size - 1):
            self._write_journaled(address, data)
        else:
            self._write(address, data)

    def read(self, address: int, n: int) -> bytes:
        """``n`` bytes from the linear ``address``, split at page boundaries."""
        if n < 0:
            raise ValueError(f"a read of {n} bytes")
        return self._read(address, n)

    def write(self, address: int, data: bytes | bytearray | memoryview) -> None:
        """Write ``data`` from the linear ``address`` on; what came before a fault stays written."""
        self._write(address, bytes(memoryview(data)))

    def fill(self, address: int, n: int, byte: int) -> None:
        """Set ``n`` bytes from the linear ``address`` on to ``byte``."""
        if n < 0:
            raise ValueError(f"a fill of {n} bytes")
        chunk = bytes([byte]) * min(n, PAGE_BYTES)
        while n > 0:
            part = min(n, PAGE_BYTES - (address & OFFSET_MASK))
            self._write(address, chunk[:part])
            address += part
            n -= part

    def fetch(self, address: int) -> int:
        """The byte at the linear ``address``, with the rights of an instruction fetch."""
        physical = self.resolve(address, FETCH[self.cpl == 3])
        return self.bus.read(physical, 1)[0]

    def _read(self, address: int, n: int) -> bytes:
        within = address & OFFSET_MASK
        if within + n <= PAGE_BYTES:
            return self._read_part(address, n) if n else b""
        parts = []
        while n > 0:
            part = min(n, PAGE_BYTES - (address & OFFSET_MASK))
            parts.append(self._read_part(address, part))
            address += part
            n -= part
        return b"".join(parts)

    def _read_part(self, address: int, n: int) -> bytes:
        delta = self._readable.get(address >> FRAME_SHIFT)
        if delta is not None:
            return bytes(self._u8[address + delta : address + delta + n])
        return self.bus.read(self.resolve(address, READ[self.cpl == 3]), n)

    def _write(self, address: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            part = data[done : done + PAGE_BYTES - (address & OFFSET_MASK)]
            delta = self._writable.get(address >> FRAME_SHIFT)
            if delta is not None:
                self._u8[address + delta : address + delta + len(part)] = part
            elif address >> FRAME_SHIFT in self._journaled:
                self._write_journaled(address, part)
            else:
                physical = self.resolve(address, WRITE[self.cpl == 3])
                self.bus.write(physical, part)
            done += len(part)
            address += len(part)

    def _write_journaled(self, address: int, part: bytes) -> None:
        """Write bytes of a page of plain memory that was written before, and record it."""
        delta, to_physical = self._journaled[address >> FRAME_SHIFT]
        target = self._u8[address + delta : address + delta + len(part)]
        if self.bus.ram.journal:
            self.bus.ram.journal(address + to_physical, bytes(target), part)
        target[:] = part

    # --- translation -----------------------------------------------------------------------------

    def resolve(self, address: int, access: Access) -> int:
        """The physical address for ``access``; faults are delivered and the access tried again.

        Raises:
            FaultLoop: the same fault came eight times and the tables did not change.
            MachineStopped: a handler stopped the machine, or a triple fault did.
        """
        last: object = None
        count = 0
        while True:
            try:
                return self.physical(address, access)
            except CpuException as exception:
                seen = (exception.vector, exception.error_code, self._tables(address))
                count = count + 1 if seen == last else 1
                last = seen
                if count > FAULT_LIMIT:
                    raise FaultLoop(
                        f"{FAULT_LIMIT} equal faults at {address:#x} and no change of the tables",
                        self.post_mortem(exception),
                    ) from None
                self.deliver(exception)

    def _tables(self, address: int) -> tuple[int, ...]:
        """What the tables say about ``address``, without the flags that walking sets."""
        return (
            self.mmu.root,
            *(step.entry & _TABLE_FLAGS for step in self.mmu.walk_path(address)),
        )

    def physical(self, address: int, access: Access) -> int:
        """Translate once and remember the translation.

        Raises:
            CpuException: #PF or #GP, not yet delivered.
        """
        if not self.paging:
            self.mmu.check_address(address)
            physical = address
        else:
            physical = self._through_tlb(address, access)
        if not (access.fetch or access.implicit):
            self._remember(address, physical, write=access.write)
        return physical

    def _through_tlb(self, address: int, access: Access) -> int:
        entry = self.tlb.lookup(address)
        if entry is None:
            entry = self.mmu.translate(address, access, ac=self.ac)
            self.tlb.insert(entry)
        elif not self.mmu.permits(entry, access, ac=self.ac):
            self.invalidate(address)
            raise self.mmu.fault(address, access, 1)
        elif access.write and not entry.dirty:
            entry = self.mmu.translate(address, access, ac=self.ac)
            self.tlb.insert(entry)
        return entry.physical(address)

    def _remember(self, address: int, physical: int, *, write: bool) -> None:
        """Let the fast path serve this page from now on, where it is plain memory."""
        offset = self.bus.memory_offset(physical >> FRAME_SHIFT, write=write)
        if offset == NO_RAM:
            return
        page = address >> FRAME_SHIFT
        delta = offset - (page << FRAME_SHIFT)
        self._readable[page] = delta
        if write and self._journaling:
            self._journaled[page] = delta, physical - address
        elif write:
            self._writable[page] = delta

    def invalidate(self, address: int) -> None:
        """Forget the translation of the page at ``address``."""
        if self.tlb.drop(address):
            self.forget_fast_path()
        else:
            self._readable.pop(address >> FRAME_SHIFT, None)
            self._writable.pop(address >> FRAME_SHIFT, None)
            self._journaled.pop(address >> FRAME_SHIFT, None)

    def forget_fast_path(self) -> None:
        """Empty the derived dictionaries; the TLB keeps its entries."""
        self._readable.clear()
        self._writable.clear()
        self._journaled.clear()

    def _refresh_views(self) -> None:
        ram = self.bus.ram
        self._u8, self._u16, self._u32, self._u64 = ram.u8, ram.u16, ram.u32, ram.u64

    def _switch_journal(self, on: bool) -> None:
        self._journaling = on
        self.bus.ram.journal = self.trace.record_store if on else None
        self._writable.clear()
        self._journaled.clear()

    # --- what the processor adds -----------------------------------------------------------------

    def deliver(self, exception: CpuException) -> None:
        """Deliver an exception through the IDT; returns when its handler does."""
        raise exception

    def post_mortem(self, exception: CpuException | None = None) -> dict[str, object]:
        """The state for a report; the processor adds its registers."""
        return {"vector": Vector(exception.vector).name if exception else None}
