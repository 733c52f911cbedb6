"""The bench in this very process: what `ksim check` and the notebook use."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from kernel_sim.boot import Boot, boot
from kernel_sim.checks.accesses import ACCESSES, perform
from kernel_sim.checks.bench import (
    Failure,
    Operation,
    Outcome,
    PhysicalMemory,
    Ref,
    Run,
    Scenario,
)
from kernel_sim.errors import InputError, KernelError, MachineStopped
from kernel_sim.hookspecs import EXTENSION_HOOKS, ROLE_HOOKS
from kernel_sim.host.budget import Budget
from kernel_sim.host.loaded_plugin import LoadedPlugin, Problem
from kernel_sim.host.oops import KernelOops, Oops
from kernel_sim.loading import load_plugin
from kernel_sim.machine import Ram
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.profiles import Profile, profile
from kernel_sim.values import BootInfo, Event, MemoryRegion

CHECK_BUDGET: Final = Budget(events=100_000, seconds=1.0)
"""Of each hook call. What is asked of a hook takes milliseconds."""

NOTHING: Final[Mapping[str, Failure]] = MappingProxyType({})


class LocalBench:
    """A plugin, loaded once, that boots in this process.

    Args:
        source: what `load_plugin` takes. A file is loaded anew by each bench; an object is what it
        is. roles: the roles that it has to fill; references fill the others. budget: of each hook
        call.

    Raises:
        InputError: no such plugin or file.
    """

    def __init__(self, source: object, roles: Sequence[str], budget: Budget = CHECK_BUDGET) -> None:
        self.plugin = load_plugin(source)
        self.roles = tuple(roles)
        self.budget = budget
        self._made_here = self.plugin.plugin is not source

    @property
    def loaded(self) -> Outcome:
        """A failure of kind ``load`` if the plugin implements no hook of its roles."""
        hooks = [hook for role in self.roles for hook in ROLE_HOOKS[role]]
        if any(self.plugin.implements(hook) for hook in hooks):
            return Outcome(value=self.plugin.name)
        return Outcome(failure=_load_failure(self.plugin, hooks))

    def boot(
        self, scenario: Scenario, ram: Ram | None = None, log: OperationLog | None = None
    ) -> Run:
        """A new machine, booted; ``ram`` is memory that another process shares.

        Its processor's operations are noted in ``log``.
        """
        loaded = self.loaded
        if loaded.failure:
            return FailedRun(loaded.failure)
        kernel = profile(scenario.profile)
        needed = kernel.roles_until(scenario.until)
        late = [role for role in self.roles if role not in needed]
        result = boot(
            kernel,
            scenario.machine,
            {role: self.plugin for role in self.roles if role in needed},
            seed=scenario.seed,
            until=scenario.until,
            config=scenario.config,
            ram=ram,
            stores=scenario.recorded,
            budget=self.budget,
            extras=self._extras(kernel, scenario, late=bool(late)),
            log=log,
        )
        return LocalRun(result, self._missing())

    def _extras(self, kernel: Profile, scenario: Scenario, *, late: bool) -> list[object] | None:
        """The plugins beside the roles: this one if its role comes late, references of no part."""
        (role, *_) = self.roles
        own = any(extra.part_of == role for extra in kernel.extras)
        if not late and not own:
            return None
        others = kernel.extras_beside(role, scenario.config, scenario.until)
        return [*([self.plugin] if late else []), *others]

    def _missing(self) -> dict[str, Failure]:
        """Of each hook of its roles that the plugin lacks, why; the kernel's own is not asked."""
        hooks = {hook for role in self.roles for hook in ROLE_HOOKS[role]} - EXTENSION_HOOKS
        lacking = (hook for hook in hooks if not self.plugin.implements(hook))
        return {hook: missing_hook(self.plugin, hook) for hook in lacking}

    def close(self) -> None:
        """Forget the module that was loaded."""
        name = getattr(self.plugin.plugin, "__name__", "")
        if self._made_here and isinstance(name, str) and name.startswith("kernel_sim_loaded_"):
            sys.modules.pop(name, None)


