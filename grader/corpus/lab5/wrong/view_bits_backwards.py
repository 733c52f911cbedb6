# concept: view-bits
# check: memory-view
# expected_score: 12.48
# The bits of a byte are read in the opposite order.
from kernel_sim import Cell, RegionKind, hookimpl

PAGE = 4096


@hookimpl
def install_guard(kernel, request):
    raise NotImplementedError("not written yet")

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
            place = 7 - bit % 8
            in_use = (data[bit // 8] >> place & 1) == stats.used_bit
            (used if in_use else free)[number // per_cell] += 1
    return [cell_of(*pair) for pair in zip(free, used)]


def cell_of(free, used):
    if not free and not used:
        return Cell("-", 7, "no memory to hand out")
    if not used:
        return Cell(".", 2, "free")
    return Cell("+", 14, "partly used") if free else Cell("#", 4, "used")
