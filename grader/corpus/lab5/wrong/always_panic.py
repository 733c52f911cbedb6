# concept: class-level
# check: fault-classes
# expected_score: 44.51
# A program's fault brings the whole kernel down.
from kernel_sim import (
    FaultAction,
    GuardedRegion,
    GuardKind,
    MapError,
    NotMapped,
    PageTableFlags,
    UnmapError,
    hookimpl,
)

PAGE = 4096
RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


def installed(kernel):
    if not hasattr(kernel.state, "regions"):
        kernel.state.regions = []
    return kernel.state.regions


def extent(region):
    low = region.guard_low
    high = region.end if region.guard_high is None else region.guard_high + PAGE
    return low, high


def lay_out(kernel, request):
    size = -(-request.size // PAGE) * PAGE
    both = request.kind != GuardKind.STACK
    needed = PAGE + size + (PAGE if both else 0)
    start = kernel.config.guard_start
    for low, high in sorted(extent(region) for region in installed(kernel)):
        if start + needed <= low:
            break
        start = high
    if request.size < 1 or start + needed > kernel.config.guard_end:
        raise MapError(request.size, "room between guard_start and guard_end")
    base = start + PAGE
    end = base + size
    return GuardedRegion(start, base, end, end if both else None, request.tag)


def map_new(kernel, page):
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError(page, "a free frame")
    try:
        kernel.hooks.map_page(kernel.root, page, frame, RIGHTS)
    except MapError:
        kernel.hooks.pmm_free_frame(frame)
        raise


def give_back(kernel, start, end):
    for page in range(start, end, PAGE):
        kernel.hooks.pmm_free_frame(kernel.hooks.unmap_page(kernel.root, page))


@hookimpl
def install_guard(kernel, request):
    region = lay_out(kernel, request)
    for page in range(region.base, region.end, PAGE):
        try:
            map_new(kernel, page)
        except MapError:
            give_back(kernel, region.base, page)
            raise
    installed(kernel).append(region)
    return region


@hookimpl
def remove_guard(kernel, region):
    if region not in installed(kernel):
        raise UnmapError(region.base, "an installed region")
    installed(kernel).remove(region)
    give_back(kernel, region.base, region.end)

def in_guard(kernel, address):
    guards = [g for r in installed(kernel) for g in (r.guard_low, r.guard_high)]
    return any(g is not None and g <= address < g + PAGE for g in guards)


def is_kernel_page(kernel, address):
    try:
        flags = kernel.hooks.translate(kernel.root, address).flags
    except NotMapped:
        return False
    return not flags & PageTableFlags.USER_ACCESSIBLE


def classify(kernel, fault):
    if in_guard(kernel, fault.address):
        return "guard"
    if fault.address < PAGE:
        return "null"
    if fault.cpl == 3 and fault.error_code & 5 == 5 and is_kernel_page(kernel, fault.address):
        return "user"
    return None


@hookimpl
def page_fault(kernel, fault):
    if not kernel.config.guard:
        return None
    found = classify(kernel, fault)
    if found is None:
        return None
    kernel.log("guard_fault", classification=found, address=fault.address, ip=fault.ip)
    return FaultAction.PANIC
