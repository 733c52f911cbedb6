"""Guard pages: below every kernel stack, around what is critical (BO-14).

::

    kernel stack          | absent | ################# | sp starts here, grows down
    double-fault stack    | absent | ### |               IST1: a #PF on a full stack ends here
    ring 0 stack          | absent | # |                 RSP0: a fault in user code ends here
    critical structure    | absent | ## | absent |       on request, kind OBJECT

How room is found for a guarded region and how it is taken away again is the same as in Kernel-V.
At the edges of the heap guards are planned (BO-15).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, is_aligned
from kernel_sim.errors import NotMapped
from kernel_sim.hookspecs import hookimpl
from kernel_sim.page_table import PageFaultErrorCode
from kernel_sim.values import FaultAction, GuardedRegion, PageFault, SelfTestResult
from kernel_sim_kernel_v.guard import install_guard, remove_guard

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

__all__ = ["install_guard", "remove_guard"]


@hookimpl
def page_fault(kernel: "Kernel", fault: PageFault) -> FaultAction:
    """Say what was hit, and stop: the culprit if it is a user program, else the kernel."""
    kernel.console.print(f"PAGE FAULT at {fault.address:#x}: {culprit(kernel, fault)}")
    kernel.console.print(f"  error code {fault.error_code:#x}, ip {fault.ip:#x}, sp {fault.sp:#x}")
    return FaultAction.KILL if fault.cpl == 3 else FaultAction.PANIC


def culprit(kernel: "Kernel", fault: PageFault) -> str:
    """What the address of a fault means."""
    for region in guarded(kernel):
        for guard, side in ((region.guard_low, "below"), (region.guard_high, "above")):
            if guard is not None and guard <= fault.address < guard + PAGE_SIZE:
                return f"guard page {side} {region.tag}"
    if fault.address < PAGE_SIZE:
        return "invalid dereference, a null pointer"
    present = fault.error_code & PageFaultErrorCode.PROTECTION_VIOLATION
    if present and fault.error_code & PageFaultErrorCode.USER_MODE:
        return "user code reached for the kernel"
    return "a page without the rights" if present else "invalid dereference"


def guarded(kernel: "Kernel") -> list[GuardedRegion]:
    """The guarded regions of this boot."""
    return list(getattr(kernel.state, "installed", ()))


def faulty_stacks(kernel: "Kernel", regions: Iterable[GuardedRegion]) -> list[str]:
    """What is wrong with the stacks among ``regions``: alignment, guard, a page missing (BO-16)."""
    wrong = []
    for stack in regions:
        if stack.guard_high is not None:
            continue
        if not is_aligned(stack.end, 16):
            wrong.append(f"{stack.tag}: top {stack.end:#x} is no multiple of 16")
        if stack.guard_low is None or _is_mapped(kernel, stack.guard_low):
            wrong.append(f"{stack.tag}: no guard page below")
        pages = range(stack.base, stack.end, PAGE_SIZE)
        wrong += [
            f"{stack.tag}: {page:#x} is absent" for page in pages if not _is_mapped(kernel, page)
        ]
    return wrong


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult:
    """Every kernel stack is aligned, complete, and has an absent page below it."""
    regions = guarded(kernel)
    wrong = faulty_stacks(kernel, regions)
    detail = "; ".join(wrong) or f"{len(regions)} stacks guarded"
    return SelfTestResult("guard", passed=bool(regions) and not wrong, detail=detail)


def _is_mapped(kernel: "Kernel", address: int) -> bool:
    try:
        kernel.hooks.translate(kernel.root, address)
    except NotMapped:
        return False
    return True
