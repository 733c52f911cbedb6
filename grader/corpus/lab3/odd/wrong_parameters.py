# concept: missing-hook
# check: tables
# expected_score: 49
"""map_page takes what is not passed."""
from kernel_sim import MapError, NotMapped, PageTableFlags, Translation, UnmapError, hookimpl

PRESENT, WRITABLE, USER = 1, 2, 4
FRAME = 0xFFFFF000


def new_table(kernel):
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError("no frame for a table")
    kernel.cpu.fill(kernel.hooks.phys_to_virt(frame), 4096, 0)
    return frame


def entry_of(kernel, root, page, create=False, user=0):
    where = kernel.hooks.phys_to_virt(root) + (page >> 22) * 4
    above = kernel.cpu.load(where, 4)
    if not above & PRESENT:
        if not create:
            return None
        above = new_table(kernel) | WRITABLE | PRESENT | user
        kernel.cpu.store(where, 4, above)
    elif user & ~above:
        above |= user
        kernel.cpu.store(where, 4, above)
    return kernel.hooks.phys_to_virt(above & FRAME) + (page >> 12 & 0x3FF) * 4


@hookimpl
def init_paging(kernel, layout):
    root = new_table(kernel)
    for request in layout:
        for offset in range(0, request.virtual.length, 4096):
            map_page(kernel, root, request.virtual.start + offset, request.physical + offset, request.flags)
    return root


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.cr3 = root
    kernel.cpu.cr0 |= 1 << 31


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


@hookimpl
def map_page(kernel, root, virtual, physical, flags):
    page, frame = virtual, physical
    entry = entry_of(kernel, root, page, create=True, user=int(flags) & USER)
    if kernel.cpu.load(entry, 4) & PRESENT:
        raise MapError(page)
    kernel.cpu.store(entry, 4, frame | int(flags) & 0xFFF | PRESENT)


@hookimpl
def unmap_page(kernel, root, page):
    entry = entry_of(kernel, root, page)
    old = kernel.cpu.load(entry, 4) if entry is not None else 0
    if not old & PRESENT:
        raise UnmapError(page)
    kernel.cpu.store(entry, 4, 0)
    kernel.cpu.invlpg(page)
    return old & FRAME


@hookimpl
def translate(kernel, root, address):
    entry = entry_of(kernel, root, address)
    leaf = kernel.cpu.load(entry, 4) if entry is not None else 0
    if not leaf & PRESENT:
        raise NotMapped(address)
    above = kernel.cpu.load(kernel.hooks.phys_to_virt(root) + (address >> 22) * 4, 4)
    flags = leaf & 0xFFF & (above | ~6)
    return Translation(leaf & FRAME | address & 0xFFF, PageTableFlags(flags), 4096)


@hookimpl
def page_fault(kernel, fault):
    words = [
        "protection violation" if fault.error_code & 1 else "page not present",
        "write" if fault.error_code & 2 else "read",
        "user" if fault.error_code & 4 else "supervisor",
        "reserved bit" if fault.error_code & 8 else "",
        "fetch" if fault.error_code & 16 else "",
    ]
    kernel.console.print(f"Page fault at {fault.address:#010x}: " + " ".join(words))
    return None
