"""Address spaces in words, and what `translate` has to say."""

from typing import Final

from kernel_sim.checks.operations_run import Breach
from kernel_sim.checks.paging_model import USER, WRITABLE
from kernel_sim.inspection import MappedRange
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import Translation

LETTERS: Final = (
    (WRITABLE, "W"),
    (USER, "U"),
    (PageTableFlags.WRITE_THROUGH, "T"),
    (PageTableFlags.NO_CACHE, "C"),
)
"""Flag → its letter: writable, user, write-through, not cached."""
BOTH_LEVELS: Final = WRITABLE | USER


def flags_text(flags: int) -> str:
    """The judged flags as letters; ``-`` for a page that is just present."""
    return "".join(letter for flag, letter in LETTERS if flags & flag) or "-"


def range_text(item: MappedRange | None) -> str:
    """Where a range leads, and with which flags."""
    if item is None:
        return "not mapped"
    return f"frame {item.physical:#010x}, flags {flags_text(int(item.flags))}"


def translation_breach(
    address: int, there: MappedRange | None, found: Translation, size: int
) -> Breach | None:
    """What is wrong with the answer for ``address``.

    Args:
        address: what was asked.
        there: the range that holds it, None if it is not mapped.
        found: the answer.
        size: bytes of the page in the tables.
    """
    if there is None:
        problem = f"translate({address:#x}) found {found.physical:#x}, but nothing is mapped there"
        return _breach("translate-missing", problem, "NotMapped", hex(found.physical))
    expected = there.physical + address - there.start
    if found.physical != expected:
        lost = found.physical == expected & ~0xFFF
        flags = found.physical & ~0xFFF == expected & ~0xFFF and not lost
        concept = "translate-offset" if lost or flags else "translate-address"
        problem = f"translate({address:#x}) gave {found.physical:#x}"
        return _breach(concept, problem, hex(expected), hex(found.physical))
    if (found.flags ^ there.flags) & BOTH_LEVELS:
        problem = f"translate({address:#x}) gave the flags {flags_text(int(found.flags))}"
        wanted = flags_text(int(there.flags))
        return _breach("translate-flags", problem, wanted, flags_text(int(found.flags)))
    if found.size != size:
        problem = f"translate({address:#x}) gave a page of {found.size:#x} bytes"
        return _breach("translate-size", problem, hex(size), hex(found.size))
    return None


def _breach(concept: str, problem: str, expected: str, got: str) -> Breach:
    return Breach(concept, "KV-19", problem, concept=concept, expected=expected, got=got)
