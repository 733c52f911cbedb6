"""A test bench whose plugin lives in a worker: the same protocol as in process, over a channel.

What a check reads of memory and of the screen it reads from the machine's RAM itself, which worker
and grader share (Linux); the worker's word is taken for nothing that RAM can show.
"""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from kernel_sim.checks.bench import (
    Failure,
    Operation,
    Outcome,
    PhysicalMemory,
    Run,
    Scenario,
)
from kernel_sim.checks.local_bench import FailedRun
from kernel_sim.machine import Machine, Ram, ram_for
from kernel_sim.machine.devices.vga import VgaText
from kernel_sim.values import BootInfo, Event, MemoryRegion
from kernel_sim_grader import wire
from kernel_sim_grader.plain import MismatchError
from kernel_sim_grader.worker_process import WorkerDied, WorkerProcess
from kernel_sim_grader.worker_sources import WorkerSource

SHARED_RAM: Final = sys.platform == "linux"
MOST_DEATHS: Final = 200
MOST_SLOW_DEATHS: Final = 2
"""A worker that took all its time gets one more chance: the verdict is confirmed, then final."""


@dataclass(frozen=True, slots=True)
class PluginText:
    """A plugin as text: ``name`` is its file's, for reports; its suffix says what it is."""

    name: str
    text: str
    roles: tuple[str, ...]


@dataclass(slots=True)
class Deaths:
    """What a submission's workers died of, so that no death is awaited again and again.

    ``loading`` is set when the plugin can't even be loaded; ``count`` and ``slow`` count deaths
    and those that took all the time there was; ``killed`` counts those by a signal that may have
    come from anywhere; ``last`` is the last cause.
    """

    loading: Failure | None = None
    last: str = ""
    count: int = 0
    slow: int = 0
    killed: int = 0

    @property
    def enough(self) -> bool:
        """Whether no further worker is to be started."""
        return self.count >= MOST_DEATHS or self.slow >= MOST_SLOW_DEATHS


class WorkerBench:
    """One plugin in a worker; a boot after a death starts another worker, with the plugin anew.

    Args:
        source: where workers come from.
        plugin: what they load.
        deaths: shared by the benches of one submission.
    """

    def __init__(
        self, source: WorkerSource, plugin: PluginText, deaths: Deaths | None = None
    ) -> None:
        self._source = source
        self._plugin = plugin
        self._deaths = deaths if deaths is not None else Deaths()
        self._process: WorkerProcess | None = None
        self._dead: Failure | None = self._deaths.loading
        self._run: WorkerRun | None = None
        self.loaded = Outcome(failure=self._dead)
        if self._dead is None:
            self._load()

    def _load(self) -> None:
        self._dead = None
        self._process = self._source.start()
        plugin = self._plugin
        answer = self.ask(wire.Load(plugin.name, plugin.text, list(plugin.roles)))
        if isinstance(answer, Failure):
            self._deaths.loading = answer
            self.loaded = Outcome(failure=answer)
            return
        try:
            self.loaded = Outcome(failure=wire.failure_of(answer.failure))
        except wire.ProtocolError as error:
            self._deaths.loading = self.give_up(f"the worker broke the protocol: {error}")
            self.loaded = Outcome(failure=self._deaths.loading)

    def boot(self, scenario: Scenario) -> Run:
        """A new machine in the worker; the run before it is over then."""
        if self._dead is not None and self._deaths.loading is None and not self._deaths.enough:
            self._load()
        if self.loaded.failure is not None:
            return FailedRun(self.loaded.failure)
        if self._run is not None:
            self._run.forget()
        self._run = WorkerRun(self, scenario)
        return self._run

    def close(self) -> None:
        """End the worker."""
        if self._process is not None:
            self._process.end()

    def ask(self, request: wire.Message, descriptors: tuple[int, ...] = ()) -> Any:  # noqa: ANN401
        """The answer to ``request``, or the failure that ended the worker."""
        if self._dead is not None or self._process is None:
            return self._dead
        try:
            limits = self._process.limits
            is_load = isinstance(request, wire.Load)
            seconds = limits.load_seconds if is_load else limits.request_seconds
            payload = self._process.request(wire.encode(request), seconds, descriptors)
            return wire.decode_answer(payload, request)
        except WorkerDied as error:
            self._deaths.slow += error.slow
            self._deaths.killed += error.killed
            return self.give_up(str(error))
        except wire.ProtocolError as error:
            return self.give_up(f"the worker broke the protocol: {error}")

    def give_up(self, cause: str) -> Failure:
        """End the worker; what every request is answered with until the next boot."""
        self.close()
        self._deaths.count += 1
        self._deaths.last = cause
        self._dead = Failure("died", message=cause)
        return self._dead


