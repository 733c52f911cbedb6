# concept: none
# check: all
# expected_score: 90
# Counters as a ledger of owners and pages; tags as lists of edges.
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

class Ledger:
    """What each frame is used for, in the order of events."""

    def __init__(self):
        self.owners = set()
        self.pages = {}

    def take(self, fields):
        arguments, result = fields["arguments"], fields.get("result")
        if fields["hook"] == "pmm_alloc_frame" and result is not None:
            self.owners.add(result)
        elif fields["hook"] == "pmm_free_frame":
            self.owners.discard(arguments["frame"])
        elif fields["hook"] == "map_page":
            self.pages[arguments["root"], arguments["page"]] = arguments["frame"]
        elif fields["hook"] == "unmap_page":
            self.pages.pop((arguments["root"], arguments["page"]), None)

    def references(self, frame):
        return (frame in self.owners) + list(self.pages.values()).count(frame)


def ledger(kernel):
    if not hasattr(kernel.state, "ledger"):
        kernel.state.ledger = Ledger()
    return kernel.state.ledger


def count_frames(kernel, event):
    if kernel.config.refcounts and event.kind == "hook" and "error" not in event.fields:
        ledger(kernel).take(event.fields)


@hookimpl
def frame_refcount(kernel, frame):
    if kernel.config.refcounts:
        return ledger(kernel).references(frame)

LOW = 16 << 20
FIXED = [(0xA0000, 0xC0000), (0xFEC00000, 0xFEC01000), (0xFEE00000, 0xFEE01000)]


def edges(kernel):
    """Tag to its edges: at each the tag begins or ends, in turn."""
    if not hasattr(kernel.state, "edges"):
        kernel.state.edges = {}
        kernel.state.frames = {}
    return kernel.state.edges


def paint(kernel, tag, start, end, on):
    """Begin at start and end at end; what was between them is painted over."""
    old = edges(kernel).get(tag, [])
    below = sum(edge < start for edge in old) % 2
    above = sum(edge <= end for edge in old) % 2
    new = [edge for edge in old if edge < start]
    if below != on:
        new.append(start)
    if above != on:
        new.append(end)
    edges(kernel)[tag] = new + [edge for edge in old if edge > end]


def follow_tags(kernel, event):
    if not kernel.config.tags or "error" in event.fields:
        return
    fields = event.fields
    if event.kind == "log" and fields["event"] in ("tag", "untag"):
        paint(kernel, fields["tag"], fields["start"], fields["end"], fields["event"] == "tag")
    if event.kind != "hook":
        return
    edges(kernel)
    arguments, frames = fields["arguments"], kernel.state.frames
    if fields["hook"] == "map_page":
        frames[arguments["page"]] = arguments["frame"]
    elif fields["hook"] in ("install_guard", "remove_guard"):
        on = fields["hook"] == "install_guard"
        region = fields["result"] if on else arguments["region"]
        for page in range(region["base"], region["end"], PAGE):
            frame = frames[page] if on else frames.pop(page)
            paint(kernel, "guarded:" + region["tag"], frame, frame + PAGE, on)


@hookimpl
def region_tags(kernel):
    if not kernel.config.tags:
        return []
    available = [r for r in kernel.regions if r.kind == RegionKind.AVAILABLE]
    low = [(r.base, min(r.end, LOW)) for r in available if r.base < LOW]
    image = kernel.boot_info.kernel
    named = {"dma-safe": low, "device-owned": FIXED, "kernel-image": [(image.start, image.end)]}
    for tag, points in edges(kernel).items():
        named[tag] = list(zip(points[::2], points[1::2]))
    return [(AddrRange(*span), tag) for tag, spans in named.items() for span in spans]

@hookimpl
def on_event(kernel, event):
    for observe in (follow_tags, count_frames, log_fault):
        observe(kernel, event)
