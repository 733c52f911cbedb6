"""Random machines for checks: small, always bootable, and rich in what firmware maps do."""

from dataclasses import replace
from random import Random
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE
from kernel_sim.machine.firmware.bootable import why_no_hand_over
from kernel_sim.machine.firmware.conversion import with_firmware
from kernel_sim.machine.firmware.mutator import MUTATIONS, mutate
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec

MIN_REGIONS: Final = 8
MAX_REGIONS: Final = 20
LONG_MODE_PAGES: Final = 4096
"""Below this many pages a region of a random machine that starts in long mode has."""
_LOW_ENDS: Final = (0x9_F000, 0x9_F400, 0x9_F800, 0x9_FC00)
_KINDS: Final = (1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 7, 12, 0xFFFF_FFFF)
_FOUR_GIB: Final = 1 << 32


def random_spec(seed: int, firmware: str = "e820") -> MachineSpec:
    """The random machine number ``seed``: 8 to 20 entries, bootable; equal for equal seeds.

    Args:
        seed: its number.
        firmware: ``'e820'``; or ``'uefi'`` or ``'bootinfo'`` for a machine that starts in long
            mode: its regions are larger, its map is free of overlaps and in any order.

    Raises:
        InputError: there is no such firmware.
    """
    rng = Random(f"kernel_sim random machine {seed}")
    while True:
        if firmware == "e820":
            spec = _attempt(rng, f"random-{seed}")
        else:
            spec = with_firmware(_attempt(rng, f"random-{seed}", LONG_MODE_PAGES), firmware)
        count = len(spec.descriptors or spec.entries)
        if MIN_REGIONS <= count <= MAX_REGIONS and why_no_hand_over(spec) is None:
            return spec


def _attempt(rng: Random, name: str, largest_pages: int = 512) -> MachineSpec:
    entries = [*_low_memory(rng), *_high_memory(rng, rng.randrange(4, 14), largest_pages)]
    above = rng.random() < 0.3
    if above:
        entries.append(FirmwareEntry(_FOUR_GIB, rng.randrange(1, 1024) * PAGE_SIZE, 1))
    spec = MachineSpec(
        name=name,
        ram_bytes=sum(entry.length for entry in entries if entry.type == 1),
        firmware="raw",
        entries=tuple(entries),
        entry_size=rng.choice((20, 24, 24, 24)),
        pse=above or rng.random() < 0.5,
    )
    kinds = [kind for kind in MUTATIONS if rng.random() < 0.25]
    if spec.entry_size == 20 and "switched_off" in kinds:
        kinds.remove("switched_off")
    return replace(mutate(spec, rng, kinds), name=name, title=", ".join(["random", *kinds]))


def _low_memory(rng: Random) -> list[FirmwareEntry]:
    """The first MiB as PCs have it: memory, the BIOS's data area, its ROM."""
    end = rng.choice(_LOW_ENDS)
    rom = rng.choice((0xE_0000, 0xF_0000))
    return [
        FirmwareEntry(0, end, 1),
        FirmwareEntry(end, 0xA_0000 - end, 2),
        FirmwareEntry(rom, ONE_MIB - rom, 2),
    ]


def _high_memory(rng: Random, count: int, largest_pages: int) -> list[FirmwareEntry]:
    """``count`` regions from 1 MiB on, the first available; odd edges and holes among them."""
    base = ONE_MIB
    entries = []
    for index in range(count):
        length = rng.randrange(1, largest_pages) * PAGE_SIZE
        if rng.random() < 0.4:
            length += rng.randrange(PAGE_SIZE)
        kind = 1 if index == 0 else rng.choice(_KINDS)
        entries.append(FirmwareEntry(base, length, kind))
        base += length
        if rng.random() < 0.2:
            base += rng.randrange(1, 64 * PAGE_SIZE)
    return entries
