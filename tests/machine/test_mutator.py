from random import Random

import pytest

from kernel_sim.errors import InputError
from kernel_sim.machine import MUTATIONS, available_ranges, machine_spec, mutate, random_spec

HARMLESS = ["shuffle", "split", "zero_length", "duplicate", "wrap_around", "switched_off"]
TAKING = ["overlap", "byte_granularity", "unknown_types"]


def size(spec):
    return sum(item.length for item in available_ranges(spec))


@pytest.mark.parametrize("kind", HARMLESS)
def test_harmless_mutations_change_the_table_but_not_what_is_available(kind):
    spec = machine_spec("pc128")
    changed = 0
    for seed in range(30):
        mutated = mutate(spec, Random(seed), [kind])
        assert available_ranges(mutated) == available_ranges(spec)
        changed += mutated.entries != spec.entries
    assert changed >= 25
    assert mutated.name == f"pc128+{kind}"


@pytest.mark.parametrize("kind", TAKING)
def test_the_other_mutations_only_take_available_memory_away(kind):
    spec = machine_spec("pc128")
    for seed in range(30):
        mutated = mutate(spec, Random(seed), [kind])
        assert 0 < size(mutated) < size(spec)


def test_every_mutation_is_in_one_of_the_two_groups():
    assert sorted(MUTATIONS) == sorted(HARMLESS + TAKING)


def test_mutations_are_deterministic_and_named_in_order():
    spec = machine_spec("pc-nasty")
    first, second = (mutate(spec, Random(4), ["split", "shuffle"]) for _ in range(2))
    assert first == second
    assert first.name == "pc-nasty+split+shuffle"


def test_an_unknown_mutation_is_refused():
    with pytest.raises(InputError, match=r"'melt'; expected shuffle, split"):
        mutate(machine_spec("pc4"), Random(0), ["melt"])


def test_random_machines_boot_and_have_8_to_20_entries():
    specs = [random_spec(seed) for seed in range(200)]
    assert all(8 <= len(spec.entries) <= 20 for spec in specs)
    assert all(spec.bootable() is None for spec in specs)
    assert len({spec.entries for spec in specs}) == 200
    assert random_spec(17) == specs[17]


def test_random_machines_show_every_difficulty():
    specs = [random_spec(seed) for seed in range(200)]
    entries = [entry for spec in specs for entry in spec.entries]
    assert any(entry.base % 4096 for entry in entries)
    assert any(entry.length == 0 for entry in entries)
    assert any(entry.base + entry.length > 1 << 64 for entry in entries)
    assert any(entry.base >= 1 << 32 and entry.type == 1 for entry in entries)
    assert any(not entry.attributes & 1 for entry in entries)
    assert {spec.entry_size for spec in specs} == {20, 24}
    assert any(list(s.entries) != sorted(s.entries, key=lambda e: e.base) for s in specs)
