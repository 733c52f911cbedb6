"""The machines with a name whose firmware hands over in long mode."""

from collections.abc import Iterator
from typing import Final

from kernel_sim.machine.firmware.conversion import as_e820
from kernel_sim.machine.firmware.uefi import CACHED, UefiAttribute, UefiType
from kernel_sim.machine.numa import NumaNode
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec
from kernel_sim.values import AddrRange

_MIB: Final = 1 << 20
_RUNTIME: Final = int(CACHED | UefiAttribute.RUNTIME)


def _uefi(start: int, end: int, kind: UefiType, attributes: int = int(CACHED)) -> FirmwareEntry:
    return FirmwareEntry(start, end - start, kind, attributes)


_OVMF: Final = (
    _uefi(0x0, 0x1000, UefiType.BOOT_SERVICES_CODE),
    _uefi(0x1000, 0xA_0000, UefiType.CONVENTIONAL),
    _uefi(0x10_0000, 0x80_0000, UefiType.CONVENTIONAL),
    _uefi(0x80_0000, 0x80_8000, UefiType.ACPI_NVS),
    _uefi(0x80_8000, 0x80_B000, UefiType.CONVENTIONAL),
    _uefi(0x80_B000, 0x80_C000, UefiType.ACPI_NVS),
    _uefi(0x80_C000, 0x81_0000, UefiType.CONVENTIONAL),
    _uefi(0x81_0000, 0x90_0000, UefiType.ACPI_NVS),
    _uefi(0x90_0000, 0x150_0000, UefiType.BOOT_SERVICES_DATA),
    _uefi(0x150_0000, 0xE00_0000, UefiType.CONVENTIONAL),
    _uefi(0xE00_0000, 0xE40_0000, UefiType.BOOT_SERVICES_CODE),
    _uefi(0xE40_0000, 0xF10_0000, UefiType.CONVENTIONAL),
    _uefi(0xF10_0000, 0xF20_0000, UefiType.RUNTIME_SERVICES_DATA, _RUNTIME),
    _uefi(0xF20_0000, 0xF28_0000, UefiType.RUNTIME_SERVICES_CODE, _RUNTIME),
    _uefi(0xF28_0000, 0xF29_0000, UefiType.RESERVED),
    _uefi(0xF29_0000, 0xF2A_0000, UefiType.ACPI_RECLAIM),
    _uefi(0xF2A_0000, 0xF32_0000, UefiType.ACPI_NVS),
    _uefi(0xF32_0000, 0xFF8_0000, UefiType.BOOT_SERVICES_DATA),
    _uefi(0xFF8_0000, 0x1000_0000, UefiType.CONVENTIONAL),
    _uefi(0xFFC0_0000, 0x1_0000_0000, UefiType.MMIO, int(UefiAttribute.UC | UefiAttribute.RUNTIME)),
)
"""256 MiB as OVMF describes them: nothing about 0xA0000 to 0x100000, islands of ACPI NVS. What the
loader takes (kernel, 1 MiB of heap) is cut out of conventional memory at hand-over."""

_BIOS_512: Final = (
    FirmwareEntry(0x0, 0x9_FC00, 1),
    FirmwareEntry(0x9_FC00, 0x400, 2),
    FirmwareEntry(0xF_0000, 0x1_0000, 2),
    FirmwareEntry(0x10_0000, 0xEF0_0000, 1),
    FirmwareEntry(0xF00_0000, 0x10_0800, 2),
    FirmwareEntry(0xF10_0800, 0x10EC_F800, 1),
    FirmwareEntry(0x1FFD_0000, 0x1_0000, 3),
    FirmwareEntry(0x1FFE_0000, 0x2_0000, 2),
    FirmwareEntry(0xFEFF_C000, 0x4000, 2),
    FirmwareEntry(0xFFFC_0000, 0x4_0000, 2),
)
"""512 MiB: usable regions that start at 0 and at 0xF100800, and one that ends at 0x9FC00."""

_SHUFFLED_ORDER: Final = (5, 9, 1, 3, 7, 0, 6, 2, 8, 4)


def long_mode_presets() -> Iterator[MachineSpec]:
    """Each of them once."""
    yield MachineSpec(
        "ovmf256",
        256 * _MIB,
        "uefi",
        as_e820(_OVMF),
        descriptors=_OVMF,
        title="QEMU PC with UEFI and 256 MiB",
    )
    yield MachineSpec(
        "boot512", 512 * _MIB, "bootinfo", _BIOS_512, title="512 MiB, started by a boot loader"
    )
    yield MachineSpec(
        "boot512-shuffled",
        512 * _MIB,
        "bootinfo",
        tuple(_BIOS_512[index] for index in _SHUFFLED_ORDER),
        title="the same, its map in no order",
    )
    yield _numa2()


def _numa2() -> MachineSpec:
    """Two nodes of 128 MiB, with a processor each; the second one's memory is split by a hole."""
    node_1 = (AddrRange(0x800_0000, 0xC00_0000), AddrRange(0x1_0000_0000, 0x1_0400_0000))
    entries = (
        FirmwareEntry(0x0, 0x9_FC00, 1),
        FirmwareEntry(0x9_FC00, 0x400, 2),
        FirmwareEntry(0xF_0000, 0x1_0000, 2),
        FirmwareEntry(0x10_0000, 0x7F0_0000, 1),
        *(FirmwareEntry(item.start, item.length, 1) for item in node_1),
        FirmwareEntry(0xFFFC_0000, 0x4_0000, 2),
    )
    return MachineSpec(
        "numa2",
        256 * _MIB,
        "bootinfo",
        entries,
        title="two NUMA nodes of 128 MiB, two processors",
        cpu_count=2,
        nodes=(
            NumaNode((AddrRange(0, 0xA_0000), AddrRange(0x10_0000, 0x800_0000)), (0,), (10, 20)),
            NumaNode(node_1, (1,), (20, 10)),
        ),
    )
