"""One boot in a worker, as the grader sees it.

What a check reads of memory and of the screen it reads from the machine's RAM itself, which worker
and grader share (Linux); the worker's word is taken for nothing that RAM can show. Where order or
the TLB earn points, the processor's operations are executed again (`kernel_sim_grader.evidence`).
"""

import os
import sys
from collections.abc import Sequence
from functools import cached_property
from typing import Final

from kernel_sim.checks.bench import Failure, Operation, Outcome, PhysicalMemory, Scenario
from kernel_sim.machine import Machine, Ram, ram_for
from kernel_sim.machine.devices.vga import VgaText
from kernel_sim.values import BootInfo, Event, MemoryRegion
from kernel_sim_grader import wire
from kernel_sim_grader.evidence import Evidence, Worker
from kernel_sim_grader.plain import MismatchError
from kernel_sim_grader.reported import failure_of

SHARED_RAM: Final = sys.platform == "linux"


class WorkerRun:
    """One boot.

    Args:
        worker: boots it.
        scenario: what to boot.
        logged: whether the checks ask for events.
    """

    def __init__(self, worker: Worker, scenario: Scenario, *, logged: bool) -> None:
        self._worker = worker
        self.booted = Outcome()
        self.regions: Sequence[MemoryRegion] = ()
        self._scenario = scenario
        self._shared: Ram | None = None
        descriptors: tuple[int, ...] = ()
        if SHARED_RAM:
            self._shared, descriptor = shared_ram(scenario)
            descriptors = (descriptor,)
        request = wire.boot_request(scenario, shared_ram=SHARED_RAM, logged=logged)
        answer = worker.ask(request, descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        self._evidence = Evidence(worker, scenario, self.ram) if logged else None
        if isinstance(answer, Failure):
            self.booted = Outcome(failure=answer)
        else:
            self._take(answer)

    def _take(self, answer: wire.Booted) -> None:
        if self._evidence is not None:
            self._evidence.add(answer.log)
        try:
            self.booted = Outcome(failure=failure_of(answer.failure))
            self.regions = wire.believed(answer.regions, "parse_memory_map")
        except (MismatchError, wire.ProtocolError) as error:
            failure = self._worker.give_up(f"the worker broke the protocol: {error}")
            self.booted = Outcome(failure=failure)
            self.regions = ()

    @cached_property
    def boot_info(self) -> BootInfo:
        """What the firmware handed over: the same for every machine of this description."""
        return Machine(self._scenario.machine, seed=self._scenario.seed).power_on()

    @property
    def ram(self) -> PhysicalMemory:
        """Physical memory as it is now."""
        return self._shared if self._shared is not None else RemoteMemory(self._worker)

    def screen(self) -> list[str]:
        """The rows of the text screen, from shared memory where there is one."""
        if self._shared is not None:
            return VgaText(self._shared).lines()
        answer = self._worker.ask(wire.Screen())
        return [""] * 25 if isinstance(answer, Failure) else answer.lines

    def call(self, hook: str, *args: object) -> Outcome:
        """Call one hook."""
        return self.batch([Operation(hook, args)])[0]

    def batch(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Call hooks in one round trip; a worker that dies fails them all.

        Raises:
            RunLost: what it says of an access is not what the log of its operations leads to.
        """
        asked = list(operations)
        if self.booted.failure is not None:
            return [Outcome(failure=self.booted.failure) for _ in asked]
        answer = self._worker.ask(wire.batch_request(asked))
        if isinstance(answer, Failure):
            return [Outcome(failure=answer) for _ in asked]
        try:
            outcomes = wire.outcomes_of(answer, asked)
        except (MismatchError, wire.ProtocolError) as error:
            failure = self._worker.give_up(f"the worker broke the protocol: {error}")
            return [Outcome(failure=failure) for _ in asked]
        if self._evidence is not None:
            self._evidence.add(answer.log)
            self._evidence.judge_accesses(asked, outcomes)
        return outcomes

    def events(self) -> list[Event]:
        """The trace, from the operations of the worker's processor, executed again.

        Raises:
            RunLost: the worker ended unasked, or its log is not believed.
            ValueError: the boot was not to be logged.
        """
        if self._evidence is None:
            raise ValueError("a trace was asked for, but this boot was not logged")
        return self._evidence.events()

    def forget(self) -> None:
        """Give the shared memory back."""
        self._shared = None


class RemoteMemory:
    """Physical memory read through the worker, where it can't be shared."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    def load(self, physical: int, size_bytes: int, /) -> int:
        """The little-endian unsigned number of ``size_bytes`` at ``physical``."""
        return int.from_bytes(self.read(physical, size_bytes), "little")

    def read(self, physical: int, size_bytes: int, /) -> bytes:
        """``size_bytes`` from ``physical``; all-ones if the worker is gone or sends too few."""
        answer = self._worker.ask(wire.Read(physical, size_bytes))
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
