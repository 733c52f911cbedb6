"""The memory manager: one frame allocator, one `PhysMapper` (MS-12, MS-13, MS-18, MS-19).

Which plugin fills the role pmm does not matter here: `FrameAllocatorGuard` is the interface, the
hooks are the policy. Whether `init` has run is a word in static memory.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from kernel_sim.errors import KernelError
from kernel_sim.host.reservation import reserved_ranges
from kernel_sim.values import AddrRange
from kernel_sim_cyrius.addr import PhysAddr, VirtAddr
from kernel_sim_cyrius.layout import static
from kernel_sim_cyrius.spin import locked

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


class ManagerErrorReason(StrEnum):
    """Why `init` refused (MS-19)."""

    ALREADY_INITIALIZED = "ALREADY_INITIALIZED"
    MISSING_OFFSET = "MISSING_OFFSET"


class ManagerError(KernelError):
    """Memory management can't be set up; ``reason`` is a `ManagerErrorReason`."""


@dataclass(frozen=True, slots=True)
class PhysMapper:
    """Physical memory as the kernel sees it (MS-13).

    Safety: whoever maps a frame must be the only one who uses it while the address is in use; and
    the frame must be memory (MS-29).
    """

    kernel: "Kernel"

    def phys_to_virt(self, physical: PhysAddr) -> VirtAddr:
        """Where ``physical`` can be reached now."""
        return VirtAddr(self.kernel.hooks.phys_to_virt(int(physical)))


@dataclass(frozen=True, slots=True)
class FrameAllocatorGuard:
    """The frame allocator, locked (MS-12, MS-18).

    Safety: a frame is the caller's alone until it is given back, and is given back once (MS-29).
    """

    kernel: "Kernel"

    def allocate(self) -> PhysAddr | None:
        """A frame, or None."""
        frame = self.kernel.hooks.pmm_alloc_frame()
        return None if frame is None else PhysAddr(frame)

    def allocate_run(self, count: int, align: int) -> PhysAddr | None:
        """The first of ``count`` frames in a row, or None."""
        frame = self.kernel.hooks.pmm_alloc_contiguous(count, align)
        return None if frame is None else PhysAddr(frame)

    def deallocate(self, frame: PhysAddr) -> None:
        """Give a frame back."""
        self.kernel.hooks.pmm_free_frame(int(frame))


def init(kernel: "Kernel", heap: AddrRange) -> None:
    """Set up frames and mapper, before any address space is touched (MS-19).

    Args:
        kernel: the booting kernel.
        heap: the physical range of the kernel heap, which is not handed out (MS-16).

    Raises:
        ManagerError: it has run before, or the boot loader gave no direct map.
    """
    word = static(kernel, "MANAGER").start
    if kernel.cpu.load(word, 8):
        reason = ManagerErrorReason.ALREADY_INITIALIZED
        raise ManagerError("manager::init", "one call", reason)
    if kernel.boot_info.physical_memory_offset is None:
        raise ManagerError("no direct map", "its offset", ManagerErrorReason.MISSING_OFFSET)
    kernel.hooks.pmm_init(kernel.regions, [*reserved_ranges(kernel.boot_info), heap])
    kernel.cpu.store(word, 8, 1)


@contextmanager
def frame_allocator(kernel: "Kernel") -> Iterator[FrameAllocatorGuard]:
    """The one frame allocator, locked while the block runs.

    Raises:
        KernelError: `init` has not run, or the lock is held.
    """
    _assert_initialized(kernel)
    with locked(kernel, "FRAME_LOCK"):
        yield FrameAllocatorGuard(kernel)


def phys_mapper(kernel: "Kernel") -> PhysMapper:
    """The one mapper.

    Raises:
        KernelError: `init` has not run.
    """
    _assert_initialized(kernel)
    return PhysMapper(kernel)


def _assert_initialized(kernel: "Kernel") -> None:
    if not kernel.cpu.load(static(kernel, "MANAGER").start, 8):
        raise KernelError("mem::manager", expected="manager::init before any other call")
