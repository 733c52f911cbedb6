"""The real machines' memory maps, and maps in files of the same form.

A file holds one map::

    {"id", "machine", "source", "kind", "entries": [{"base", "length", "type", "attribute"?}]}

Kind ``efi`` carries UEFI types; a boot loader converts them to e820 before kernel-v sees them.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.machine.spec import (
    FIRMWARE_KINDS,
    TYPE_ACPI_NVS,
    TYPE_ACPI_RECLAIMABLE,
    TYPE_AVAILABLE,
    TYPE_PERSISTENT,
    TYPE_RESERVED,
    TYPE_UNUSABLE,
    FirmwareEntry,
    MachineSpec,
    check_entry,
)

_EFI_TO_E820: Final = {
    7: TYPE_AVAILABLE,
    8: TYPE_UNUSABLE,
    9: TYPE_ACPI_RECLAIMABLE,
    10: TYPE_ACPI_NVS,
    14: TYPE_PERSISTENT,
}
_PSE_FROM_BYTES: Final = 64 << 20
"""A real machine with more memory hands over with CR4.PSE, to keep its identity map cheap."""
_MAX_FILE_BYTES: Final = 16 << 20


def e820_type(efi_type: int) -> int:
    """The e820 type that a UEFI type becomes; everything that is not listed is reserved."""
    return _EFI_TO_E820.get(efi_type, TYPE_RESERVED)


@cache
def real_maps() -> dict[str, MachineSpec]:
    """Name (``map-01``) → machine, for each packaged map in order of its number."""
    text = (files("kernel_sim") / "data" / "firmware_maps.json").read_text(encoding="utf-8")
    maps = [parse_map(item, where="firmware_maps.json") for item in json.loads(text)["maps"]]
    return {spec.name: spec for spec in sorted(maps, key=lambda spec: spec.name)}


def load_map(path: Path) -> MachineSpec:
    """The machine that a file describes.

    Raises:
        InputError: the file can't be read, is no JSON, or a field is wrong; names file and field.
    """
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError("too large for a memory map", where=str(path), expected="below 16 MiB")
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from error
    except UnicodeDecodeError as error:
        raise InputError("not a text file", where=str(path), expected="JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"{path}:{error.lineno}:{error.colno}"
        raise InputError(f"not JSON: {error.msg}", where=where) from error
    except RecursionError as error:
        raise InputError("nested too deeply", where=str(path)) from error
    return parse_map(document, where=str(path), name=path.stem)


def parse_map(document: object, *, where: str, name: str | None = None) -> MachineSpec:
    """The machine that the JSON value ``document`` describes.

    Raises:
        InputError: a field is missing, of the wrong type or out of range.
    """
    if not isinstance(document, Mapping):
        raise InputError("no memory map", where=where, expected="an object with 'entries'")
    kind = document.get("kind", "e820")
    if kind not in FIRMWARE_KINDS:
        expected = ", ".join(FIRMWARE_KINDS)
        raise InputError(f"unknown kind {kind!r}", where=f"{where}: kind", expected=expected)
    if name is None:
        name = f"map-{document.get('id', 0):02}"
    listed = document.get("entries")
    if not isinstance(listed, list) or not listed:
        raise InputError("no entries", where=f"{where}: entries", expected="a list, not empty")
    given = tuple(
        _parse_entry(item, f"{where}: entries[{index}]") for index, item in enumerate(listed)
    )
    entries = given if kind != "efi" else tuple(map(_converted, given))
    described = sum(e.length for e in entries if e.type == TYPE_AVAILABLE)
    ram_bytes = document.get("ram_bytes", min(described, 1 << 52))
    _check_amount(ram_bytes, entries, where)
    return MachineSpec(
        name=name,
        ram_bytes=ram_bytes,
        firmware=kind,
        entries=entries,
        entry_size=_field(document, "entry_size", 24, where),
        pse=bool(document.get("pse", described > _PSE_FROM_BYTES)),
        descriptors=given if kind == "efi" else (),
        title=str(document.get("machine", "")),
        source=str(document.get("source", "")),
    )


def _field(document: Mapping[str, object], key: str, default: int, where: str) -> int:
    value = document.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool):
        raise InputError(f"{value!r} is no integer", where=f"{where}: {key}")
    return value


def _parse_entry(item: object, where: str) -> FirmwareEntry:
    if not isinstance(item, Mapping):
        raise InputError("no entry", where=where, expected="an object with base, length and type")
    for key in ("base", "length", "type"):
        if key not in item:
            raise InputError("missing", where=f"{where}.{key}", expected="a whole number")
    attributes = item.get("attributes", item.get("attribute", 1))
    entry = FirmwareEntry(item["base"], item["length"], item["type"], attributes)
    check_entry(entry, where)
    return entry


def _converted(entry: FirmwareEntry) -> FirmwareEntry:
    return FirmwareEntry(entry.base, entry.length, e820_type(entry.type))


def _check_amount(ram_bytes: object, entries: tuple[FirmwareEntry, ...], where: str) -> None:
    """Refuse a ``ram_bytes`` that contradicts what a single entry calls available."""
    if not isinstance(ram_bytes, int) or isinstance(ram_bytes, bool):
        raise InputError(f"{ram_bytes!r} is no integer", where=f"{where}: ram_bytes")
    for index, entry in enumerate(entries):
        if entry.type == TYPE_AVAILABLE and entry.length > max(ram_bytes, 0):
            raise InputError(
                f"{entry.length:#x} bytes are available, but the machine has {ram_bytes:#x}",
                where=f"{where}: entries[{index}].length",
                expected="no more than ram_bytes",
            )
