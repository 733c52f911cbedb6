"""Address spaces as handles that count their owners (MS-24 to MS-26).

::

    scheduler ── handle ─┐
    process ──── handle ─┼── AddressSpace: root, owners 3      the last drop of an owned space
    test ─────── handle ─┘                                     gives its frames back

An address space of its own shares the kernel's upper half: its root starts as a copy of entries 256
to 511. The kernel's own space is not owned: dropping its handles frees nothing. Who switches to a
space does it with a handle, never with a number remembered from CR3 (MS-25).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import KernelError, MapError, MapErrorReason
from kernel_sim.host.quirks import has_quirk
from kernel_sim_bulldog.page_tables import ENTRY_BYTES, FRAME_MASK, PRESENT
from kernel_sim_cyrius.addr import PhysAddr
from kernel_sim_cyrius.manager import FrameAllocatorGuard, frame_allocator, phys_mapper
from kernel_sim_cyrius.page_table import PageTable
from kernel_sim_cyrius.spin import locked

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

HALF_BYTES: Final = PAGE_SIZE // 2
"""Entries 0 to 255 of a root: what belongs to the user."""
T = TypeVar("T")


@dataclass(slots=True)
class AddressSpace:
    """What the handles of one space share."""

    kernel: "Kernel"
    root: PhysAddr
    owned: bool
    owners: int = 0


@dataclass(slots=True)
class AddressSpaceHandle:
    """One owner's share of an address space."""

    space: AddressSpace
    dropped: bool = False

    @property
    def root(self) -> PhysAddr:
        """The root table's frame."""
        return self._live().root

    def clone(self) -> "AddressSpaceHandle":
        """A handle for another owner (MS-25)."""
        return _handle(self._live())

    def with_table(self, change: Callable[[PageTable, FrameAllocatorGuard], T]) -> T:
        """What ``change`` returns, run under the table's and the frame allocator's lock (MS-24)."""
        space = self._live()
        table = PageTable(space.kernel, space.root, phys_mapper(space.kernel))
        with locked(space.kernel, "TABLE_LOCK"), frame_allocator(space.kernel) as frames:
            return change(table, frames)

    def switch(self) -> None:
        """Make it the space that the processor runs in (MS-25)."""
        self._live().kernel.cpu.cr3 = self.root.raw

    def drop(self) -> None:
        """Give up this share; the last one of an owned space frees its tables (MS-26).

        Raises:
            KernelError: the processor runs in the space, which would vanish under it.
        """
        space = self._live()
        last = space.owners == 1 and space.owned
        if last and space.kernel.root == space.root.raw:
            raise KernelError(space.root.raw, expected="a space that is not active")
        self.dropped = True
        space.owners -= 1
        if last:
            _free(space)

    def _live(self) -> AddressSpace:
        if self.dropped:
            raise KernelError(self.space.root.raw, expected="a handle that is not dropped")
        return self.space


def kernel_space(kernel: "Kernel") -> AddressSpaceHandle:
    """A handle of the space that the kernel booted in; not owned (MS-26)."""
    return _handle(AddressSpace(kernel, PhysAddr(kernel.root), owned=False))


def new_space(kernel: "Kernel") -> AddressSpaceHandle:
    """A handle of a new space with an empty lower half (MS-24).

    Raises:
        MapError: there is no frame for its root.
    """
    with frame_allocator(kernel) as frames:
        root = frames.allocate()
    if root is None:
        raise MapError("no frame for a root", reason=MapErrorReason.FRAME_ALLOCATION_FAILED)
    mapper = phys_mapper(kernel)
    target = mapper.phys_to_virt(root).into_ptr()
    source = mapper.phys_to_virt(PhysAddr(kernel.root)).into_ptr()
    kernel.cpu.fill(target, HALF_BYTES, 0)
    kernel.cpu.write(target + HALF_BYTES, kernel.cpu.read(source + HALF_BYTES, HALF_BYTES))
    return _handle(AddressSpace(kernel, root, owned=True))


def _handle(space: AddressSpace) -> AddressSpaceHandle:
    space.owners += 1
    return AddressSpaceHandle(space)


def _free(space: AddressSpace) -> None:
    """Free the root, and unless the original's leak is asked for the user's tables below it.

    Frames of mapped pages belong to who mapped them.
    """
    tables = [space.root]
    if not has_quirk(space.kernel, "drop_frees_root_only"):
        tables = [*_tables_below(space.kernel, space.root, 4), space.root]
    with frame_allocator(space.kernel) as frames:
        for table in tables:
            frames.deallocate(table)


def _tables_below(kernel: "Kernel", table: PhysAddr, level: int) -> list[PhysAddr]:
    """The tables that the user's entries of ``table`` lead to, lowest first."""
    if level == 1:
        return []
    size = HALF_BYTES if level == 4 else PAGE_SIZE
    start = phys_mapper(kernel).phys_to_virt(table).into_ptr()
    found: list[PhysAddr] = []
    for address in range(start, start + size, ENTRY_BYTES):
        value = kernel.cpu.load(address, ENTRY_BYTES)
        if value & PRESENT:
            below = PhysAddr(value & FRAME_MASK)
            found += [*_tables_below(kernel, below, level - 1), below]
    return found
