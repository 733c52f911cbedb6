"""A campaign: scene after scene on both engines, every result and all of memory compared."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Protocol

from kernel_sim.conformance.divergences import KnownDivergence
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.scene import Observation, Scene, random_scene

PROBES_PER_SCENE = 200


class Engine(Protocol):
    """Something that runs a scene."""

    def run(self, scene: Scene) -> tuple[list[Observation], bytes]:
        """What each probe met, and all of memory below the harness afterwards."""
        ...

    def excuse(self, machine: Observation, emulator: Observation) -> KnownDivergence | None:
        """The known divergence that explains this difference; None if there is none."""
        ...

    def comparable(self, memory: bytes, model: ModelEngine) -> bytes:
        """``memory`` with what is known to differ made equal."""
        ...


@dataclass(frozen=True, slots=True)
class Divergence:
    """One place where the machine and the emulator disagree; plain data."""

    scene: int
    what: str
    """The probe in words, or ``'memory'``."""
    address: int
    machine: dict[str, object]
    emulator: dict[str, object]


@dataclass(slots=True)
class Report:
    """What a campaign found in one mode."""

    mode: str
    accesses: int = 0
    faults: int = 0
    divergences: list[Divergence] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The fields of ``ksim conformance --json``."""
        return {
            "mode": self.mode,
            "accesses": self.accesses,
            "faults": self.faults,
            "divergences": [asdict(item) for item in self.divergences],
        }


def run(
    mode: str, accesses: int, seed: int, emulator: Engine, model: ModelEngine
) -> Iterator[Report]:
    """Run at least ``accesses`` random accesses; yields the growing report after each scene."""
    report = Report(mode)
    number = seed * 1_000_003
    while report.accesses < accesses:
        probes = min(PROBES_PER_SCENE, accesses - report.accesses)
        compare(random_scene(mode, number, probes), emulator, model, report)
        number += 1
        yield report


def compare(scene: Scene, emulator: Engine, model: ModelEngine, report: Report) -> None:
    """Run ``scene`` on both and add to ``report`` what differs."""
    expected, expected_memory = emulator.run(scene)
    got, memory = model.run(scene)
    report.accesses += len(scene.probes)
    for probe, machine, reference in zip(scene.probes, got, expected, strict=True):
        report.faults += reference.vector is not None
        if machine != reference and emulator.excuse(machine, reference) is None:
            who = "CPL 3" if probe.user else "CPL 0"
            what = f"{probe.kind} at {who}{', AC set' if probe.ac else ''}"
            report.divergences.append(
                Divergence(scene.seed, what, probe.address, asdict(machine), asdict(reference))
            )
    expected_memory = emulator.comparable(expected_memory, model)
    memory = emulator.comparable(memory, model)
    if memory != expected_memory:
        report.divergences.append(_memory_difference(scene, memory, expected_memory))


def _memory_difference(scene: Scene, memory: bytes, expected: bytes) -> Divergence:
    """The first 8 bytes that differ."""
    address = next(a for a in range(0, len(memory), 8) if memory[a : a + 8] != expected[a : a + 8])

    def word(data: bytes) -> dict[str, object]:
        return {"value": int.from_bytes(data[address : address + 8], "little")}

    return Divergence(scene.seed, "memory", address, word(memory), word(expected))
