# concept: large-pages
# check: identity-map
# expected_score: 88
"""Uses 4 MiB pages whether CR4.PSE is set or not."""

from kernel_sim import (
    MapError,
    NotMapped,
    PageFaultErrorCode,
    PageTableFlags,
    Translation,
    UnmapError,
    hookimpl,
)

P = PageTableFlags.PRESENT
W = PageTableFlags.WRITABLE
U = PageTableFlags.USER_ACCESSIBLE
PS = PageTableFlags.HUGE_PAGE
BIG = 4 << 20


def pse(kernel):
    return True


def pde_at(kernel, root, address):
    return kernel.hooks.phys_to_virt(root) + 4 * (address >> 22)


def pte_at(kernel, pde, address):
    return kernel.hooks.phys_to_virt(pde & ~0xFFF) + 4 * (address >> 12 & 1023)


def zeroed_frame(kernel):
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError("out of memory")
    kernel.cpu.write(kernel.hooks.phys_to_virt(frame), bytes(4096))
    return frame


@hookimpl
def init_paging(kernel, layout):
    root = zeroed_frame(kernel)
    for area in layout:
        page, end = area.virtual.start, area.virtual.end
        if page == 0:
            page = 4096  # nobody needs the page of NULL
        delta = area.physical - area.virtual.start
        while page < end:
            if pse(kernel) and page % BIG == 0 and (page + delta) % BIG == 0 and page + BIG <= end:
                big = page + delta | int(area.flags | P | PS)
                kernel.cpu.store(pde_at(kernel, root, page), 4, big)
                page += BIG
            else:
                map_page(kernel, root, page, page + delta, area.flags)
                page += 4096
    return root


@hookimpl
def enable_paging(kernel, root):
    cpu = kernel.cpu
    cpu.cr3 = root
    cpu.cr0 |= 1 << 31


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


@hookimpl
def map_page(kernel, root, page, frame, flags):
    where = pde_at(kernel, root, page)
    pde = kernel.cpu.load(where, 4)
    if pde & P and pse(kernel) and pde & PS:
        raise MapError(page, reason="ALREADY_MAPPED")
    if not pde & P:
        pde = zeroed_frame(kernel) | P | W
    pde |= int(flags) & U
    kernel.cpu.store(where, 4, int(pde))
    where = pte_at(kernel, pde, page)
    if kernel.cpu.load(where, 4) & P:
        raise MapError(page, reason="ALREADY_MAPPED")
    kernel.cpu.store(where, 4, frame | int(flags | P) & 0xFFF)


@hookimpl
def unmap_page(kernel, root, page):
    pde = kernel.cpu.load(pde_at(kernel, root, page), 4)
    if not pde & P:
        raise UnmapError(page, reason="NOT_MAPPED")
    if pse(kernel) and pde & PS:
        raise UnmapError(page, reason="HUGE_PAGE")
    where = pte_at(kernel, pde, page)
    pte = kernel.cpu.load(where, 4)
    if not pte & P:
        raise UnmapError(page, reason="NOT_MAPPED")
    kernel.cpu.store(where, 4, 0)
    kernel.cpu.invlpg(page)
    return pte & ~0xFFF


@hookimpl
def translate(kernel, root, address):
    pde = kernel.cpu.load(pde_at(kernel, root, address), 4)
    if not pde & P:
        raise NotMapped(address)
    if pse(kernel) and pde & PS:
        flags = PageTableFlags(pde & 0xFFF)
        return Translation(pde & 0xFFC00000 | address & 0x3FFFFF, flags, BIG)
    pte = kernel.cpu.load(pte_at(kernel, pde, address), 4)
    if not pte & P:
        raise NotMapped(address)
    flags = PageTableFlags(pte & 0xFFF)
    if not pde & W:
        flags &= ~W
    if not pde & U:
        flags &= ~U
    return Translation(pte & 0xFFFFF000 | address & 0xFFF, flags, 4096)


@hookimpl
def page_fault(kernel, fault):
    code = PageFaultErrorCode(fault.error_code)
    why = "rights violated" if PageFaultErrorCode.PROTECTION_VIOLATION in code else "not mapped"
    if PageFaultErrorCode.MALFORMED_TABLE in code:
        why = "reserved bit set"
    what = "writing" if PageFaultErrorCode.CAUSED_BY_WRITE in code else "reading"
    if PageFaultErrorCode.INSTRUCTION_FETCH in code:
        what = "fetching"
    who = "a user program" if PageFaultErrorCode.USER_MODE in code else "the kernel"
    kernel.console.print(f"page fault: {who} {what} {fault.address:#x}: {why}")
