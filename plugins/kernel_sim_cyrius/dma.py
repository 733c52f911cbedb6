"""DMA regions: frames in a row, seen by a device and by the kernel (MS-20 to MS-23).

::

    device   physical   base ... base + length        one run of frames, whole pages
    kernel   virtual    alias ... alias + length      by way of the `PhysMapper`

The provider keeps book of each frame of a region, so that `DmaRegion.drop` gives back each of them
once, and so that a region whose set-up fails half-way leaves nothing behind.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_up, is_power_of_two
from kernel_sim.errors import KernelError
from kernel_sim_cyrius.addr import PhysAddr, VirtAddr
from kernel_sim_cyrius.manager import frame_allocator, phys_mapper

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


class DmaErrorReason(StrEnum):
    """Why there is no region (MS-22)."""

    INVALID_SIZE = "INVALID_SIZE"
    INVALID_ALIGNMENT = "INVALID_ALIGNMENT"
    ALIGNMENT_TOO_LARGE = "ALIGNMENT_TOO_LARGE"
    ALLOCATION_FAILED = "ALLOCATION_FAILED"


class DmaRegionError(KernelError):
    """A region can't be had; ``reason`` is a `DmaErrorReason`."""


@dataclass(slots=True)
class DmaRegion:
    """A region in use: the device's address of it, the kernel's, and its bytes (MS-21)."""

    provider: "DmaRegionProvider"
    base: PhysAddr
    alias: VirtAddr
    length: int

    def drop(self) -> None:
        """Give each frame back; a second call does nothing (MS-23)."""
        self.provider.recycle(self.base)


@dataclass(slots=True)
class DmaRegionProvider:
    """Carves regions out of the global allocator's frames (MS-20)."""

    kernel: "Kernel"
    book: dict[PhysAddr, list[PhysAddr]] = field(default_factory=dict)
    """Base of a region in use → its frames."""

    def allocate(
        self, size: int, align: int = 0, prepare: Callable[[DmaRegion], None] | None = None
    ) -> DmaRegion:
        """A region of at least ``size`` bytes; ``align`` 0 stands for a page (MS-22).

        Args:
            size: rounded up to pages.
            align: a power of two, at most 4096.
            prepare: sets the region up; if it raises, the region is dropped.

        Raises:
            DmaRegionError: with its reason.
        """
        _assert_request(size, align or PAGE_SIZE)
        length = align_up(size, PAGE_SIZE)
        with frame_allocator(self.kernel) as frames:
            base = frames.allocate_run(length // PAGE_SIZE, align or PAGE_SIZE)
        if base is None:
            raise DmaRegionError(size, "frames in a row", DmaErrorReason.ALLOCATION_FAILED)
        self.book[base] = [base + offset for offset in range(0, length, PAGE_SIZE)]
        region = DmaRegion(self, base, phys_mapper(self.kernel).phys_to_virt(base), length)
        with _dropped_on_error(region):
            if prepare is not None:
                prepare(region)
        return region

    def recycle(self, base: PhysAddr) -> None:
        """Give back the frames of the region at ``base``, if it is in use (MS-23)."""
        with frame_allocator(self.kernel) as frames:
            for frame in reversed(self.book.pop(base, [])):
                frames.deallocate(frame)


@contextmanager
def _dropped_on_error(region: DmaRegion) -> Iterator[None]:
    try:
        yield
    except BaseException:
        region.drop()
        raise


def _assert_request(size: int, align: int) -> None:
    if size < 1:
        raise DmaRegionError(size, "at least one byte", DmaErrorReason.INVALID_SIZE)
    if not is_power_of_two(align):
        raise DmaRegionError(align, "a power of two", DmaErrorReason.INVALID_ALIGNMENT)
    if align > PAGE_SIZE:
        raise DmaRegionError(align, "at most 0x1000", DmaErrorReason.ALIGNMENT_TOO_LARGE)
