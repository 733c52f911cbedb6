# concept: none
# check: all
# expected_score: 90
# One function for each hook round one object; counters and classes are read from the tables, best
# fit.
from kernel_sim import (
    AddrRange,
    Cell,
    FaultAction,
    GuardedRegion,
    GuardKind,
    MapError,
    RegionKind,
    UnmapError,
    hookimpl,
)

PAGE = 4096
PRESENT, WRITABLE, USER = 1, 2, 4


class Watcher:
    """Everything of Lab 5 in one object; what belongs to a boot is in kernel.state."""

    def of(self, kernel):
        """The tables of this boot."""
        if not hasattr(kernel.state, "regions"):
            kernel.state.regions = {}
            kernel.state.tags = {}
        return kernel.state

    # guards

    @hookimpl
    def install_guard(self, kernel, request):
        pages = [PAGE * k for k in range(-(-request.size // PAGE))]
        sides = 1 if request.kind is GuardKind.STACK else 2
        low = self.hole(kernel, (len(pages) + sides) * PAGE) if pages else None
        if low is None:
            raise MapError(request.size, "a hole in the window")
        base = low + PAGE
        end = base + len(pages) * PAGE
        frames = []
        while len(frames) < len(pages):
            frame = kernel.hooks.pmm_alloc_frame()
            if frame is None:
                for other in frames:
                    kernel.hooks.pmm_free_frame(other)
                raise MapError(end, "enough frames")
            frames.append(frame)
        self.map_all(kernel, base, frames)
        region = GuardedRegion(low, base, end, end if sides == 2 else None, request.tag)
        self.of(kernel).regions[base] = (region, frames)
        return region

    def map_all(self, kernel, base, frames):
        for k, frame in enumerate(frames):
            try:
                kernel.hooks.map_page(kernel.root, base + k * PAGE, frame, PRESENT | WRITABLE)
            except MapError:
                for done in range(k):
                    kernel.hooks.unmap_page(kernel.root, base + done * PAGE)
                for other in frames:
                    kernel.hooks.pmm_free_frame(other)
                raise

    def hole(self, kernel, size):
        """The smallest gap between regions that is large enough: best fit."""
        taken = sorted(self.span(region) for region, _ in self.of(kernel).regions.values())
        edges = [(0, kernel.config.guard_start), *taken, (kernel.config.guard_end, 0)]
        gaps = [(b[0] - a[1], a[1]) for a, b in zip(edges, edges[1:]) if b[0] - a[1] >= size]
        return min(gaps)[1] if gaps else None

    def span(self, region):
        last = region.end if region.guard_high is None else region.guard_high + PAGE
        return region.guard_low, last

    @hookimpl
    def remove_guard(self, kernel, region):
        known, frames = self.of(kernel).regions.get(region.base, (None, ()))
        if known != region:
            raise UnmapError(region.base, "a region of mine")
        del self.of(kernel).regions[region.base]
        for k, frame in enumerate(frames):
            kernel.hooks.unmap_page(kernel.root, region.base + k * PAGE)
            kernel.hooks.pmm_free_frame(frame)

    # faults

    @hookimpl
    def page_fault(self, kernel, fault):
        kind = self.kind(kernel, fault) if kernel.config.guard else ""
        if not kind:
            return None
        kernel.log("guard_fault", classification=kind, address=fault.address, cpl=fault.cpl)
        kernel.console.print(f"{kind} fault at {fault.address:#010x}")
        return FaultAction.KILL if fault.cpl == 3 else FaultAction.PANIC

    def kind(self, kernel, fault):
        page = fault.address & -PAGE
        for region, _ in self.of(kernel).regions.values():
            if page in (region.guard_low, region.guard_high):
                return "guard"
        if page == 0:
            return "null"
        entry = self.entry(kernel, fault.address)
        if fault.cpl == 3 and fault.error_code & 1 and entry & PRESENT and not entry & USER:
            return "user"
        return ""

    def entry(self, kernel, address):
        """The flags that hold for an address, read from the tables themselves."""
        directory = self.word(kernel, kernel.root + (address >> 22) * 4)
        if not directory & PRESENT or directory & 0x80:
            return directory
        table = (directory & -PAGE) + (address >> 12 & 0x3FF) * 4
        found = self.word(kernel, table)
        return found & directory | found & ~7

    def word(self, kernel, physical):
        return kernel.cpu.load(kernel.hooks.phys_to_virt(physical), 4)

    # the log

    @hookimpl
    def on_event(self, kernel, event):
        if event.kind == "fault" and event.fields["vector"] == 14 and kernel.config.faultlog:
            chain = self.walk(kernel, kernel.cpu.bp, 0, 64)
            told = {name: event.fields[name] for name in ("address", "error_code")}
            kernel.log("fault_trace", frames=[event.fields["ip"], *chain], **told)
        elif event.kind == "log" and kernel.config.tags:
            self.follow(self.of(kernel).tags, event.fields)

    def walk(self, kernel, bp, last, left):
        if not left or bp <= last or bp & 3:
            return []
        if not (self.entry(kernel, bp) & self.entry(kernel, bp + 7) & PRESENT):
            return []
        caller, next_bp = kernel.cpu.load(bp + 4, 4), kernel.cpu.load(bp, 4)
        return [caller, *self.walk(kernel, next_bp, bp + 4, left - 1)]

    # the picture

    @hookimpl
    def render_memory(self, kernel, columns, rows):
        if kernel.config.memviz:
            used, usable = self.bitmap(kernel), self.usable(kernel)
            count = columns * rows
            size = max(1, -(-(kernel.config.physical_limit // PAGE) // count))
            mask = (1 << size) - 1
            parts = [(usable >> k * size & mask, used >> k * size) for k in range(count)]
            return [self.cell(mine, mine & taken) for mine, taken in parts]

    def cell(self, mine, taken):
        if mine == 0:
            return Cell("x", 8, "not for use")
        if taken == 0:
            return Cell(".", 10, "free")
        return Cell("#", 12, "in use") if taken == mine else Cell("+", 14, "mixed")

    def bitmap(self, kernel):
        """The frames in use as bits of one number."""
        stats = kernel.hooks.pmm_stats()
        data = kernel.cpu.read(stats.bitmap_base, stats.bitmap_bytes)
        if stats.bit_order == "msb":
            data = bytes(int(f"{byte:08b}"[::-1], 2) for byte in data)
        bits = int.from_bytes(data, "little")
        if stats.used_bit == 0:
            bits = ~bits & (1 << 8 * len(data)) - 1
        return bits << stats.first_frame // PAGE

    def usable(self, kernel):
        """The usable frames as bits: not touched by anything that is not available."""
        limit = kernel.config.physical_limit
        bits, edge = 0, 0
        for region in kernel.regions:
            if region.kind == RegionKind.AVAILABLE:
                first, last = -(-region.base // PAGE), min(region.end, limit) // PAGE
                if edge == region.base and region.base % PAGE:
                    first -= 1
                bits |= (1 << last) - (1 << first) if first < last else 0
                edge = region.end
        return bits

    # counters: asked of the tables, nothing is kept

    @hookimpl
    def frame_refcount(self, kernel, frame):
        if not kernel.config.refcounts:
            return None
        return (self.bitmap(kernel) >> frame // PAGE & 1) + self.mappings(kernel, frame)

    def mappings(self, kernel, frame):
        """How many pages above the identity map lead to a frame."""
        count = 0
        for number in range(kernel.config.physical_limit + (1 << 22) - 1 >> 22, 1024):
            directory = self.word(kernel, kernel.root + number * 4)
            if directory & 0x81 == PRESENT:
                table = kernel.cpu.read(kernel.hooks.phys_to_virt(directory & -PAGE), PAGE)
                entries = memoryview(table).cast("I")
                count += sum(entry & PRESENT and entry & -PAGE == frame for entry in entries)
        return count

    # tags: page by page

    def follow(self, tags, fields):
        if fields["event"] not in ("tag", "untag"):
            return
        pages = tags.setdefault(fields["tag"], set())
        span = range(fields["start"] // PAGE, -(-fields["end"] // PAGE))
        pages.update(span) if fields["event"] == "tag" else pages.difference_update(span)

    @hookimpl
    def region_tags(self, kernel):
        if not kernel.config.tags:
            return None
        low = 16 << 20
        found = [
            (AddrRange(r.base, min(r.end, low)), "dma-safe")
            for r in kernel.regions
            if r.kind == RegionKind.AVAILABLE and r.base < low
        ]
        for start, size in ((0xA0000, 0x20000), (0xFEC00000, PAGE), (0xFEE00000, PAGE)):
            found.append((AddrRange(start, start + size), "device-owned"))
        found.append((kernel.boot_info.kernel, "kernel-image"))
        for name, pages in self.of(kernel).tags.items():
            found += [(AddrRange(p * PAGE, p * PAGE + PAGE), name) for p in sorted(pages)]
        for region, frames in self.of(kernel).regions.values():
            for frame in frames:
                found.append((AddrRange(frame, frame + PAGE), f"guarded:{region.tag}"))
        return found


watcher = Watcher()
install_guard, remove_guard = watcher.install_guard, watcher.remove_guard
page_fault, on_event = watcher.page_fault, watcher.on_event
render_memory, frame_refcount = watcher.render_memory, watcher.frame_refcount
region_tags = watcher.region_tags
