# concept: none
# check: all
# expected_score: 90
# Regions are laid out from the top of the window downwards.
from kernel_sim import (
    AddrRange,
    Cell,
    FaultAction,
    GuardedRegion,
    GuardKind,
    KernelError,
    MapError,
    NotMapped,
    PageTableFlags,
    RegionKind,
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
    top = kernel.config.guard_end
    for low, high in sorted((extent(region) for region in installed(kernel)), reverse=True):
        if high + needed <= top:
            break
        top = low
    start = top - needed
    if request.size < 1 or start < kernel.config.guard_start:
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
    return FaultAction.KILL if fault.cpl == 3 else FaultAction.PANIC

def readable(kernel, address):
    try:
        kernel.hooks.translate(kernel.root, address)
    except KernelError:
        return False
    return True


def callers(kernel, bp):
    found = []
    lowest = 1
    while len(found) < 16 and bp >= lowest and bp % 4 == 0:
        if not (readable(kernel, bp) and readable(kernel, bp + 4)):
            break
        found.append(kernel.cpu.load(bp + 4, 4))
        lowest, bp = bp + 8, kernel.cpu.load(bp, 4)
    return found


def log_fault(kernel, event):
    if not kernel.config.faultlog or event.kind != "fault" or event.fields["vector"] != 14:
        return
    frames = [event.fields["ip"], *callers(kernel, kernel.cpu.bp)]
    address, code = event.fields["address"], event.fields["error_code"]
    kernel.log("fault_trace", address=address, error_code=code, frames=frames)

def usable_frames(kernel):
    """Ranges of frame numbers; regions that touch count as one."""
    joined = []
    for region in kernel.regions:
        if region.kind != RegionKind.AVAILABLE:
            continue
        if not joined or joined[-1][1] != region.base:
            joined.append([region.base, region.end])
        joined[-1][1] = min(region.end, kernel.config.physical_limit)
    return [range(-(-start // PAGE), end // PAGE) for start, end in joined]


@hookimpl
def render_memory(kernel, columns, rows):
    if not kernel.config.memviz:
        return None
    cells = columns * rows
    per_cell = max(1, -(-(kernel.config.physical_limit // PAGE) // cells))
    stats = kernel.hooks.pmm_stats()
    data = kernel.cpu.read(stats.bitmap_base, stats.bitmap_bytes)
    free, used = [0] * cells, [0] * cells
    for frames in usable_frames(kernel):
        for number in frames:
            bit = number - stats.first_frame // PAGE
            place = bit % 8 if stats.bit_order == "lsb" else 7 - bit % 8
            in_use = (data[bit // 8] >> place & 1) == stats.used_bit
            (used if in_use else free)[number // per_cell] += 1
    return [cell_of(*pair) for pair in zip(free, used)]


def cell_of(free, used):
    if not free and not used:
        return Cell("-", 7, "no memory to hand out")
    if not used:
        return Cell(".", 2, "free")
    return Cell("+", 14, "partly used") if free else Cell("#", 4, "used")

def counters(kernel):
    if not hasattr(kernel.state, "counts"):
        kernel.state.counts = {}
    return kernel.state.counts


def count_frames(kernel, event):
    fields = event.fields
    if not kernel.config.refcounts or event.kind != "hook" or "error" in fields:
        return
    counts, arguments, result = counters(kernel), fields["arguments"], fields["result"]
    hook, frame, step = fields["hook"], arguments.get("frame"), 0
    if hook in ("pmm_alloc_frame", "map_page"):
        step = 1
    elif hook in ("pmm_free_frame", "unmap_page"):
        step = -1
    if hook in ("pmm_alloc_frame", "unmap_page"):
        frame = result
    if frame is not None and step:
        counts[frame] = max(0, counts.get(frame, 0) + step)


@hookimpl
def frame_refcount(kernel, frame):
    return counters(kernel).get(frame, 0) if kernel.config.refcounts else None

DMA_LIMIT = 16 * 1024 * 1024
DEVICES = [(0xA0000, 0xC0000), (0xFEC00000, 0xFEC01000), (0xFEE00000, 0xFEE01000)]


def tags(kernel):
    if not hasattr(kernel.state, "tags"):
        kernel.state.tags = []
        kernel.state.backing = {}
    return kernel.state.tags


def cut(spans, start, end):
    left = []
    for a, b in spans:
        left += [(a, min(b, start)), (max(a, end), b)]
    return [(a, b) for a, b in left if a < b]


def untag(kernel, start, end, tag=None):
    kept = []
    for a, b, name in tags(kernel):
        if tag is None or name == tag:
            kept += [(x, y, name) for x, y in cut([(a, b)], start, end)]
        else:
            kept.append((a, b, name))
    kernel.state.tags = kept


def follow_tags(kernel, event):
    fields = event.fields
    if not kernel.config.tags or "error" in fields:
        return
    if event.kind == "log" and fields["event"] == "tag":
        tags(kernel).append((fields["start"], fields["end"], fields["tag"]))
    elif event.kind == "log" and fields["event"] == "untag":
        untag(kernel, fields["start"], fields["end"], fields["tag"])
    elif event.kind == "hook" and fields["hook"] == "map_page":
        tags(kernel)
        kernel.state.backing[fields["arguments"]["page"]] = fields["arguments"]["frame"]
    elif event.kind == "hook" and fields["hook"] == "pmm_free_frame":
        frame = fields["arguments"]["frame"]
        untag(kernel, frame, frame + PAGE)
    elif event.kind == "hook" and fields["hook"] == "install_guard":
        tags(kernel)
        region = fields["result"]
        for page in range(region["base"], region["end"], PAGE):
            frame = kernel.state.backing[page]
            tags(kernel).append((frame, frame + PAGE, "guarded:" + region["tag"]))


@hookimpl
def region_tags(kernel):
    if not kernel.config.tags:
        return None
    found = [(AddrRange(a, b), name) for a, b, name in tags(kernel)]
    for region in kernel.regions:
        if region.kind == RegionKind.AVAILABLE and region.base < DMA_LIMIT:
            found.append((AddrRange(region.base, min(region.end, DMA_LIMIT)), "dma-safe"))
    found += [(AddrRange(start, end), "device-owned") for start, end in DEVICES]
    found.append((kernel.boot_info.kernel, "kernel-image"))
    return [((item.start, item.end), name) for item, name in reversed(found)]

@hookimpl
def on_event(kernel, event):
    for observe in (log_fault, count_frames, follow_tags):
        observe(kernel, event)
