# concept: none
# check: all
# expected_score: 90
"""map_range and protect_page as well; faults go to the log and, written by hand, to the screen."""

from kernel_sim import AddrRange, FaultAction, MapError, NotMapped, Translation, UnmapError, hookimpl

VGA = 0xB8000


class Walk:
    def __init__(self, kernel, root, page):
        self.cpu, self.hooks, self.page = kernel.cpu, kernel.hooks, page
        self.above_at = self.hooks.phys_to_virt(root) + (page >> 22 << 2)
        self.above = self.cpu.load(self.above_at, 4)

    @property
    def entry_at(self):
        if not self.above & 1:
            return None
        return self.hooks.phys_to_virt(self.above & ~0xFFF) + (self.page >> 10 & 0xFFC)

    @property
    def entry(self):
        return self.cpu.load(self.entry_at, 4) if self.above & 1 else 0

    @entry.setter
    def entry(self, value):
        self.cpu.store(self.entry_at, 4, value)

    def grow(self, user):
        if not self.above & 1:
            frame = self.hooks.pmm_alloc_frame()
            if frame is None:
                raise MapError(self.page, "a frame", "FRAME_ALLOCATION_FAILED")
            for part in range(4):
                self.cpu.fill(self.hooks.phys_to_virt(frame) + part * 1024, 1024, 0)
            self.above = frame | 3
        self.above |= user
        if self.cpu.load(self.above_at, 4) != self.above:
            self.cpu.store(self.above_at, 4, self.above)


@hookimpl
def init_paging(kernel, layout):
    root = kernel.hooks.pmm_alloc_frame()
    kernel.cpu.fill(root, 4096, 0)
    for request in layout:
        map_range(kernel, root, request.virtual, request.physical, request.flags)
    return root


@hookimpl
def map_range(kernel, root, pages, physical, flags):
    for number in range(pages.length // 4096):
        map_page(kernel, root, pages.start + number * 4096, physical + number * 4096, flags)


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.cr3 = root
    kernel.cpu.cr0 = kernel.cpu.cr0 ^ 0x80000000


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


@hookimpl
def map_page(kernel, root, page, frame, flags):
    walk = Walk(kernel, root, page)
    if walk.entry & 1:
        raise MapError(page, "nothing mapped there", "ALREADY_MAPPED")
    walk.grow(int(flags) & 4)
    walk.entry = frame | int(flags) & 0xFFF


@hookimpl
def protect_page(kernel, root, page, flags):
    walk = Walk(kernel, root, page)
    if not walk.entry & 1:
        raise MapError(page, "a mapped page", "NOT_MAPPED")
    walk.grow(int(flags) & 4)
    walk.entry = walk.entry & ~0xFFF | int(flags) & 0xFFF
    kernel.cpu.invlpg(page)


@hookimpl
def unmap_page(kernel, root, page):
    walk = Walk(kernel, root, page)
    entry = walk.entry
    if not entry & 1:
        raise UnmapError(page)
    walk.entry = 0
    kernel.cpu.invlpg(page)
    return entry & ~0xFFF


@hookimpl
def translate(kernel, root, address):
    walk = Walk(kernel, root, address)
    if not walk.entry & 1:
        raise NotMapped(address)
    rights = walk.entry & (walk.above | ~6)
    return Translation(walk.entry & ~0xFFF | address & 0xFFF, rights & 0xFFF, 4096)


@hookimpl
def page_fault(kernel, fault):
    code = fault.error_code
    kernel.log("fault", address=fault.address, present=bool(code & 1), write=bool(code & 2),
               user=bool(code & 4), reserved=bool(code & 8), fetch=bool(code & 16))
    text = f"fault {fault.address:x}"
    for index, character in enumerate(text.ljust(20)):
        kernel.cpu.store(VGA + 24 * 160 + index * 2, 2, 0x0400 | ord(character))
    return FaultAction.KILL
