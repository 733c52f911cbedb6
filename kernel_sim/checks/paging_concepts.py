"""What a failed check of Lab 3 is about: requirement and hint of each concept."""

from typing import Final

PAGING_CONCEPTS: Final[dict[str, tuple[str, str]]] = {
    # where an entry lies, what it says
    "index-mask": ("KV-19", "The table index is bits 21:12 of the address: (page >> 12) & 0x3FF."),
    "index-shift": (
        "KV-19",
        "The directory index is bits 31:22 of the address, and an entry has 4 bytes.",
    ),
    "flags-in-address": (
        "KV-19",
        "An entry holds address and flags: take & 0xFFFFF000 before you follow it.",
    ),
    "frame-address": ("KV-19", "The entry holds the physical frame, not the page's own address."),
    "root-address": (
        "KV-19",
        "The root is the physical address of the directory, a multiple of 4096.",
    ),
    "table-per-4-mib": (
        "KV-19",
        "One table covers 4 MiB: every further 4 MiB needs a table of its own.",
    ),
    "layout-requests": (
        "KV-21",
        "Every request of the layout has to be mapped, the small ones too.",
    ),
    "range-end": ("KV-19", "A range ends before its end: the page at `end` is not part of it."),
    "stray-mapping": ("KV-19", "Nothing may be mapped that nobody asked for."),
    "large-pages": (
        "KV-19",
        "Bit 7 makes a 4 MiB page only where CR4.PSE is set, and all 4 MiB must fit.",
    ),
    "flags-argument": (
        "KV-19",
        "The entry gets the flags that were asked for, no more and no fewer.",
    ),
    "rights-levels": (
        "KV-19",
        "A right holds only if the directory entry and the table entry both give it.",
    ),
    "user-bit": ("KV-26", "Kernel pages are for the supervisor: no U/S where nobody asked for it."),
    # the identity map
    "identity-missing": (
        "KV-20",
        "The kernel's own memory has to be mapped one to one before PG is set.",
    ),
    "table-reach": (
        "KV-25",
        "With paging on a table is reached through phys_to_virt, at a mapped address.",
    ),
    # control registers
    "cr3-before-pg": (
        "KV-22",
        "First CR3, then CR0.PG: with PG set the very next fetch needs the tables.",
    ),
    "cr3-value": (
        "KV-22",
        "CR3 takes the physical address of the directory that init_paging returned.",
    ),
    "pg-missing": ("KV-22", "Paging is on when bit 31 of CR0 is set."),
    "cr0-bits": ("KV-22", "Set PG beside the bits that are there: cr0 = cr0 | PG."),
    "cr4-bits": ("KV-22", "CR4 belongs to the firmware here: read it, do not write it."),
    "control-in-init": (
        "KV-22",
        "init_paging builds tables; only enable_paging writes control registers.",
    ),
    # the interface
    "map-over": (
        "KV-19",
        "A page that is mapped already is refused with MapError, and stays as it was.",
    ),
    "map-refused": ("KV-19", "A page that is free has to be mapped."),
    "unmap-result": ("KV-19", "unmap_page returns the frame: the entry without its flag bits."),
    "unmap-entry": ("KV-19", "unmap_page clears the entry's present bit."),
    "unmap-missing": ("KV-19", "unmap_page refuses a page that is not mapped with UnmapError."),
    "unmap-frees-frame": (
        "KV-25",
        "unmap_page hands the frame to its caller; freeing it is the caller's work.",
    ),
    "unmap-neighbours": ("KV-19", "Unmapping one page leaves all others as they are."),
    "translate-offset": (
        "KV-19",
        "The lowest 12 bits of the address are the offset in the page: add them.",
    ),
    "translate-flags": ("KV-19", "translate reports the rights of both levels together."),
    "translate-size": (
        "KV-19",
        "translate reports the size of the page that was found: 4096, or 4 MiB.",
    ),
    "translate-missing": (
        "KV-19",
        "translate raises NotMapped where an entry on the way is not present.",
    ),
    "translate-address": (
        "KV-19",
        "translate gives the physical address that the processor would use.",
    ),
    "wrong-error": (
        "KV-19",
        "Use the error class of the contract: MapError, UnmapError, NotMapped.",
    ),
    "protect-page": ("KV-19", "protect_page changes the flags and keeps the frame."),
    "root-argument": ("KV-19", "The tables to work on are those of the argument root, not of CR3."),
    "new-table": ("KV-25", "A page whose directory entry is empty gets a new table first."),
    "out-of-frames": (
        "KV-25",
        "pmm_alloc_frame returns None when memory is used up: raise MapError then.",
    ),
    # the TLB
    "invlpg-unmap": (
        "KV-26",
        "Behind a cleared entry comes INVLPG of that page: the TLB remembers it.",
    ),
    "invlpg-protect": (
        "KV-26",
        "Behind changed rights comes INVLPG of that page: the TLB remembers them.",
    ),
    "invlpg-order": (
        "KV-26",
        "First write the entry, then INVLPG: the other way round it is filled again.",
    ),
    # table frames
    "not-zeroed": (
        "KV-25",
        "A frame holds what was there before: zero it before it becomes a table.",
    ),
    "zero-after-link": (
        "KV-25",
        "Zero the new table first, and link it into the directory afterwards.",
    ),
    "table-owned": ("KV-25", "A table's frame comes from pmm_alloc_frame and stays allocated."),
    "table-leak": (
        "KV-25",
        "What a failed or repeated call allocated has to be used again or given back.",
    ),
    # page faults
    "fault-address": ("KV-24", "Report the faulting address, fault.address, in hexadecimal."),
    "fault-present": (
        "KV-24",
        "Bit 0 of the error code: 0 is not present, 1 is a protection violation.",
    ),
    "fault-write": ("KV-24", "Bit 1 of the error code: 0 is a read, 1 is a write."),
    "fault-user": ("KV-24", "Bit 2 of the error code: 0 is the supervisor, 1 is user mode."),
    "fault-fetch": ("KV-24", "Bit 4 of the error code: the access was an instruction fetch."),
    "fault-reserved": ("KV-24", "Bit 3 of the error code: a reserved bit is set in a table."),
    "fault-bits-swapped": (
        "KV-24",
        "The bits of the error code: 0 P, 1 W/R, 2 U/S, 3 RSVD, 4 I/D.",
    ),
    "fault-report": ("KV-24", "The handler has to report each fault on the screen."),
    "fault-retry": ("KV-24", "RETRY means that the cause is mended; else return None or PANIC."),
    "fault-crash": ("KV-24", "A fault handler must not fail itself."),
    # the user's side
    "user-access": ("KV-26", "A page of the kernel must not be reached from CPL 3."),
    "user-page": (
        "KV-26",
        "A page mapped with U/S has it at both levels: a program must reach it.",
    ),
    "table-exposed": ("KV-26", "No table may be writable from CPL 3."),
}
"""Concept → the requirement that is not met, and a hint in one sentence."""
