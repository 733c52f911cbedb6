"""The memory management unit: one page walker for all paging modes of `paging_modes`.

References: Intel SDM vol. 3A, 4.6 (rights), 4.7 (page-fault exceptions), 4.8 (accessed, dirty).
"""

from dataclasses import dataclass
from typing import Final

from kernel_sim.machine.control_bits import (
    CR4_PGE,
    CR4_PSE,
    CR4_SMAP,
    CR4_SMEP,
    EFER_NXE,
)
from kernel_sim.machine.exceptions import CpuException, Vector, general_protection
from kernel_sim.machine.paging_modes import (
    ADDRESS_MASK,
    NX,
    PagingMode,
    Step,
    pdpte_reserved,
    steps,
)
from kernel_sim.machine.ram import FRAME_SHIFT, NO_RAM, OFFSET_MASK, Ram
from kernel_sim.machine.spec import PHYSICAL_BITS
from kernel_sim.machine.tlb import TlbEntry

P: Final = 1 << 0
RW: Final = 1 << 1
US: Final = 1 << 2
ACCESSED: Final = 1 << 5
DIRTY: Final = 1 << 6
GLOBAL: Final = 1 << 8

ERROR_P: Final = 1 << 0
ERROR_W: Final = 1 << 1
ERROR_U: Final = 1 << 2
ERROR_RSVD: Final = 1 << 3
ERROR_I: Final = 1 << 4


@dataclass(frozen=True, slots=True)
class Access:
    """What the processor wants of an address, as the MMU distinguishes it.

    ``implicit`` marks the processor's own accesses to IDT, GDT, TSS and stacks: supervisor
    whatever the CPL.
    """

    write: bool = False
    fetch: bool = False
    user: bool = False
    implicit: bool = False


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
        self._mode: PagingMode | None = None
        self._steps: tuple[Step, ...] = ()
        self.configure(None, wp=False, cr4=0, efer=0)

    def configure(self, mode: PagingMode | None, *, wp: bool, cr4: int, efer: int) -> None:
        """Take over the control bits; ``mode`` None is paging off."""
        self._mode = mode
        self.cr4 = cr4
        self._wp = wp
        self._smep = bool(cr4 & CR4_SMEP)
        self._smap = bool(cr4 & CR4_SMAP)
        self._global = GLOBAL if cr4 & CR4_PGE else 0
        nxe = bool(efer & EFER_NXE)
        if mode is None:
            self._steps = ()
            return
        self._steps = steps(mode, self.physical_bits, nxe, bool(cr4 & CR4_PSE))
        self.wide = wide = mode.entry_bytes == 8
        self._reports_fetch = self._smep or (nxe and wide)
        self._entry_shift = 3 if wide else 2
        self._canonical_shift = mode.linear_bits - 1 if mode.linear_bits > 32 else 0

    @property
    def steps(self) -> tuple[Step, ...]:
        """The levels that a walk takes under the present controls."""
        return self._steps

    @property
    def write_protect(self) -> bool:
        """CR0.WP: whether supervisor writes obey R/W."""
        return self._wp

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
        self.check_address(address)
        table = self.root
        rights = RW | US
        execute_disable = 0
        ram, entry_shift = self._ram, self._entry_shift
        known = ram.known_offsets
        for step in self._steps:
            index = (address >> step.shift) & step.index_mask
            if step.registers:
                entry = self.pdptes[index]
                if not entry & P:
                    raise self.fault(address, access, 0)
                table = entry & ADDRESS_MASK
                continue
            entry_address = table + (index << entry_shift)
            offset = known.get(entry_address >> FRAME_SHIFT)
            if offset is None:
                entry = self._load_8(entry_address) if self.wide else self._load_4(entry_address)
            else:
                view = ram.u64 if self.wide else ram.u32
                entry = view[(offset + (entry_address & OFFSET_MASK)) >> entry_shift]
            if not entry & P:
                raise self.fault(address, access, 0)
            leaf = step.last or entry & step.large
            if entry & (step.leaf_reserved if leaf else step.table_reserved):
                raise self.fault(address, access, ERROR_P | ERROR_RSVD)
            rights &= entry
            execute_disable |= entry
            if leaf:
                return self._finish(
                    address, access, step, entry_address, entry, rights, execute_disable, ac=ac
                )
            if not entry & ACCESSED:
                self._store(entry_address, entry | ACCESSED)
            table = entry & ADDRESS_MASK
        raise AssertionError("a paging mode without a last level")

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

    def _finish(  # noqa: PLR0913, PLR0917 - the state of the walk, handed over once
        self,
        address: int,
        access: Access,
        step: Step,
        entry_address: int,
        entry: int,
        rights: int,
        execute_disable: int,
        *,
        ac: bool,
    ) -> TlbEntry:
        """Check the rights at the leaf, set its flags and form the translation."""
        flags = ACCESSED | DIRTY if access.write else ACCESSED
        mask = -1 << step.shift
        result = TlbEntry(
            page=address & mask,
            frame=self.leaf_frame(step, entry) & mask,
            shift=step.shift,
            writable=bool(rights & RW),
            user=bool(rights & US),
            executable=not execute_disable & NX,
            is_global=bool(entry & self._global),
            dirty=bool((entry | flags) & DIRTY),
        )
        if not self.permits(result, access, ac=ac):
            raise self.fault(address, access, ERROR_P)
        if entry & flags != flags:
            self._store(entry_address, entry | flags)
        return result

    @staticmethod
    def leaf_frame(step: Step, entry: int) -> int:
        """The physical address in a leaf ``entry``, PSE-36 included; low bits may hold PAT."""
        if step.pse36:
            return (entry & 0xFFC0_0000) | ((entry & 0x1F_E000) << 19)
        return entry & ADDRESS_MASK

    def permits(self, entry: TlbEntry, access: Access, *, ac: bool) -> bool:
        """Whether the rights of ``entry`` allow ``access`` (SDM vol. 3A, 4.6.1)."""
        if access.user and not access.implicit:
            if not entry.user:
                return False
            return entry.executable if access.fetch else entry.writable or not access.write
        if access.fetch:
            return entry.executable and not (entry.user and self._smep)
        if entry.user and self._smap and (access.implicit or not ac):
            return False
        return not access.write or entry.writable or not self._wp

    def fault(self, address: int, access: Access, cause: int) -> CpuException:
        """#PF at ``address`` with the bits of ``cause`` and those that describe ``access``."""
        code = cause
        if access.write:
            code |= ERROR_W
        if access.user and not access.implicit:
            code |= ERROR_U
        if access.fetch and self._reports_fetch:
            code |= ERROR_I
        return CpuException(Vector.PF, code, address)

    def check_address(self, address: int) -> None:
        """Refuse an address that the mode cannot hold.

        Raises:
            CpuException: #GP.
        """
        if self._mode is None or not self._canonical_shift:
            if not 0 <= address < 1 << 32:
                raise general_protection(f"{address:#x} lies beyond the 4 GiB of 32-bit addresses")
            return
        if not 0 <= address < 1 << 64:
            raise general_protection(f"{address:#x} does not fit 64 bits")
        upper = address >> self._canonical_shift
        if upper and upper != (1 << (64 - self._canonical_shift)) - 1:
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
