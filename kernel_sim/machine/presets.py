"""The machines that have a name: presets, the packaged real maps, and map files."""

import difflib
from functools import cache
from pathlib import Path
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.machine.firmware.conversion import with_firmware
from kernel_sim.machine.firmware.maps import load_map, real_maps
from kernel_sim.machine.long_mode_presets import long_mode_presets
from kernel_sim.machine.spec import LONG_MODE_FIRMWARE, FirmwareEntry, MachineSpec

_MIB: Final = 1 << 20


def _qemu_map(ram_bytes: int) -> tuple[FirmwareEntry, ...]:
    """The e820 map that QEMU's firmware reports for ``ram_bytes`` below 3 GiB (KV-U2)."""
    top = ram_bytes - 0x2_0000
    return (
        FirmwareEntry(0x0, 0x9_FC00, 1),
        FirmwareEntry(0x9_FC00, 0x400, 2),
        FirmwareEntry(0xF_0000, 0x1_0000, 2),
        FirmwareEntry(0x10_0000, top - 0x10_0000, 1),
        FirmwareEntry(top, 0x2_0000, 2),
        FirmwareEntry(0xFFFC_0000, 0x4_0000, 2),
    )


_NASTY: Final = (
    FirmwareEntry(0x200_0000, 0x5FE_0000, 1),
    FirmwareEntry(0x0, 0x9_FC00, 1),
    FirmwareEntry(0x9_F800, 0x800, 2),
    FirmwareEntry(0xF_0000, 0x1_0000, 2),
    FirmwareEntry(0x10_0000, 0x200_0000, 1),
    FirmwareEntry(0x30_0000, 0x1_2345, 2),
    FirmwareEntry(0x50_0000, 0, 1),
    FirmwareEntry(0x40_0800, 0x2_0000, 3),
    FirmwareEntry(0x42_0000, 0x1_0000, 4),
    FirmwareEntry(0x80_0000, 0x4000, 5),
    FirmwareEntry(0x90_0000, 0x1000, 12),
    FirmwareEntry(0xA0_0000, 0x1000, 0xFFFF_FFFF),
    FirmwareEntry(0xB0_0000, 0x10_0000, 2, attributes=0),
    FirmwareEntry(0x1_0000_0000, 0x400_0000, 1),
    FirmwareEntry(0x790_0000, 0x6_0000, 2),
    FirmwareEntry(0xFFFF_FFFF_FFFF_F000, 0x2000, 2),
)
"""Unsorted, overlapping, empty, byte-grained, ACPI 3, 4, 5 and unknown types, a switched-off entry,
a wrap-around, available memory above 4 GiB, and a hole at the end of the low memory."""


@cache
def presets() -> dict[str, MachineSpec]:
    """Name → machine."""
    specs = (
        MachineSpec(
            "pc4", 4 * _MIB, "e820", _qemu_map(4 * _MIB), title="PC with 4 MiB, for running out"
        ),
        MachineSpec(
            "pc128", 128 * _MIB, "e820", _qemu_map(128 * _MIB), title="QEMU PC with 128 MiB"
        ),
        MachineSpec(
            "pc-nasty", 192 * _MIB, "raw", _NASTY, pse=True, title="everything firmware gets wrong"
        ),
    )
    return {spec.name: spec for spec in (*specs, *long_mode_presets())}


def machine_names() -> list[str]:
    """All names that `machine_spec` knows: presets first, then the real maps."""
    return [*presets(), *real_maps()]


def machine_spec(name: str, firmware: str | None = None) -> MachineSpec:
    """The machine called ``name``: a preset, a real map (``map-01``), or a JSON file with one map.

    With ``firmware`` ``'uefi'`` or ``'bootinfo'``, or that behind a plus sign (``map-01+uefi``),
    the same memory under a firmware that hands over in long mode.

    Raises:
        InputError: there is no such machine, file or firmware, or the file is wrong.
    """
    base, plus, wanted = name.rpartition("+")
    if plus and wanted in LONG_MODE_FIRMWARE and firmware is None:
        name, firmware = base, wanted
    spec = _named(name)
    return with_firmware(spec, firmware) if firmware else spec


def _named(name: str) -> MachineSpec:
    known = presets().get(name) or real_maps().get(name)
    if known:
        return known
    path = Path(name)
    if path.suffix == ".json" or path.is_file():
        return load_map(path)
    near = difflib.get_close_matches(name, machine_names(), n=1, cutoff=0.4)
    hint = f"for instance {near[0]}" if near else f"one of {', '.join(presets())}, map-01 …"
    raise InputError(f"no machine is called {name!r}", where="machine", expected=hint)
