"""A test bench whose plugin lives in a worker: the same protocol as in process, over a channel."""

from dataclasses import dataclass
from typing import Any, Final

from kernel_sim.checks.bench import (
    Failure,
    Outcome,
    Run,
    Scenario,
)
from kernel_sim.checks.local_bench import FailedRun
from kernel_sim_grader import wire
from kernel_sim_grader.plain import MismatchError
from kernel_sim_grader.reexecution import MOST_WORK
from kernel_sim_grader.reported import failure_of
from kernel_sim_grader.worker_process import WorkerDied, WorkerProcess
from kernel_sim_grader.worker_run import WorkerRun
from kernel_sim_grader.worker_sources import WorkerSource

LOGGED_ROLES: Final = frozenset({"paging", "guard"})
"""The order of operations and the TLB earn points in their labs."""
MOST_WORK_IN_ALL: Final = 20 * MOST_WORK
"""So much of a submission's logs is followed: what all boots of an honest one come to 50 times."""
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
    come from anywhere; ``last`` is the last cause. ``patience`` is how much more of their logs is
    followed.
    """

    loading: Failure | None = None
    last: str = ""
    count: int = 0
    slow: int = 0
    killed: int = 0
    patience: int = MOST_WORK_IN_ALL

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
            self.loaded = Outcome(failure=failure_of(answer.failure))
        except MismatchError as error:
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
        self._run = WorkerRun(
            self, scenario, logged=not LOGGED_ROLES.isdisjoint(self._plugin.roles)
        )
        return self._run

    @property
    def patience(self) -> int:
        """How much more of this submission's logs is followed."""
        return self._deaths.patience

    @patience.setter
    def patience(self, left: int) -> None:
        self._deaths.patience = left

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
