"""Random machines for checks: small, always bootable, and rich in what firmware maps do."""

from dataclasses import replace
from random import Random
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE
from kernel_sim.machine.firmware.mutator import MUTATIONS, mutate
from kernel_sim.machine.spec import FirmwareEntry, MachineSpec

MIN_REGIONS: Final = 8
MAX_REGIONS: Final = 20
_LOW_ENDS: Final = (0x9_F000, 0x9_F400, 0x9_F800, 0x9_FC00)
_KINDS: Final = (1, 1, 1, 1, 1, 2, 2, 3, 4, 5, 7, 12, 0xFFFF_FFFF)
_FOUR_GIB: Final = 1 << 32


def random_spec(seed: int) -> MachineSpec:
    """The random machine number ``seed``: 8 to 20 entries, bootable; equal for equal seeds."""
    rng = Random(f"kernel_sim random machine {seed}")
    while True:
        spec = _attempt(rng, f"random-{seed}")
        if MIN_REGIONS <= len(spec.entries) <= MAX_REGIONS and spec.bootable() is None:
            return spec


def _attempt(rng: Random, name: str) -> MachineSpec:
    entries = [*_low_memory(rng), *_high_memory(rng, rng.randrange(4, 14))]
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


def _high_memory(rng: Random, count: int) -> list[FirmwareEntry]:
    """``count`` regions from 1 MiB on, the first available; odd edges and holes among them."""
    base = ONE_MIB
    entries = []
    for index in range(count):
        length = rng.randrange(1, 512) * PAGE_SIZE
        if rng.random() < 0.4:
            length += rng.randrange(PAGE_SIZE)
        kind = 1 if index == 0 else rng.choice(_KINDS)
        entries.append(FirmwareEntry(base, length, kind))
        base += length
        if rng.random() < 0.2:
            base += rng.randrange(1, 64 * PAGE_SIZE)
    return entries
