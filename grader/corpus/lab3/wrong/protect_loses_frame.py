# concept: protect-page
# check: tlb
# expected_score: 85
"""protect_page writes the flags alone."""

from kernel_sim import (
    FaultAction,
    MapError,
    NotMapped,
    PageTableFlags,
    Translation,
    UnmapError,
    hookimpl,
)

PAGE = 4096


class Table:
    """A directory or a table, wherever its frame is visible."""

    def __init__(self, kernel, frame):
        self.cpu = kernel.cpu
        self.frame = frame
        self.base = kernel.hooks.phys_to_virt(frame)

    @classmethod
    def new(cls, kernel):
        frame = kernel.hooks.pmm_alloc_frame()
        if frame is None:
            raise MapError("page table", "a free frame", "FRAME_ALLOCATION_FAILED")
        table = cls(kernel, frame)
        for index in range(1024):
            table[index] = 0
        return table

    def __getitem__(self, index):
        return self.cpu.load(self.base + index * 4, 4)

    def __setitem__(self, index, value):
        self.cpu.store(self.base + index * 4, 4, value)


class AddressSpace:
    def __init__(self, kernel, root):
        self.kernel = kernel
        self.directory = Table(kernel, root)

    def split(self, address):
        return address // 0x400000, address // PAGE % 1024

    def table(self, address, flags=None):
        """The table for an address; made if flags are given."""
        index, _ = self.split(address)
        entry = self.directory[index]
        if entry % 2 == 0:
            if flags is None:
                return None
            made = Table.new(self.kernel)
            self.directory[index] = made.frame | 3 | flags & 4
            return made
        if flags is not None and flags & 4:
            self.directory[index] = entry | 4
        return Table(self.kernel, entry & 0xFFFFF000)

    def leaf(self, address):
        table = self.table(address)
        return 0 if table is None else table[self.split(address)[1]]

    def map(self, page, frame, flags):
        flags = int(flags)
        table = self.table(page, flags)
        index = self.split(page)[1]
        if table[index] & 1:
            raise MapError(page, "a free page", "ALREADY_MAPPED")
        table[index] = frame | flags & 0xFFF | 1

    def unmap(self, page):
        old = self.leaf(page)
        if not old & 1:
            raise UnmapError(page, "a mapped page", "NOT_MAPPED")
        self.table(page)[self.split(page)[1]] = 0
        self.kernel.cpu.invlpg(page)
        return old & 0xFFFFF000

    def protect(self, page, flags):
        old = self.leaf(page)
        if not old & 1:
            raise MapError(page, "a mapped page", "NOT_MAPPED")
        table = self.table(page, int(flags))
        table[self.split(page)[1]] = int(flags) & 0xFFF | 1
        self.kernel.cpu.invlpg(page)


@hookimpl
def init_paging(kernel, layout):
    space = AddressSpace(kernel, Table.new(kernel).frame)
    for request in layout:
        page, frame = request.virtual.start, request.physical
        while page < request.virtual.end:
            space.map(page, frame, request.flags)
            page += PAGE
            frame += PAGE
    return space.directory.frame


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.cr3 = root
    kernel.cpu.cr0 = kernel.cpu.cr0 | 0x80000000


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


@hookimpl
def map_page(kernel, root, page, frame, flags):
    AddressSpace(kernel, root).map(page, frame, flags)


@hookimpl
def unmap_page(kernel, root, page):
    return AddressSpace(kernel, root).unmap(page)


@hookimpl
def protect_page(kernel, root, page, flags):
    AddressSpace(kernel, root).protect(page, flags)


@hookimpl
def translate(kernel, root, address):
    space = AddressSpace(kernel, root)
    leaf = space.leaf(address)
    if not leaf & 1:
        raise NotMapped(address)
    above = space.directory[address // 0x400000]
    rights = leaf & above & 6
    return Translation(
        physical=(leaf & 0xFFFFF000) + address % PAGE,
        flags=PageTableFlags(leaf & 0xFF9 | rights),
        size=PAGE,
    )


@hookimpl
def page_fault(kernel, fault):
    code = fault.error_code
    kernel.console.print(f"*** PAGE FAULT: CR2 = 0x{fault.address:08X}, EIP = 0x{fault.ip:08X}")
    kernel.console.print(
        f"    P={code & 1} W={code >> 1 & 1} U={code >> 2 & 1} "
        f"RSVD={code >> 3 & 1} I={code >> 4 & 1}"
    )
    return FaultAction.PANIC
