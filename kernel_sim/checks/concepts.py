"""The names of what a failed check is about, and the hint that goes with each."""

from typing import Final, NamedTuple

from kernel_sim.checks.frame_concepts import FRAME_CONCEPTS
from kernel_sim.checks.guard_concepts import GUARD_CONCEPTS
from kernel_sim.checks.heap_concepts import HEAP_CONCEPTS
from kernel_sim.checks.paging_concepts import PAGING_CONCEPTS


class Concept(NamedTuple):
    """The requirement that is not met, and a hint in one sentence.

    ``requirement`` is empty where any may be concerned: then it is that of the check.
    """

    requirement: str
    hint: str


CASELESS: Final = frozenset({"not-written", "missing-hook", "load"})
"""What is wrong before any case is tried: the hook is not there, or not written."""

CONCEPTS: Final[dict[str, Concept]] = {
    # reading the table
    "stride": Concept("KV-2", "Entry i begins i * boot_info.entry_size bytes after the table."),
    "truncation-32-bit": Concept(
        "KV-6", "Base and length are 64-bit numbers: read them with 8 bytes each."
    ),
    "above-4g": Concept("KV-6", "Memory above 4 GiB belongs into the table like any other."),
    "endianness": Concept(
        "KV-2", "cpu.load puts the bytes of a little-endian number in order for you."
    ),
    "word-order": Concept("KV-2", "Of a 64-bit number the low half stands first."),
    "field-order": Concept(
        "KV-2", "An entry is base (8 bytes), length (8), type (4), attributes (4)."
    ),
    "attribute-word": Concept(
        "KV-2", "The type stands at offset 16 of an entry, the attributes at 20."
    ),
    "type-width": Concept("KV-2", "The type is a 32-bit number; all of it counts."),
    "off-by-one": Concept("KV-2", "There are boot_info.count entries, the first at offset 0."),
    "count-width": Concept(
        "KV-1", "boot_info.count is the number of entries; it can be more than 255."
    ),
    "capacity": Concept("KV-8", "If a table has limited room, drop what is available first."),
    "acpi3-ignore": Concept(
        "KV-2", "Entries of 24 bytes count only if bit 0 of their attributes is set."
    ),
    "acpi3-mask": Concept("KV-2", "Test bit 0 of the attributes alone: attributes & 1."),
    "acpi3-short-entry": Concept(
        "KV-2", "Entries of 20 bytes have no attributes, and all of them count."
    ),
    "stops-early": Concept("KV-2", "Read all boot_info.count entries, whatever is in one of them."),
    "available-only": Concept(
        "KV-2", "Every entry that counts yields a region, also the restricted ones."
    ),
    "hard-coded": Concept("KV-1", "Take the table's address, count and entry size from boot_info."),
    # classes
    "class-bad-ram": Concept("KV-4", "Type 5 is UNUSABLE."),
    "class-acpi": Concept("KV-4", "Type 3 is ACPI_RECLAIMABLE, type 4 is ACPI_NVS."),
    "class-unknown": Concept(
        "KV-4", "A type that you do not know must become RESERVED or UNUSABLE."
    ),
    "class-unknown-dropped": Concept(
        "KV-4", "A type that you do not know is still a region: RESERVED or UNUSABLE."
    ),
    "class-persistent": Concept(
        "KV-4", "Types 7 and 12 are PERSISTENT, or RESERVED; never AVAILABLE."
    ),
    "class-only-two": Concept("KV-4", "There are six kinds, not only AVAILABLE and RESERVED."),
    "class-reserved": Concept("KV-4", "Type 2 is RESERVED."),
    "kind-is-type": Concept(
        "KV-4", "RegionKind's numbers are an order of restriction, not firmware types."
    ),
    "classes": Concept("KV-4", "Compare your table of types with the one in the lab text."),
    # intervals
    "wrap-around": Concept(
        "KV-6", "An end beyond 2^64 is cut off there, or the entry is left out."
    ),
    "zero-length": Concept("KV-6", "An entry of length 0 covers nothing and gives no region."),
    "half-open": Concept("KV-2", "A region is [base, base + length): the end is not part of it."),
    "length-is-end": Concept("KV-2", "The end is base + length."),
    "page-rounding": Concept(
        "KV-2", "Keep the firmware's bytes; rounding to frames is the allocator's work."
    ),
    "order": Concept("KV-7", "Sort the regions by base: the firmware's order means nothing."),
    "overlap-unresolved": Concept(
        "KV-7", "Cut overlapping regions so that each byte is in one of them."
    ),
    "overlap-priority": Concept(
        "KV-7", "Where entries overlap, the most restrictive kind wins: max of the kinds."
    ),
    "overlap-nested": Concept(
        "KV-7", "One entry may lie inside another: the outer one goes on behind it."
    ),
    "overlap-dropped": Concept(
        "KV-7", "Of an overlapping entry, the part that does not overlap still counts."
    ),
    "overlap": Concept("KV-7", "Look at what covers each stretch between two neighbouring edges."),
    "merge-kinds": Concept("KV-7", "Join neighbours only where their kinds are equal."),
    "merge-gap": Concept("KV-7", "Join regions only where one ends exactly where the next begins."),
    "missing-memory": Concept("KV-2", "Every byte that an entry describes belongs into the table."),
    "invented-memory": Concept(
        "KV-2", "What no entry describes is a hole: leave it out, or call it Reserved."
    ),
    # the boot log
    "log-hex": Concept("KV-5", "Print base and length in hexadecimal: f'{number:#018x}'."),
    "log-width": Concept("KV-5", "Print all 64 bits of base and length."),
    "log-length": Concept("KV-5", "Print the length beside the base."),
    "log-base": Concept("KV-5", "Print the base beside the length."),
    "log-type": Concept(
        "KV-5", "Say in a word what the type is: Available, Reserved, ACPI, Unusable."
    ),
    "log-line": Concept("KV-5", "One region is one line."),
    "log-screen": Concept("KV-5", "Each region's line has to be on the screen after the boot."),
    # behaviour
    "state-across-boots": Concept(
        "KV-8", "What belongs to one boot goes into local variables or kernel.state."
    ),
    "wrong-type": Concept("", "Look at what the hook has to return."),
    "crash": Concept("", "A hook must not fail like this: look at the values it has here."),
    "refused": Concept("", "The hook has to cope with this table; it must not refuse it."),
    "loop": Concept("", "Does every loop come to its end?"),
    "not-written": Concept("", "Write it, run its cell, and check again."),
    "missing-hook": Concept(
        "", "A hook has @hookimpl above it, the hook's name, and the hook's parameters."
    ),
    "load": Concept("", "Restart the kernel, run all cells, and look at the first error."),
    "sys-exit": Concept("", "A kernel has nothing to exit to: raise an error or return."),
    "process-ended": Concept("", "The plugin ended the process it ran in."),
    "machine-stopped": Concept("", "The machine stopped while the hook ran."),
}
"""Name → concept."""
CONCEPTS.update((name, Concept(*known)) for name, known in FRAME_CONCEPTS.items())
CONCEPTS.update((name, Concept(*known)) for name, known in GUARD_CONCEPTS.items())
CONCEPTS.update((name, Concept(*known)) for name, known in HEAP_CONCEPTS.items())
CONCEPTS.update((name, Concept(*known)) for name, known in PAGING_CONCEPTS.items())
