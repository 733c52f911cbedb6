"""The memory management unit: one page walker for all paging modes of `paging_modes`.

References: Intel SDM vol. 3A, 4.6 (rights), 4.7 (page-fault exceptions), 4.8 (accessed, dirty).
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.machine.access_rights import (
    ERROR_P,
    ERROR_RSVD,
    RW,
    US,
    Access,
    Demand,
    P,
    demands,
)
from kernel_sim.machine.control_bits import CR4_PGE, CR4_PSE, CR4_SMEP, EFER_NXE
from kernel_sim.machine.exceptions import CpuException, Vector, general_protection
from kernel_sim.machine.paging_modes import (
    ADDRESS_MASK,
    NX,
    PAE,
    PagingMode,
    Step,
    large_frame,
    pdpte_reserved,
    steps,
)
from kernel_sim.machine.ram import FRAME_SHIFT, NO_RAM, OFFSET_MASK, Ram
from kernel_sim.machine.spec import PHYSICAL_BITS
from kernel_sim.machine.tlb import TlbEntry

ACCESSED: Final = 1 << 5
DIRTY: Final = 1 << 6
GLOBAL: Final = 1 << 8
RW_US: Final = RW | US
new_tuple: Final = tuple.__new__
"""Makes a `TlbEntry` in a third of the time that its own constructor takes."""


@dataclass(frozen=True, slots=True)
class WalkStep:
    """One entry met on a walk, for post-mortems and views."""

    level: str
    entry_address: int
    entry: int


class Mmu:
    """Walks the tables in ``ram`` under the controls that `configure` was last told.

    Args:
        ram: where the tables lie.
        physical_bits: MAXPHYADDR, 32 to 52; address bits above it are reserved in entries.
    """

    def __init__(self, ram: Ram, physical_bits: int = PHYSICAL_BITS) -> None:
        self.physical_bits = physical_bits
        self.pdptes: tuple[int, ...] = (0, 0, 0, 0)
        self.wide = False
        """Whether entries are 8 bytes."""
        self.root = 0
        self._ram = ram
        self.write_protect = False
        """CR0.WP: whether supervisor writes obey R/W."""
        self._mode: PagingMode | None = None
        self._steps: tuple[Step, ...] = ()
        self._demands: tuple[Demand, ...] = ()
        self._program: tuple[tuple[int, int, bool, int, int, int], ...] = ()
        self._entry_shift = 0
        self._walks_from_registers = False
        self._upper_shift, self._upper_ones, self._all_ones = 32, 0, 0
        self.configure(None, wp=False, cr4=0, efer=0)

    def configure(self, mode: PagingMode | None, *, wp: bool, cr4: int, efer: int) -> None:
        """Take over the control bits; ``mode`` None is paging off."""
        self._mode = mode
        self.cr4 = cr4
        self.write_protect = wp
        self._kept = DIRTY | (GLOBAL if cr4 & CR4_PGE else 0)
        self._steps = ()
        self._upper_shift, self._upper_ones = 32, 0
        if mode is None:
            return
        nxe = bool(efer & EFER_NXE)
        self._steps = steps(mode, self.physical_bits, nxe, bool(cr4 & CR4_PSE))
        self.wide = mode.entry_bytes == 8
        self._demands = demands(
            write_protect=wp, cr4=cr4, reports_fetch=bool(cr4 & CR4_SMEP) or (nxe and self.wide)
        )
        self._entry_shift = 3 if self.wide else 2
        self._walks_from_registers = mode is PAE
        self._program = tuple(
            step.walk(self._entry_shift) for step in self._steps if not step.registers
        )
        self._all_ones = (1 << 8 * mode.entry_bytes) - 1
        if mode.linear_bits > 32:
            self._upper_shift = mode.linear_bits - 1
            self._upper_ones = (1 << 64 >> self._upper_shift) - 1

    @property
    def steps(self) -> tuple[Step, ...]:
        """The levels that a walk takes under the present controls."""
        return self._steps

    def load_pdptes(self, cr3: int) -> None:
        """Fill the PDPTE registers, as MOV CR3 does in PAE mode.

        Raises:
            CpuException: #GP, a present entry has a reserved bit set; nothing has changed.
        """
        base = cr3 & 0xFFFF_FFE0
        loaded = tuple(self._load_8(base + 8 * index) for index in range(4))
        reserved = pdpte_reserved(self.physical_bits)
        for index, entry in enumerate(loaded):
            if entry & P and entry & reserved:
                raise general_protection(f"PDPTE {index} = {entry:#x} has reserved bits set")
        self.pdptes = loaded

    def translate(self, address: int, access: Access, *, ac: bool = False) -> TlbEntry:
        """Walk the tables for ``address``, set accessed and dirty flags; the translation.

        Raises:
            CpuException: #PF, or #GP for an address that is not canonical.
        """
        upper = address >> self._upper_shift
        if upper and upper != self._upper_ones:
            self.check_address(address)
        table = self.root
        if self._walks_from_registers:
            table = self._pdpte(address, access) & ADDRESS_MASK
        ram, entry_shift = self._ram, self._entry_shift
        known, view = ram.known_offsets, ram.u64 if self.wide else ram.u32
        rights, execute_disable = P | RW_US, 0
        for shift, mask, last, large, table_wrong, leaf_wrong in self._program:
            index = address >> shift & mask
            try:
                offset = known[table >> FRAME_SHIFT]
            except KeyError:
                offset = ram.offset(table >> FRAME_SHIFT)
                view = ram.u64 if self.wide else ram.u32
            entry = view[(offset + index) >> entry_shift] if offset >= 0 else self._all_ones
            leaf = last or entry & large
            if (entry ^ P) & (leaf_wrong if leaf else table_wrong):
                cause = ERROR_P | ERROR_RSVD if entry & P else 0
                raise self.fault(address, access, cause)
            rights &= entry
            execute_disable |= entry
            if leaf:
                break
            if not entry & ACCESSED:
                self._store(table + index, entry | ACCESSED)
            table = entry & ADDRESS_MASK
        needed, judged, no_execute, _ = self._demands[access.number | ac]
        if (rights ^ needed) & judged or execute_disable & no_execute:
            raise self.fault(address, access, ERROR_P)
        flags = ACCESSED | DIRTY if access.write else ACCESSED
        if entry & flags != flags:
            entry |= flags
            self._store(table + index, entry)
        shift += entry_shift
        page = -1 << shift
        frame = entry & ADDRESS_MASK if last else large_frame(entry, wide=self.wide)
        flags = rights & RW_US | execute_disable & NX | entry & self._kept
        return new_tuple(TlbEntry, (address & page, frame & page, shift, flags))

    def _pdpte(self, address: int, access: Access) -> int:
        """The PDPTE register for ``address``.

        Raises:
            CpuException: #PF, it is not present.
        """
        entry = self.pdptes[address >> 30 & 3]
        if not entry & P:
            raise self.fault(address, access, 0)
        return entry

    def last_table(self, address: int) -> tuple[int, int, int] | None:
        """Where the last-level table for ``address`` lies, with the rights and XD bits on the way.

        Sets the accessed flags on the way; None where the walk ends above: a fault or a large page.
        """
        try:
            self.check_address(address)
        except CpuException:
            return None
        table, rights, execute_disable = self.root, RW | US, 0
        for step in self._steps[:-1]:
            index = (address >> step.shift) & step.index_mask
            entry_address = table + (index << self._entry_shift)
            if step.registers:
                entry = self.pdptes[index]
            else:
                entry = self._load_8(entry_address) if self.wide else self._load_4(entry_address)
            if not entry & P or entry & step.large or entry & step.table_reserved:
                return None
            if not step.registers:
                rights &= entry
                execute_disable |= entry & NX
                if not entry & ACCESSED:
                    self._store(entry_address, entry | ACCESSED)
            table = entry & ADDRESS_MASK
        return table, rights, execute_disable

    def permits(self, entry: TlbEntry, access: Access, *, ac: bool) -> bool:
        """Whether the rights of a cached ``entry`` allow ``access``."""
        needed, judged, no_execute, _ = self._demands[access.number | ac]
        rights = P | entry.flags & (RW | US)
        return not ((rights ^ needed) & judged or entry.flags & no_execute)

    def demand(self, access: Access, *, ac: bool = False) -> Demand:
        """What ``access`` demands of a translation under the present controls."""
        return self._demands[access.number | ac]

    def fault(self, address: int, access: Access, cause: int) -> CpuException:
        """#PF at ``address`` with the bits of ``cause`` and those that describe ``access``."""
        return CpuException(Vector.PF, cause | self._demands[access.number].error_code, address)

    def check_address(self, address: int) -> None:
        """Refuse an address that the mode cannot hold.

        Raises:
            CpuException: #GP.
        """
        upper = address >> self._upper_shift
        if not upper or upper == self._upper_ones:
            return
        if self._upper_shift == 32:
            raise general_protection(f"{address:#x} lies beyond the 4 GiB of 32-bit addresses")
        if not 0 <= address < 1 << 64:
            raise general_protection(f"{address:#x} does not fit 64 bits")
        raise general_protection(f"{address:#x} is not canonical")

    def walk_path(self, address: int) -> list[WalkStep]:
        """The entries that a walk for ``address`` meets now, up to a leaf or a fault."""
        path = []
        table = self.root
        for step in self._steps:
            index = (address >> step.shift) & step.index_mask
            entry_address = table + (index << self._entry_shift)
            entry = self.pdptes[index] if step.registers else self._peek(entry_address)
            path.append(WalkStep(step.name, entry_address, entry))
            if not entry & P or step.last or entry & step.large:
                break
            table = entry & ADDRESS_MASK
        return path

    # --- entries in memory -----------------------------------------------------------------------

    def _load_4(self, physical: int) -> int:
        offset = self._ram.offset(physical >> FRAME_SHIFT)
        if offset == NO_RAM:
            return 0xFFFF_FFFF
        return self._ram.u32[(offset + (physical & OFFSET_MASK)) >> 2]

    def _load_8(self, physical: int) -> int:
        offset = self._ram.offset(physical >> FRAME_SHIFT)
        if offset == NO_RAM:
            return 0xFFFF_FFFF_FFFF_FFFF
        return self._ram.u64[(offset + (physical & OFFSET_MASK)) >> 3]

    def _peek(self, physical: int) -> int:
        return self._ram.load(physical, 1 << self._entry_shift)

    def _store(self, physical: int, entry: int) -> None:
        ram = self._ram
        offset = ram.offset(physical >> FRAME_SHIFT)
        if offset == NO_RAM or ram.journal:
            ram.store(physical, 1 << self._entry_shift, entry)
        elif self.wide:
            ram.u64[(offset + (physical & OFFSET_MASK)) >> 3] = entry
        else:
            ram.u32[(offset + (physical & OFFSET_MASK)) >> 2] = entry
