# concept: table-per-4-mib
# check: identity-map
# expected_score: 88
"""Maps no more than 16 MiB of memory."""

from kernel_sim import MapError, NotMapped, Translation, UnmapError, hookimpl

PDE_P = PTE_P = 0x001
PDE_W = PTE_W = 0x002
PDE_U = PTE_U = 0x004
PG = 0x80000000


def PDX(va):
    return (va >> 22) & 0x3FF


def PTX(va):
    return (va >> 12) & 0x3FF


def PTE_ADDR(pte):
    return pte & 0xFFFFF000


def walkpgdir(kernel, pgdir, va, alloc, perm=0):
    """Address of the PTE for va, None if there is no table and alloc is False."""
    cpu = kernel.cpu
    pde_addr = kernel.hooks.phys_to_virt(pgdir) + 4 * PDX(va)
    pde = cpu.load(pde_addr, 4)
    if pde & PDE_P:
        pgtab = PTE_ADDR(pde)
        if alloc and perm & PDE_U:
            cpu.store(pde_addr, 4, pde | PDE_U)
    else:
        if not alloc:
            return None
        pgtab = kernel.hooks.pmm_alloc_frame()
        if pgtab is None:
            raise MapError(va, reason="FRAME_ALLOCATION_FAILED")
        memset0(kernel, pgtab)
        cpu.store(pde_addr, 4, pgtab | PDE_P | PDE_W | (perm & PDE_U))
    return kernel.hooks.phys_to_virt(pgtab) + 4 * PTX(va)


def memset0(kernel, frame):
    address = kernel.hooks.phys_to_virt(frame)
    for i in range(0, 4096, 8):
        kernel.cpu.store(address + i, 8, 0)


def mappages(kernel, pgdir, va, size, pa, perm):
    last = va + size
    while va != last:
        pte = walkpgdir(kernel, pgdir, va, True, perm)
        if kernel.cpu.load(pte, 4) & PTE_P:
            raise MapError(va, "remap", "ALREADY_MAPPED")
        kernel.cpu.store(pte, 4, pa | perm | PTE_P)
        va += 4096
        pa += 4096


@hookimpl
def init_paging(kernel, layout):
    pgdir = kernel.hooks.pmm_alloc_frame()
    memset0(kernel, pgdir)
    for r in layout:
        size = min(r.virtual.length, 0x1000000) if r.virtual.start == 0 else r.virtual.length
        mappages(kernel, pgdir, r.virtual.start, size, r.physical, int(r.flags))
    return pgdir


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.cr3 = root
    cr0 = kernel.cpu.cr0
    cr0 |= PG
    kernel.cpu.cr0 = cr0


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


@hookimpl
def map_page(kernel, root, page, frame, flags):
    mappages(kernel, root, page, 4096, frame, int(flags) & 0xFFF)


@hookimpl
def unmap_page(kernel, root, page):
    pte_addr = walkpgdir(kernel, root, page, False)
    if pte_addr is None:
        raise UnmapError(page)
    pte = kernel.cpu.load(pte_addr, 4)
    if not pte & PTE_P:
        raise UnmapError(page)
    kernel.cpu.store(pte_addr, 4, 0)
    kernel.cpu.invlpg(page)
    return PTE_ADDR(pte)


@hookimpl
def protect_page(kernel, root, page, flags):
    pte_addr = walkpgdir(kernel, root, page, False)
    if pte_addr is None or not kernel.cpu.load(pte_addr, 4) & PTE_P:
        raise MapError(page, reason="NOT_MAPPED")
    pte_addr = walkpgdir(kernel, root, page, True, int(flags))
    pte = kernel.cpu.load(pte_addr, 4)
    kernel.cpu.store(pte_addr, 4, PTE_ADDR(pte) | int(flags) & 0xFFF | PTE_P)
    kernel.cpu.invlpg(page)


@hookimpl
def translate(kernel, root, address):
    pte_addr = walkpgdir(kernel, root, address, False)
    if pte_addr is None:
        raise NotMapped(address)
    pte = kernel.cpu.load(pte_addr, 4)
    if not pte & PTE_P:
        raise NotMapped(address)
    pde = kernel.cpu.load(kernel.hooks.phys_to_virt(root) + 4 * PDX(address), 4)
    flags = PTE_P | (pte & 0xFF8) | (pte & pde & (PTE_W | PTE_U))
    return Translation(PTE_ADDR(pte) | (address & 0xFFF), flags, 4096)


@hookimpl
def page_fault(kernel, fault):
    err = fault.error_code
    kernel.console.print("Page fault! ( %s%s%s%s%s) at 0x%x" % (
        "present " if err & 1 else "not-present ",
        "write " if err & 2 else "read ",
        "user-mode " if err & 4 else "kernel-mode ",
        "reserved " if err & 8 else "",
        "fetch " if err & 16 else "",
        fault.address,
    ))
    return None
