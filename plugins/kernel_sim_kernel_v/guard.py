"""Guard pages: an overflow becomes a fault at the instruction that makes it (KV-39).

Rationale: a write past the end of a buffer or a stack normally lands in whatever lies next to it.
The damage shows later, elsewhere, in innocent code. Here the neighbour is a page that is mapped
nowhere::

    STACK          | guard_low |##### usable #####|                 grows down: guarded below
    HEAP, OBJECT   | guard_low |##### usable #####| guard_high |    guarded on both sides
                               ^ base             ^ end

Benefit: the fault comes at once and its address names the culprit. Cost: address space and rounding
up to pages, but no memory, since a guard has no frame. Limit: an overflow that ends within the last
usable page, or that jumps over a whole guard page, goes unnoticed.
"""

from typing import TYPE_CHECKING, NamedTuple

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.errors import (
    MapError,
    MapErrorReason,
    NotMapped,
    TranslationError,
    UnmapError,
    UnmapErrorReason,
)
from kernel_sim.hookspecs import hookimpl
from kernel_sim.page_table import PageFaultErrorCode, PageTableFlags
from kernel_sim.values import (
    AddrRange,
    FaultAction,
    GuardedRegion,
    GuardKind,
    GuardRequest,
    PageFault,
    SelfTestResult,
)

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

USABLE_FLAGS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


class Verdict(NamedTuple):
    """What kind of fault this is, what to do about it, and a line for the screen."""

    kind: str
    action: FaultAction
    line: str


@hookimpl
def install_guard(kernel: "Kernel", request: GuardRequest) -> GuardedRegion:
    """Find addresses, then map the usable pages one by one; on failure take all of them back."""
    if request.size < 1:
        raise MapError(request.size, "at least one byte", MapErrorReason.UNSUPPORTED_PAGE_SIZE)
    region = _laid_out(kernel, request)
    for page in range(region.base, region.end, PAGE_SIZE):
        try:
            _map_new_frame(kernel, page)
        except MapError:
            _give_back(kernel, AddrRange(region.base, page))
            raise
    _installed(kernel).append(region)
    kernel.log("guard_installed", base=region.base, end=region.end, tag=region.tag)
    return region


@hookimpl
def remove_guard(kernel: "Kernel", region: GuardedRegion) -> None:
    """Unmap the usable pages and free their frames.

    Raises:
        UnmapError: no such region is installed.
    """
    if region not in _installed(kernel):
        raise UnmapError(region.base, "an installed region", UnmapErrorReason.NOT_MAPPED)
    _installed(kernel).remove(region)
    _give_back(kernel, AddrRange(region.base, region.end))
    kernel.log("guard_removed", base=region.base, end=region.end, tag=region.tag)


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction | None:
    """Stop who hit a guard, used NULL or reached for the kernel; others decide the rest (KV-40)."""
    verdict = _verdict(kernel, fault) if kernel.config.guard else None
    if verdict is None:
        return None
    kernel.log("guard_fault", classification=verdict.kind, address=fault.address, ip=fault.ip)
    kernel.console.print(verdict.line)
    return verdict.action


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """A guarded page can be used, its neighbours are absent, and removing it frees its frame."""
    region = install_guard(kernel, GuardRequest(GuardKind.OBJECT, 1, "selftest"))
    free = kernel.hooks.pmm_stats().free
    kernel.cpu.fill(region.base, region.end - region.base, 0xA5)
    guards = [g for g in (region.guard_low, region.guard_high) if g is not None]
    absent = not any(_is_mapped(kernel, guard) for guard in guards)
    remove_guard(kernel, region)
    freed = kernel.hooks.pmm_stats().free - free
    passed = absent and len(guards) == 2 and freed == 1
    return SelfTestResult("guard", passed, f"a page at {region.base:#x} between two guards")


def _installed(kernel: "Kernel") -> list[GuardedRegion]:
    """The regions of this boot."""
    if not hasattr(kernel.state, "installed"):
        kernel.state.installed = []
    installed: list[GuardedRegion] = kernel.state.installed
    return installed


def _extent(region: GuardedRegion) -> AddrRange:
    """The addresses a region takes up, its guards included."""
    low = region.base if region.guard_low is None else region.guard_low
    high = region.end if region.guard_high is None else region.guard_high + PAGE_SIZE
    return AddrRange(low, high)


def _laid_out(kernel: "Kernel", request: GuardRequest) -> GuardedRegion:
    """Where the region goes: the lowest gap between the installed ones that has room.

    Raises:
        MapError: no gap is large enough.
    """
    usable = align_up(request.size, PAGE_SIZE)
    above = 0 if request.kind is GuardKind.STACK else PAGE_SIZE
    low = kernel.config.guard_start
    for taken in sorted(_extent(region) for region in _installed(kernel)):
        if low + PAGE_SIZE + usable + above <= taken.start:
            break
        low = taken.end
    base, end = low + PAGE_SIZE, low + PAGE_SIZE + usable
    if end + above > kernel.config.guard_end:
        raise MapError(request.size, "room for it and its guards", MapErrorReason.INTERNAL_ERROR)
    return GuardedRegion(low, base, end, end if above else None, request.tag)


def _map_new_frame(kernel: "Kernel", page: int) -> None:
    """Map ``page`` to a new frame.

    Raises:
        MapError: no frame, or the page is taken; no frame is lost.
    """
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError(page, "a free frame", MapErrorReason.FRAME_ALLOCATION_FAILED)
    try:
        kernel.hooks.map_page(kernel.root, page, frame, USABLE_FLAGS)
    except MapError:
        kernel.hooks.pmm_free_frame(frame)
        raise


def _give_back(kernel: "Kernel", pages: AddrRange) -> None:
    """Unmap first, which invalidates the TLB entry; only then may the frame find a new owner."""
    for page in range(pages.start, pages.end, PAGE_SIZE):
        kernel.hooks.pmm_free_frame(kernel.hooks.unmap_page(kernel.root, page))


def _is_mapped(kernel: "Kernel", address: int) -> bool:
    try:
        kernel.hooks.translate(kernel.root, address)
    except NotMapped:
        return False
    return True


def _verdict(kernel: "Kernel", fault: PageFault) -> Verdict | None:
    """The class of the fault; None for one that may yet be mended, by demand paging for example."""
    culprit = FaultAction.KILL if fault.cpl == 3 else FaultAction.PANIC
    address = f"{fault.address:#010x}"
    for region in _installed(kernel):
        for guard, side in ((region.guard_low, "below"), (region.guard_high, "above")):
            if guard is not None and guard <= fault.address < guard + PAGE_SIZE:
                line = f"GUARD PAGE hit at {address}, {side} {region.tag!r}"
                return Verdict("guard", culprit, line)
    if 0 <= fault.address < PAGE_SIZE:
        return Verdict("null", culprit, f"NULL POINTER used, address {address}")
    if _user_in_kernel(kernel, fault):
        return Verdict(
            "user", FaultAction.KILL, f"USER PROGRAM reached for the kernel at {address}"
        )
    return None


def _user_in_kernel(kernel: "Kernel", fault: PageFault) -> bool:
    """Whether a user program touched a page that is present, but the kernel's."""
    wanted = PageFaultErrorCode.PROTECTION_VIOLATION | PageFaultErrorCode.USER_MODE
    if fault.error_code & wanted != wanted:
        return False
    try:
        flags = kernel.hooks.translate(kernel.root, fault.address).flags
    except TranslationError:
        return False
    return not flags & PageTableFlags.USER_ACCESSIBLE
