"""The description of a machine: plain data from which everything else is built."""

from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import U64_LIMIT
from kernel_sim.errors import InputError

PHYSICAL_BITS: Final = 52
"""MAXPHYADDR of the machine: the widest that the architecture allows."""
PHYSICAL_END: Final = 1 << PHYSICAL_BITS
MAX_AVAILABLE: Final = 1 << 45
"""Bytes that one entry may call available: more does not fit a process."""
MAX_ENTRIES: Final = 0x1_0000
"""The count at 0x2004 is a u16."""
ENTRY_SIZES: Final = (20, 24)
FIRMWARE_KINDS: Final = ("e820", "raw", "efi")

TYPE_AVAILABLE: Final = 1
TYPE_RESERVED: Final = 2
TYPE_ACPI_RECLAIMABLE: Final = 3
TYPE_ACPI_NVS: Final = 4
TYPE_UNUSABLE: Final = 5
TYPE_PERSISTENT: Final = 7
ENABLED: Final = 1
"""Bit 0 of the ACPI-3 attributes; where it is clear the entry has to be ignored."""


@dataclass(frozen=True, slots=True)
class FirmwareEntry:
    """One entry of a firmware memory map, in the firmware's own numbers.

    ``attributes`` is the ACPI-3 attribute word of an e820 entry, or that of a UEFI descriptor.
    """

    base: int
    length: int
    type: int
    attributes: int = ENABLED

    @property
    def end(self) -> int:
        """One past the last byte, held at 2^64 where base and length wrap around."""
        return min(self.base + self.length, U64_LIMIT)


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """What a machine is made of.

    Args:
        name: short name, as the command line takes it.
        ram_bytes: installed memory in bytes; for people, the entries decide what is backed.
        firmware: ``'e820'`` (as Linux prints it), ``'raw'`` (the firmware's own) or ``'efi'``.
        entries: the e820 entries in the order in which they are written to RAM.
        entry_size: bytes per entry: 24, or 20 without the attribute word.
        pse: whether the firmware hands over with CR4.PSE set, so that 4 MiB pages are to be used.
        descriptors: of an ``'efi'`` machine, what ``entries`` were converted from.
        title: one line for people.
        source: where the map was published.

    Raises:
        InputError: a number is of the wrong type, negative, or beyond what the machine can hold.
    """

    name: str
    ram_bytes: int
    firmware: str
    entries: tuple[FirmwareEntry, ...]
    entry_size: int = 24
    pse: bool = False
    descriptors: tuple[FirmwareEntry, ...] = ()
    title: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        _check_number(self.ram_bytes, PHYSICAL_END + 1, f"machine {self.name}", "ram_bytes")
        if self.firmware not in FIRMWARE_KINDS:
            raise InputError(
                f"unknown kind of firmware {self.firmware!r}",
                where=f"machine {self.name}",
                expected=", ".join(FIRMWARE_KINDS),
            )
        if self.entry_size not in ENTRY_SIZES:
            raise InputError(
                f"entry size {self.entry_size!r}",
                where=f"machine {self.name}",
                expected="20 or 24 bytes",
            )
        if not 0 < len(self.entries) < MAX_ENTRIES:
            raise InputError(
                f"a map of {len(self.entries)} entries",
                where=f"machine {self.name}",
                expected=f"1 to {MAX_ENTRIES - 1}",
            )
        for index, entry in enumerate(self.entries):
            check_entry(entry, where=f"machine {self.name}: entries[{index}]")

    def bootable(self) -> str | None:
        """None if kernel-v can boot here, else the reason why it cannot."""
        from kernel_sim.machine.firmware.placement import why_not_bootable  # noqa: PLC0415 - upward

        return why_not_bootable(self)


def check_entry(entry: FirmwareEntry, where: str) -> None:
    """Refuse an entry whose fields do not fit the table.

    Raises:
        InputError: names ``where`` and the field.
    """
    _check_number(entry.base, U64_LIMIT, where, "base")
    _check_number(entry.length, U64_LIMIT, where, "length")
    _check_number(entry.type, 1 << 32, where, "type")
    _check_number(entry.attributes, U64_LIMIT, where, "attributes")
    if entry.type == TYPE_AVAILABLE and entry.length > MAX_AVAILABLE:
        raise InputError(
            f"{entry.length:#x} bytes of memory in one entry",
            where=f"{where}.length",
            expected=f"at most {MAX_AVAILABLE:#x}",
        )


def _check_number(value: object, limit: int, where: str, field: str) -> None:
    """Refuse what is not an integer in ``[0, limit)``."""
    place = f"{where}.{field}"
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{value!r} is no integer", where=place, expected="a whole number")
    if not 0 <= value < limit:
        raise InputError(
            f"{value:#x} is out of range", where=place, expected=f"0 to {limit - 1:#x}"
        )
