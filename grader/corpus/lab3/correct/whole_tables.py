# concept: none
# check: all
# expected_score: 90
"""Composes each table in Python and writes it in one piece."""

import struct

from kernel_sim import MapError, NotMapped, PageTableFlags, UnmapError, hookimpl

TABLE = struct.Struct("<1024I")
RIGHTS = int(PageTableFlags.WRITABLE | PageTableFlags.USER_ACCESSIBLE)


def read(kernel, frame):
    return list(TABLE.unpack(kernel.cpu.read(kernel.hooks.phys_to_virt(frame), 4096)))


def write(kernel, frame, entries):
    kernel.cpu.write(kernel.hooks.phys_to_virt(frame), TABLE.pack(*entries))


def allocate(kernel):
    frame = kernel.hooks.pmm_alloc_frame()
    if frame is None:
        raise MapError(None, "a frame for a table", "FRAME_ALLOCATION_FAILED")
    return frame


@hookimpl
def init_paging(kernel, layout):
    spans = {}
    for request in layout:
        for page in range(max(request.virtual.start, 4096), request.virtual.end, 4096):
            frame = page - request.virtual.start + request.physical
            spans.setdefault(page >> 22, {})[page >> 12 & 1023] = frame | int(request.flags)
    root = allocate(kernel)
    directory = [0] * 1024
    for number, pages in spans.items():
        table = allocate(kernel)
        write(kernel, table, [pages.get(index, 0) for index in range(1024)])
        directory[number] = table | 3 | max(entry & 4 for entry in pages.values())
    write(kernel, root, directory)
    return root


@hookimpl
def enable_paging(kernel, root):
    kernel.cpu.cr3 = root
    kernel.cpu.cr0 += 1 << 31


@hookimpl
def phys_to_virt(kernel, physical):
    return physical


def look_up(kernel, root, page):
    """The two entries of a page."""
    above = read(kernel, root)[page >> 22]
    if not above & 1:
        return above, 0
    return above, read(kernel, above & -4096)[page >> 12 & 1023]


@hookimpl
def map_page(kernel, root, page, frame, flags):
    above, entry = look_up(kernel, root, page)
    if entry & 1:
        raise MapError(page, reason="ALREADY_MAPPED")
    if above & 1:
        table = above & -4096
        entries = read(kernel, table)
        entries[page >> 12 & 1023] = frame | int(flags)
        write(kernel, table, entries)
    else:
        table = allocate(kernel)
        entries = [0] * 1024
        entries[page >> 12 & 1023] = frame | int(flags)
        write(kernel, table, entries)
        above = table | 3
    if above | int(flags) & 4 != read(kernel, root)[page >> 22]:
        directory = read(kernel, root)
        directory[page >> 22] = above | int(flags) & 4
        write(kernel, root, directory)


@hookimpl
def unmap_page(kernel, root, page):
    above, entry = look_up(kernel, root, page)
    if not entry & 1:
        raise UnmapError(page, reason="NOT_MAPPED")
    entries = read(kernel, above & -4096)
    entries[page >> 12 & 1023] = 0
    write(kernel, above & -4096, entries)
    kernel.cpu.invlpg(page)
    return entry & -4096


@hookimpl
def translate(kernel, root, address):
    above, entry = look_up(kernel, root, address)
    if not entry & 1:
        raise NotMapped(address)
    flags = entry & 0xFFF & ~RIGHTS | entry & above & RIGHTS
    return (entry & -4096) + (address & 4095), flags, 4096


@hookimpl
def page_fault(kernel, fault):
    bits = {
        "present": fault.error_code & 1,
        "write": fault.error_code & 2,
        "user": fault.error_code & 4,
        "reserved": fault.error_code & 8,
        "fetch": fault.error_code & 16,
    }
    words = ", ".join(f"{name}: {'yes' if bit else 'no'}" for name, bit in bits.items())
    kernel.console.print(f"#PF {fault.address:08X}")
    kernel.console.print(words)
