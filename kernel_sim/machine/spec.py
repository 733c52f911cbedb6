"""The description of a machine: plain data from which everything else is built."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import HUGE_PAGE_SIZE, PAGE_SIZE, U64_LIMIT
from kernel_sim.errors import InputError
from kernel_sim.machine.numa import NumaNode, check_nodes

PHYSICAL_BITS: Final = 52
"""MAXPHYADDR of the machine: the widest that the architecture allows."""
PHYSICAL_END: Final = 1 << PHYSICAL_BITS
MAX_AVAILABLE: Final = 1 << 45
"""Bytes that one entry may call available: more does not fit a process."""
MAX_ENTRIES: Final = 0x1_0000
"""The count at 0x2004 is a u16."""
ENTRY_SIZES: Final = (20, 24)
FIRMWARE_KINDS: Final = ("e820", "raw", "efi", "uefi", "bootinfo")
LONG_MODE_FIRMWARE: Final = ("uefi", "bootinfo")
"""These hand over in long mode, with page tables of the firmware's own."""
DEFAULT_PHYSICAL_MEMORY_OFFSET: Final = 0xFFFF_8000_0000_0000
DESCRIPTOR_SIZES: Final = (40, 48, 56)
"""Strides of a UEFI memory map; a kernel reads the stride, it does not assume one (TH-U1)."""
ENTRY_POINTS: Final = ("high", "low")
MAX_CPUS: Final = 4
_IMAGE_SLOT: Final = 0xFFFF_FF80_0000_0000
"""Kernel image and boot stack are mapped above: no direct map may reach here."""
_FIRST_SLOT_END: Final = 1 << 39

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
        firmware: ``'e820'`` (as Linux prints it), ``'raw'`` (the firmware's own) or ``'efi'``: all
            three hand over in protected mode with an e820 table. ``'uefi'`` (a `Handoff` block) and
            ``'bootinfo'`` (the ``bootloader`` crate's) hand over in long mode.
        entries: the e820 entries in the order in which they are written to RAM.
        entry_size: bytes per entry: 24, or 20 without the attribute word.
        pse: whether the firmware hands over with CR4.PSE set, so that 4 MiB pages are to be used.
        descriptors: UEFI descriptors that ``entries`` were converted from; a ``'uefi'`` machine has
            to have them, and a ``'bootinfo'`` machine that has them was started by UEFI.
        title: one line for people.
        source: where the map was published.
        physical_memory_offset: ``'bootinfo'``: where all physical memory is mapped; a canonical
            multiple of 1 GiB that is not in the first 512 GiB and ends below 0xFFFFFF8000000000.
        descriptor_size: ``'uefi'``: bytes from one descriptor to the next, 40, 48 or 56.
        entry_point: ``'bootinfo'``: ``'high'``: the kernel runs where it is linked, in the higher
            half; ``'low'``: it runs in an identity map of low memory, and nothing maps it high yet.
        cpu_count: processors, 1 to 4.
        nodes: NUMA nodes; empty if memory is uniform.

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
    physical_memory_offset: int = DEFAULT_PHYSICAL_MEMORY_OFFSET
    descriptor_size: int = 48
    entry_point: str = "high"
    cpu_count: int = 1
    nodes: tuple[NumaNode, ...] = ()

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
        self._check_choice("descriptor_size", DESCRIPTOR_SIZES)
        self._check_choice("entry_point", ENTRY_POINTS)
        self._check_choice("cpu_count", range(1, MAX_CPUS + 1))
        _check_offset(self.physical_memory_offset, f"machine {self.name}.physical_memory_offset")
        check_nodes(self.nodes, self.cpu_count, f"machine {self.name}")
        if self.firmware == "uefi" or (self.firmware == "bootinfo" and self.descriptors):
            _check_descriptors(self.descriptors, f"machine {self.name}")

    def _check_choice(self, field: str, choices: Sequence[object]) -> None:
        value = getattr(self, field)
        if isinstance(value, bool) or value not in choices:
            raise InputError(
                f"{value!r} is no {field}",
                where=f"machine {self.name}.{field}",
                expected=", ".join(map(str, choices)),
            )

    @property
    def long_mode(self) -> bool:
        """Whether the firmware hands over in long mode."""
        return self.firmware in LONG_MODE_FIRMWARE

    def bootable(self, profile: str = "kernel-v") -> str | None:
        """None if the kernel called ``profile`` can boot here, else the reason why it cannot.

        Raises:
            InputError: no kernel has that name.
        """
        from kernel_sim.machine.firmware.bootable import why_not  # noqa: PLC0415 - upward

        return why_not(self, profile)


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


def _check_offset(offset: object, where: str) -> None:
    """Refuse an offset where the firmware can't map physical memory."""
    _check_number(offset, U64_LIMIT, *where.rsplit(".", 1))
    if not isinstance(offset, int):
        return
    lower = _FIRST_SLOT_END <= offset < 1 << 47
    upper = DEFAULT_PHYSICAL_MEMORY_OFFSET <= offset < _IMAGE_SLOT
    if not (lower or upper) or offset % HUGE_PAGE_SIZE:
        raise InputError(
            f"no place for the direct map: {offset:#x}",
            where=where,
            expected="a canonical multiple of 1 GiB outside the first and the last 512 GiB",
        )


def _check_descriptors(descriptors: tuple[FirmwareEntry, ...], where: str) -> None:
    """Refuse a UEFI map that is empty or not in whole pages."""
    if not descriptors:
        raise InputError("UEFI firmware without descriptors", where=f"{where}.descriptors")
    for index, item in enumerate(descriptors):
        place = f"{where}: descriptors[{index}]"
        check_entry(item, where=place)
        if item.base % PAGE_SIZE or item.length % PAGE_SIZE:
            raise InputError(
                f"{item.base:#x} with {item.length:#x} bytes", where=place, expected="whole pages"
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
