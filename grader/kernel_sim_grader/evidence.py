"""What the log of one boot proves: the trace, and what each access of a check's really gave."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Failure, Operation, Outcome, PhysicalMemory, RunLost, Scenario
from kernel_sim.checks.local_bench import failed_reference, resolved
from kernel_sim.machine import Ram
from kernel_sim.values import Event
from kernel_sim_grader import wire
from kernel_sim_grader.reexecution import LogError, Reexecution


class Worker(Protocol):
    """Who is asked for the log."""

    def ask(self, request: wire.Message, /) -> Any:  # noqa: ANN401 - the answer to the request
        """The answer to ``request``, or the failure that ended the worker."""

    def give_up(self, cause: str, /) -> Failure:
        """End the worker; what every request is answered with from now on."""


class Evidence:
    """The log of one boot, followed on a machine of the grader's own.

    Args:
        worker: where the boot is.
        scenario: what was booted.
        memory: the worker's memory: shared, or read through the worker.
    """

    def __init__(self, worker: Worker, scenario: Scenario, memory: PhysicalMemory) -> None:
        self._worker = worker
        self._memory = memory
        self._again = Reexecution(scenario)

    def events(self) -> list[Event]:
        """The trace so far.

        Raises:
            RunLost: the worker is gone, or its log is not believed.
        """
        self._believed(lambda: None)
        return self._again.events()

    def judge_accesses(self, asked: Sequence[Operation], outcomes: Sequence[Outcome]) -> None:
        """Hold what a worker says of the accesses of a batch against what they give here.

        Raises:
            RunLost: the worker is gone, or it says something else.
        """
        if any(operation.hook in ACCESSES for operation in asked):
            self._believed(lambda: self._compare(asked, outcomes))

    def _believed(self, judge: Callable[[], None]) -> None:
        answer = self._worker.ask(wire.Log())
        if isinstance(answer, Failure):
            raise RunLost(answer)
        frames = self._memory.frames_in_use() if isinstance(self._memory, Ram) else ()
        try:
            self._again.follow(wire.entries_of(answer))
            self._again.assert_leads_to(self._memory, frames)
            judge()
        except (LogError, wire.ProtocolError) as error:
            cause = f"what the plugin's processor is said to have done is not believed: {error}"
            raise RunLost(self._worker.give_up(cause)) from None

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