class WorkerRun:
    """One boot in a worker, as the grader sees it."""

    def __init__(self, bench: WorkerBench, scenario: Scenario) -> None:
        self._bench = bench
        self.booted = Outcome()
        self.regions: Sequence[MemoryRegion] = ()
        self._scenario = scenario
        self._shared: Ram | None = None
        descriptors: tuple[int, ...] = ()
        if SHARED_RAM:
            self._shared, descriptor = shared_ram(scenario)
            descriptors = (descriptor,)
        request = wire.boot_request(scenario, shared_ram=SHARED_RAM)
        answer = bench.ask(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        if isinstance(answer, Failure):
            self.booted = Outcome(failure=answer)
        else:
            self._take(answer)

    def _take(self, answer: wire.Booted) -> None:
        try:
            self.booted = Outcome(failure=wire.failure_of(answer.failure))
            self.regions = wire.believed(answer.regions, "parse_memory_map")
        except (MismatchError, wire.ProtocolError) as error:
            failure = self._bench.give_up(f"the worker broke the protocol: {error}")
            self.booted = Outcome(failure=failure)
            self.regions = ()

    @cached_property
    def boot_info(self) -> BootInfo:
        """What the firmware handed over: the same for every machine of this description."""
        return Machine(self._scenario.machine, seed=self._scenario.seed).power_on()

    @property
    def ram(self) -> PhysicalMemory:
        """Physical memory as it is now."""
        return self._shared if self._shared is not None else RemoteMemory(self._bench)

    def screen(self) -> list[str]:
        """The rows of the text screen, from shared memory where there is one."""
        if self._shared is not None:
            return VgaText(self._shared).lines()
        answer = self._bench.ask(wire.Screen())
        return [""] * 25 if isinstance(answer, Failure) else answer.lines

    def call(self, hook: str, *args: object) -> Outcome:
        """Call one hook."""
        return self.batch([Operation(hook, args)])[0]

    def batch(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Call hooks in one round trip; a worker that dies fails them all."""
        asked = list(operations)
        if self.booted.failure is not None:
            return [Outcome(failure=self.booted.failure) for _ in asked]
        answer = self._bench.ask(wire.batch_request(asked))
        if isinstance(answer, Failure):
            return [Outcome(failure=answer) for _ in asked]
        try:
            return wire.outcomes_of(answer, asked)
        except wire.ProtocolError as error:
            failure = self._bench.give_up(f"the worker broke the protocol: {error}")
            return [Outcome(failure=failure) for _ in asked]

    def events(self) -> list[Event]:
        """The trace as the worker tells it; nothing if it is gone."""
        answer = self._bench.ask(wire.Events())
        return [] if isinstance(answer, Failure) else wire.events_of(answer)

    def forget(self) -> None:
        """Give the shared memory back."""
        self._shared = None


class RemoteMemory:
    """Physical memory read through the worker, where it can't be shared."""

    def __init__(self, bench: WorkerBench) -> None:
        self._bench = bench

    def load(self, physical: int, size_bytes: int, /) -> int:
        """The little-endian unsigned number of ``size_bytes`` at ``physical``."""
        return int.from_bytes(self.read(physical, size_bytes), "little")

    def read(self, physical: int, size_bytes: int, /) -> bytes:
        """``size_bytes`` from ``physical``; all-ones if the worker is gone or sends too few."""
        answer = self._bench.ask(wire.Read(physical, size_bytes))
        if isinstance(answer, Failure) or len(answer.data) != size_bytes:
            return b"\xff" * size_bytes
        data: bytes = answer.data
        return data


def shared_ram(scenario: Scenario) -> tuple[Ram, int]:
    """The memory of a machine on a new file that can't change its size, and that open file."""
    descriptor = os.memfd_create("ram", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    ram = ram_for(scenario.machine, seed=scenario.seed, fd=descriptor)
    import fcntl  # noqa: PLC0415 - Unix only

    seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return ram, descriptor
