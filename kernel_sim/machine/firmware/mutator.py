"""Takes a firmware map and damages it in ways that real firmware does; each way has a name.

``shuffle``, ``split``, ``zero_length``, ``duplicate``, ``wrap_around`` and ``switched_off`` leave
available memory as it is; ``overlap``, ``byte_granularity`` and ``unknown_types`` take some away.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Final

from kernel_sim.addr import ONE_MIB, PAGE_SIZE
from kernel_sim.errors import InputError
from kernel_sim.machine.spec import TYPE_AVAILABLE, FirmwareEntry, MachineSpec

Entries = list[FirmwareEntry]
Mutation = Callable[[Entries, Random], Entries]

UNKNOWN_TYPES: Final = (6, 12, 20, 0xEFFF_FFFF, 0xFFFF_FFFF)
_RESTRICTED: Final = (2, 3, 4, 5)
_TOP_PAGE: Final = (1 << 64) - PAGE_SIZE


def shuffle(entries: Entries, rng: Random) -> Entries:
    """In any order."""
    return rng.sample(entries, len(entries))


def split(entries: Entries, rng: Random) -> Entries:
    """One entry as two adjacent ones, cut at any byte."""
    index = rng.randrange(len(entries))
    entry = entries[index]
    if entry.length < 2:
        return entries
    cut = rng.randrange(1, entry.length)
    halves = [
        replace(entry, length=cut),
        replace(entry, base=(entry.base + cut) % (1 << 64), length=entry.length - cut),
    ]
    return [*entries[:index], *halves, *entries[index + 1 :]]


def overlap(entries: Entries, rng: Random) -> Entries:
    """A restricted entry over a part of an available one."""
    return _cover(entries, rng, rng.choice(_RESTRICTED))


def unknown_types(entries: Entries, rng: Random) -> Entries:
    """An entry of a type that its specification did not know, over available memory."""
    return _cover(entries, rng, rng.choice(UNKNOWN_TYPES))


def zero_length(entries: Entries, rng: Random) -> Entries:
    """An entry without a byte."""
    base = rng.choice(entries).base + rng.randrange(PAGE_SIZE)
    return _inserted(entries, rng, FirmwareEntry(base % (1 << 64), 0, rng.choice((1, 2))))


def duplicate(entries: Entries, rng: Random) -> Entries:
    """One entry twice."""
    return _inserted(entries, rng, rng.choice(entries))


def byte_granularity(entries: Entries, rng: Random) -> Entries:
    """An available entry above 1 MiB that neither starts nor ends at a page boundary."""
    return [
        replace(
            entry,
            base=entry.base + (start := rng.randrange(1, PAGE_SIZE)),
            length=entry.length - start - rng.randrange(1, PAGE_SIZE),
        )
        if entry.type == TYPE_AVAILABLE and entry.base >= ONE_MIB and entry.length > 4 * PAGE_SIZE
        else entry
        for entry in entries
    ]


def wrap_around(entries: Entries, rng: Random) -> Entries:
    """A reserved entry whose end lies beyond 2^64."""
    length = PAGE_SIZE + rng.randrange(1, 16) * PAGE_SIZE
    return _inserted(entries, rng, FirmwareEntry(_TOP_PAGE, length, 2))


def switched_off(entries: Entries, rng: Random) -> Entries:
    """A reserved entry over available memory whose attributes say that it does not count."""
    return _cover(entries, rng, 2, attributes=0)


MUTATIONS: Final[dict[str, Mutation]] = {
    mutation.__name__: mutation
    for mutation in (
        shuffle,
        split,
        overlap,
        zero_length,
        duplicate,
        byte_granularity,
        wrap_around,
        unknown_types,
        switched_off,
    )
}


def mutate(spec: MachineSpec, rng: Random, kinds: Iterable[str]) -> MachineSpec:
    """``spec`` with the mutations ``kinds`` applied in order; its name lists them.

    Raises:
        InputError: there is no mutation of such a name.
    """
    entries = list(spec.entries)
    name = spec.name
    for kind in kinds:
        if kind not in MUTATIONS:
            expected = ", ".join(MUTATIONS)
            raise InputError(f"no mutation is called {kind!r}", where="kinds", expected=expected)
        entries = MUTATIONS[kind](entries, rng)
        name = f"{name}+{kind}"
    return replace(spec, name=name, entries=tuple(entries), firmware="raw", descriptors=())


def _inserted(entries: Entries, rng: Random, entry: FirmwareEntry) -> Entries:
    index = rng.randrange(len(entries) + 1)
    return [*entries[:index], entry, *entries[index:]]


def _cover(entries: Entries, rng: Random, kind: int, *, attributes: int = 1) -> Entries:
    """Add an entry over at most an eighth of an available one above 1 MiB, where there is one."""
    targets = [
        entry
        for entry in entries
        if entry.type == TYPE_AVAILABLE and entry.base >= ONE_MIB and entry.length >= 8
    ]
    if not targets:
        return entries
    target = rng.choice(targets)
    length = rng.randrange(1, target.length // 8 + 1)
    base = target.base + rng.randrange(target.length - length)
    return _inserted(entries, rng, FirmwareEntry(base, length, kind, attributes))