class LocalRun:
    """A booted machine in this process."""

    def __init__(self, result: Boot, missing: Mapping[str, Failure] = NOTHING) -> None:
        self.result = result
        self._missing = missing

    @property
    def booted(self) -> Outcome:
        """Whether every step went well."""
        oops = self.result.oops
        return Outcome(failure=failure_of(oops)) if oops else Outcome()

    @property
    def regions(self) -> Sequence[MemoryRegion]:
        """The kernel's memory descriptor table."""
        return self.result.regions

    @property
    def boot_info(self) -> BootInfo | None:
        """What the firmware handed over."""
        return self.result.machine.boot_info

    @property
    def ram(self) -> PhysicalMemory:
        """Physical memory."""
        return self.result.machine.ram

    def screen(self) -> list[str]:
        """The rows of the text screen."""
        return self.result.machine.vga.lines()

    def call(self, hook: str, *args: object) -> Outcome:
        """Call one hook."""
        failed = self.booted
        return failed if failed.failure else self._call(hook, args)

    def batch(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Call hooks one after another."""
        failed = self.booted
        if failed.failure:
            return [failed] * len(operations)
        outcomes: list[Outcome] = []
        for operation in operations:
            last = outcomes[-1] if outcomes else Outcome()
            if last.failure is not None and last.failure.kind == "budget":
                return [*outcomes, *[last] * (len(operations) - len(outcomes))]
            if Ref not in map(type, operation.args):
                outcomes.append(self._call(operation.hook, operation.args))
                continue
            missing = failed_reference(operation.args, outcomes)
            if missing is not None:
                outcomes.append(missing)
            else:
                outcomes.append(self._call_with_results(operation, outcomes))
        return outcomes

    def events(self) -> list[Event]:
        """The trace so far, with the stores in their places if the scenario asked for them."""
        return self.result.machine.trace.with_stores()

    def _call_with_results(self, operation: Operation, outcomes: Sequence[Outcome]) -> Outcome:
        """Call with earlier results; one that does not fit is the plugin's mistake, not ours."""
        args = tuple(resolved(argument, outcomes) for argument in operation.args)
        try:
            return self._call(operation.hook, args)
        except TypeError as error:
            message = f"an earlier result does not fit: {error}"
            return Outcome(failure=Failure("wrong_type", "TypeError", "", message, operation.hook))

    def _call(self, hook: str, args: Iterable[object]) -> Outcome:
        if hook in self._missing:
            return Outcome(failure=self._missing[hook])
        try:
            if hook in ACCESSES:
                return Outcome(value=perform(self.result, hook, tuple(args)))
            return Outcome(value=self.result.call(hook, *args))
        except KernelError as error:
            oops = self.result.report(error)
            failure = replace(failure_of(oops), kind="raised", error=type(error).__name__)
            return Outcome(failure=replace(failure, reason=str(error.reason or "")))
        except KernelOops as error:
            return Outcome(failure=failure_of(error.oops))
        except MachineStopped as error:
            kind = type(error).__name__
            return Outcome(failure=Failure("stopped", kind, message=error.cause))


class FailedRun:
    """A plugin that can't even be booted with: every call has the same answer."""

    def __init__(self, failure: Failure) -> None:
        self.booted = Outcome(failure=failure)
        self.regions: Sequence[MemoryRegion] = ()
        self.boot_info: BootInfo | None = None

    @property
    def ram(self) -> PhysicalMemory:
        """There is none.

        Raises:
            InputError: always.
        """
        raise InputError("the plugin did not load, so there is no machine")

    def screen(self) -> list[str]:
        """A blank screen."""
        return [" " * 80] * 25

    def call(self, hook: str, *args: object) -> Outcome:  # noqa: ARG002 - the protocol's signature
        """The failure."""
        return self.booted

    def batch(self, operations: Sequence[Operation]) -> list[Outcome]:
        """The failure, for each operation."""
        return [self.booted] * len(operations)

    def events(self) -> list[Event]:
        """None."""
        return []


def failure_of(oops: Oops) -> Failure:
    """An oops as plain data; ``raised`` of the host is an ``oops`` here, unless it is a refusal."""
    kind = "oops" if oops.kind == "raised" else oops.kind
    return Failure(
        kind=kind,
        error=oops.error,
        message=oops.message,
        hook=oops.hook,
        line=oops.line or None,
        source_line=oops.source_line,
    )


def _load_failure(plugin: LoadedPlugin, hooks: Sequence[str]) -> Failure:
    """Why there is nothing to test, with the first problem that was found in the source."""
    if not plugin.problems:
        wanted = hooks[0] if hooks else "any hook"
        return Failure(
            "load", message=f"{plugin.name} implements no hook of this lab, not {wanted}"
        )
    problem = plugin.problems[0]
    return _problem_failure("load" if problem.kind == "raised" else "missing", problem)


def missing_hook(plugin: LoadedPlugin, hook: str) -> Failure:
    """Why the plugin lacks ``hook``: the function that was meant to be it, or the cell that failed.

    Without either it is just not there.
    """
    meant = [problem for problem in plugin.problems if hook in problem.message]
    failed = [problem for problem in plugin.problems if problem.kind == "raised"]
    for problem in meant[:1]:
        return _problem_failure("missing", problem, hook)
    message = f"the plugin has no {hook} marked with @hookimpl"
    for problem in failed[:1]:
        return _problem_failure("load", problem, hook, before=f"{message}: ")
    return Failure("missing", message=message, hook=hook)


def _problem_failure(kind: str, problem: Problem, hook: str = "", before: str = "") -> Failure:
    place = problem.location
    return Failure(
        kind,
        error=problem.kind,
        message=f"{before}{problem.message}",
        hook=hook,
        line=place.line or None,
        source_line=place.source_line,
    )


def failed_reference(args: tuple[object, ...], outcomes: Sequence[Outcome]) -> Outcome | None:
    """The outcome without a value that an argument refers to, if one does: a failure, or None."""
    for argument in args:
        if isinstance(argument, Ref):
            earlier = outcomes[argument.index]
            if earlier.failure is not None or earlier.value is None:
                return earlier
    return None


def resolved(argument: object, outcomes: Sequence[Outcome]) -> Any:  # noqa: ANN401 - any result
    """The value that an argument stands for."""
    return argument.of(outcomes[argument.index].value) if isinstance(argument, Ref) else argument
