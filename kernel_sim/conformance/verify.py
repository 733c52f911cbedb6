"""The page tables that a kernel really built, checked page by page against an emulator.

Every page that the tables map is translated by both; at the edges of every range each kind of
access is tried at CPL 0 and 3, inside and just outside. Memory is copied first: the machine that is
verified stays as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.conformance.guest import Guest
from kernel_sim.conformance.harness import SIZE_BYTES, Harness
from kernel_sim.conformance.model_engine import observe
from kernel_sim.conformance.qemu_engine import MOST_MEMORY, QemuEngine
from kernel_sim.conformance.scene import FETCH, NO_RAM_VECTOR, READ, WRITE, Observation, Probe
from kernel_sim.conformance.unicorn_engine import UnicornEngine
from kernel_sim.errors import InputError
from kernel_sim.inspection.address_space import AddressSpace
from kernel_sim.inspection.mapped_range import MappedRange
from kernel_sim.inspection.sweep import sweep
from kernel_sim.machine.control_bits import CR0_WP
from kernel_sim.machine.exceptions import CpuException
from kernel_sim.machine.machine import Machine
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import PAE
from kernel_sim.machine.ram import Ram
from kernel_sim.nearest import unknown_name
from kernel_sim.values import AddrRange

_BLOCK = 64 * PAGE_SIZE


@dataclass(slots=True)
class VerifyReport:
    """What `verify` found; ``divergences`` are one line each."""

    engine: str
    pages_checked: int = 0
    pages: int = 0
    accesses: int = 0
    divergences: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The fields of ``ksim verify --json``."""
        return {
            "engine": self.engine,
            "pages_checked": self.pages_checked,
            "accesses": self.accesses,
            "divergences": self.divergences,
        }


