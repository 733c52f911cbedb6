"""Page-table flag bits and the page-fault error code, at the bit positions of the processor.

::

    page-table entry                                   page-fault error code
     63  52..62 51 ........ 12 11..9  8 7 6 5 4 3 2 1 0     4   3   2   1   0
     NX  avail   frame address  avail G S D A C T U W P     I   R   U   W   P

References: Intel SDM vol. 3A, 4.3 to 4.7 (entries and error code); names of the ``x86_64`` crate.
"""

from enum import IntFlag


class PageTableFlags(IntFlag):
    """Flags of a page-table entry at their real bit positions."""

    PRESENT = 1 << 0
    WRITABLE = 1 << 1
    USER_ACCESSIBLE = 1 << 2
    WRITE_THROUGH = 1 << 3
    NO_CACHE = 1 << 4
    ACCESSED = 1 << 5
    DIRTY = 1 << 6
    HUGE_PAGE = 1 << 7
    GLOBAL = 1 << 8
    BIT_9 = 1 << 9
    BIT_10 = 1 << 10
    BIT_11 = 1 << 11
    NO_EXECUTE = 1 << 63


class PageFaultErrorCode(IntFlag):
    """Bits of the error code that a page fault pushes (SDM vol. 3A, 4.7)."""

    PROTECTION_VIOLATION = 1 << 0
    """P: the page was present, its rights forbade the access."""
    CAUSED_BY_WRITE = 1 << 1
    """W/R."""
    USER_MODE = 1 << 2
    """U/S: the access came from CPL 3."""
    MALFORMED_TABLE = 1 << 3
    """RSVD: a reserved bit was set."""
    INSTRUCTION_FETCH = 1 << 4
    """I/D."""
