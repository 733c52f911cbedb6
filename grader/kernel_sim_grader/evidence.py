"""What the log of one boot proves: the trace, and what each access of a check's really gave."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Protocol

import msgspec

from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Failure, Operation, Outcome, PhysicalMemory, RunLost, Scenario
from kernel_sim.checks.local_bench import failed_reference, resolved
from kernel_sim.machine import Ram
from kernel_sim.values import Event
from kernel_sim_grader import wire
from kernel_sim_grader.reexecution import MOST_WORK, LogError, Reexecution


class Worker(Protocol):
    """Who is asked about a boot.

    Attributes:
        patience: how much more work with logs this submission may make.
    """

    patience: int

    def ask(self, request: wire.Message, descriptors: tuple[int, ...] = ()) -> Any:  # noqa: ANN401
        """The answer to ``request``, or the failure that ended the worker."""

    def give_up(self, cause: str, /) -> Failure:
        """End the worker; what every request is answered with from now on."""


class Evidence:
    """The log of one boot, followed on a machine of the grader's own when it is asked about.

    Args:
        worker: where the boot is.
        scenario: what was booted.
        memory: the worker's memory. It is compared where it is shared; read through the worker it
            would be the worker's word again.
    """

    def __init__(self, worker: Worker, scenario: Scenario, memory: PhysicalMemory) -> None:
        self._worker = worker
        self._scenario = scenario
        self._memory = memory
        self._untried: list[msgspec.Raw] = []
        self._lost: RunLost | None = None

    @cached_property
    def _again(self) -> Reexecution:
        return Reexecution(self._scenario, min(MOST_WORK, max(self._worker.patience, 0)))

    def add(self, log: msgspec.Raw) -> None:
        """Take what the worker sent about its last operations."""
        self._untried.append(log)

    def events(self) -> list[Event]:
        """The trace so far.

        Raises:
            RunLost: the log is not believed.
        """
        self._judge(lambda: None)
        return self._again.events()

    def judge_accesses(self, asked: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        """Hold what a worker says of the accesses of a batch against what they give here.

        Raises:
            RunLost: it says something else, or the log is not believed.
        """
        if any(operation.hook in ACCESSES for operation in asked):
            self._judge(lambda: self._compare(asked, outcomes))

    def _judge(self, further: Callable[[], None]) -> None:
        if self._lost is not None:
            raise self._lost
        before = self._again.work
        untried, self._untried = self._untried, []
        try:
            for log in untried:
                self._again.follow(wire.entries_of(log))
            if untried and isinstance(self._memory, Ram):
                self._again.assert_leads_to(self._memory)
            further()
        except (LogError, wire.ProtocolError) as error:
            cause = f"what the plugin's processor is said to have done is not believed: {error}"
            self._lost = RunLost(self._worker.give_up(cause))
            raise self._lost from None
        finally:
            self._worker.patience -= self._again.work - before

    def _compare(self, asked: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        done = iter(self._again.take_accesses())
        for operation, outcome in zip(asked, outcomes, strict=True):
            name = operation.hook
            if name not in ACCESSES or name.startswith("kernel."):
                continue
            if failed_reference(operation.args, outcomes) is not None:
                continue
            here = next(done, None)
            failed = outcome.failure is not None
            if here is None and outcome.failure is not None and outcome.failure.kind == "budget":
                continue  # behind a call that used up its budget none is made
            args = tuple(resolved(argument, outcomes) for argument in operation.args)
            if here is None or (here.name, here.args) != (name, args):
                raise LogError(f"{name} is not in it as the check asked for it")
            if (failed, None if failed else outcome.value) != (here.failed, here.value):
                raise LogError(f"{name} at {args[0]:#x} gave something else here")
        if next(done, None) is not None:
            raise LogError("it has accesses that no check asked for")