def verify(machine: Machine, engine: str = "unicorn") -> Iterator[VerifyReport]:
    """Compare the address space ``machine`` is in; yields the growing report after each range.

    Args:
        machine: with paging on; it stays as it is.
        engine: ``'unicorn'`` or ``'qemu'``.

    Raises:
        KernelError: paging is off.
        InputError: the emulator is not installed or unknown, or every root slot is taken.
    """
    space = AddressSpace.of(machine)
    ranges = sweep(space)
    report = VerifyReport(engine, pages=sum(item.length // PAGE_SIZE for item in ranges))
    twin = _Twin(machine, space, engine)
    try:
        for item in ranges:
            twin.translate_all(item, report)
            for address in _edges(item):
                twin.access(address, report)
            yield report
        if not ranges:
            yield report
    finally:
        twin.close()


def _edges(item: MappedRange) -> list[int]:
    """The first and last pages of a range, and those just outside that exist."""
    outside = [item.start - PAGE_SIZE, item.end]
    inside = [item.start, item.end - PAGE_SIZE]
    return inside + [address for address in outside if 0 <= address < 1 << 64]


class _Twin:
    """The machine's memory in two copies: one for its own MMU, one for the emulator."""

    def __init__(self, machine: Machine, space: AddressSpace, engine: str) -> None:
        cpu = machine.cpu
        frames = {
            number * PAGE_SIZE: machine.ram.read(number * PAGE_SIZE, PAGE_SIZE)
            for number in machine.ram.touched_frames()
        }
        blocks = sorted({start // _BLOCK * _BLOCK for start in frames})
        covered = [AddrRange(start, start + _BLOCK) for start in blocks]
        hole = _hole(covered)
        harness = Harness(space.mode, hole, _free_slot(space))
        root = hole + SIZE_BYTES
        wp = bool(cpu.cr0 & CR0_WP)
        self._guest = Guest(
            mode=space.mode,
            root=root,
            write_protect=wp,
            cr4=cpu.cr4,
            efer=cpu.efer & 0x800,
            ranges=(*covered, AddrRange(hole, root + PAGE_SIZE)),
            harness=harness,
            frames=frames
            | harness.frames()
            | {root: harness.link(machine.ram.read(space.root, PAGE_SIZE))},
        )
        self._start_engines(engine, space, covered, frames)
        self._mmu.configure(space.mode, wp=wp, cr4=cpu.cr4, efer=cpu.efer)
        self._mmu.root = space.root
        if space.mode is PAE:
            self._mmu.load_pdptes(space.root)

    def _start_engines(
        self, engine: str, space: AddressSpace, covered: list[AddrRange], frames: dict[int, bytes]
    ) -> None:
        self._emulator = _start(engine, space, self._guest)
        self._emulator.enter(self._guest)
        self._ram = Ram(covered)
        for start, data in frames.items():
            self._ram.write(start, data)
        self._mmu = Mmu(self._ram, space.physical_bits)

    def translate_all(self, item: MappedRange, report: VerifyReport) -> None:
        """Translate every 4 KiB page of ``item`` by the emulator and compare."""
        for address in range(item.start, item.end, PAGE_SIZE):
            expected = item.physical + address - item.start
            got = self._emulator.translate(address)
            report.pages_checked += 1
            if got != expected:
                found = "nothing" if got is None else hex(got)
                report.divergences.append(
                    f"{address:#x} leads to {expected:#x}, but {report.engine} finds {found}"
                )

    def access(self, address: int, report: VerifyReport) -> None:
        """Try reads, writes and fetches at ``address`` from CPL 0 and CPL 3."""
        if address >= self._guest.harness.base & -(1 << self._guest.mode.levels[0].shift):
            return
        for kind in (READ, WRITE, FETCH):
            if kind == FETCH and not self._is_canonical(address):
                continue
            for user in (False, True):
                probe = Probe(kind, address, user=user, ac=False)
                machine = observe(self._mmu, self._ram, probe)
                emulator = self._emulator.observe(probe)
                self._restore(address)
                report.accesses += 1
                if self._differ(machine, emulator):
                    report.divergences.append(
                        f"{kind} of {address:#x} at CPL {3 if user else 0}: "
                        f"{_words(machine)}, but {report.engine}: {_words(emulator)}"
                    )

    def _differ(self, machine: Observation, emulator: Observation) -> bool:
        if _outcome(machine) == _outcome(emulator):
            return False
        return self._emulator.excuse(machine, emulator) is None

    def close(self) -> None:
        """End the emulator."""
        self._emulator.close()

    def _is_canonical(self, address: int) -> bool:
        try:
            self._mmu.check_address(address)
        except CpuException:
            return False
        return True

    def _restore(self, address: int) -> None:
        """Undo what a write probe stored, in both copies."""
        physical = self._emulator.translate(address)
        frame = None if physical is None else self._guest.frames.get(physical & -PAGE_SIZE)
        if physical is not None and frame is not None:
            self._emulator.write(physical & -PAGE_SIZE, frame)
            self._ram.write(physical & -PAGE_SIZE, frame)


def _start(engine: str, space: AddressSpace, guest: Guest) -> UnicornEngine | QemuEngine:
    if engine == "unicorn":
        return UnicornEngine(space.mode)
    if engine != "qemu":
        raise unknown_name("engine", engine, ("unicorn", "qemu"))
    end = max(item.end for item in guest.ranges)
    if end > MOST_MEMORY:
        raise InputError(
            f"the tables and what they hold reach up to {end:#x}",
            where="--engine qemu",
            expected=f"a machine whose touched memory ends below {MOST_MEMORY:#x}",
        )
    return QemuEngine(space.mode, (end + 0x1F_FFFF) & -0x10_0000)


def _outcome(observation: Observation) -> tuple[int | None, int | None, int | None]:
    """What must agree: whether and how it faulted. Memory never touched counts as there."""
    vector = None if observation.vector == NO_RAM_VECTOR else observation.vector
    return vector, observation.error_code if vector is not None else None, observation.cr2


def _words(observation: Observation) -> str:
    if observation.vector in (None, NO_RAM_VECTOR):
        return "goes through"
    return f"vector {observation.vector}, error code {observation.error_code or 0:#x}"


def _free_slot(space: AddressSpace) -> int:
    """The highest root slot that holds nothing.

    Raises:
        InputError: all are taken.
    """
    count = space.steps()[0].index_mask + 1
    table = space.table(space.root, count)
    for slot in reversed(range(count)):
        if not table[slot] & 1:
            return slot
    raise InputError(
        "every slot of the root table is in use", expected="one free slot for the probing code"
    )


def _hole(covered: list[AddrRange]) -> int:
    """A place below 4 GiB, clear of ``covered``, for the harness and a copy of the root table."""
    need = SIZE_BYTES + PAGE_SIZE
    for address in range(0x10_0000, 0xF000_0000, _BLOCK):
        if not any(item.overlaps(AddrRange(address, address + need)) for item in covered):
            return address
    raise InputError("memory fills all of the first 4 GiB", expected="a hole for the probing code")
