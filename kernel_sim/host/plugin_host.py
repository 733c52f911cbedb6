"""The plugin host of one boot.

Resolves each hook once, and runs the outermost call within its budget.
"""

from collections.abc import Callable, Sequence
from types import CodeType
from typing import Any

from kernel_sim.errors import BudgetExceeded, KernelError, MachineStopped
from kernel_sim.hookspecs import BROADCAST_HOOKS, FIRST_ANSWER_HOOKS
from kernel_sim.host.binding import bind
from kernel_sim.host.budget import Budget, OutOfTime, timer
from kernel_sim.host.chains import chain_order, in_order
from kernel_sim.host.hook_calls import (
    QUIET_HOOKS,
    GuardedCall,
    HookCall,
    OwnCall,
    Owner,
    ProviderCall,
    QuietCall,
    Value,
    ask_all,
    ask_first,
    ask_provider,
)
from kernel_sim.host.implementations import HOOK_PARAMETERS, ROLE_OF_HOOK, Implementation
from kernel_sim.host.missing import MissingHook, not_provided
from kernel_sim.host.observers import Observers
from kernel_sim.host.oops import LAST_EVENTS, KernelOops, Oops, OopsUnwind, describe_error
from kernel_sim.host.pluggy_route import PluggyRoute
from kernel_sim.host.registration import Registration
from kernel_sim.host.results import RESULTS, WrongResult, or_none
from kernel_sim.host.source_location import Location, at, definition, locate
from kernel_sim.trace import Trace
from kernel_sim.values import Event

Link = tuple[Registration, Implementation]


class Host:
    """Knows every plugin of a boot and calls their hooks.

    Args:
        trace: where calls leave events; the host also watches it for `on_event` and for the event
            budget.
        budget: of each outermost call.
    """

    def __init__(self, trace: Trace, budget: Budget) -> None:
        self.trace = trace
        self.budget = budget
        self.running: list[Owner] = []
        self.observers = Observers()
        self.registrations: list[Registration] = []
        self.stopped: MachineStopped | None = None
        self._refusal: tuple[Owner, KernelError] | None = None
        self._event_limit: int | None = None
        self._timer = timer(budget)
        self._route: PluggyRoute | None = None
        trace.subscribe(self._watch)

    # --- resolving --------------------------------------------------------------------------------

    def resolve(self, registrations: Sequence[Registration]) -> dict[str, HookCall]:
        """Hook → its call, with these plugins.

        Goes through pluggy where a wrapper is registered.
        """
        self.registrations = in_order(list(registrations))
        links: dict[str, list[Link]] = {hook: [] for hook in HOOK_PARAMETERS}
        wrapped: set[str] = set()
        for registration in self.registrations:
            for item in registration.counting:
                if item.wraps:
                    wrapped.add(item.hook)
                else:
                    links[item.hook].append((registration, item))
        guarded = {
            hook: [self._guard(*link) for link in chain_order(hook, found)]
            for hook, found in links.items()
        }
        self.observers.calls = guarded["on_event"]
        if wrapped:
            self._route = PluggyRoute(self, self.registrations, guarded, wrapped)
        if self._route is not None and "on_event" in wrapped:
            self.observers.calls = self._route.observers()
        return {hook: self._call(hook, calls, hook in wrapped) for hook, calls in guarded.items()}

    def _guard(self, registration: Registration, item: Implementation) -> GuardedCall:
        hook, plugin = item.hook, registration.plugin
        code = getattr(item.function, "__code__", None)
        written = code if isinstance(code, CodeType) else None
        owner = Owner(hook, ROLE_OF_HOOK.get(hook, ""), plugin.name, plugin.files, written)
        read = RESULTS[hook] if hook in ROLE_OF_HOOK else or_none(RESULTS[hook])
        return GuardedCall(self, owner, bind(item, registration.view), read)

    def _call(self, hook: str, calls: list[GuardedCall], wrapped: bool) -> HookCall:
        names = HOOK_PARAMETERS[hook][1:]
        if hook in QUIET_HOOKS and hook in ROLE_OF_HOOK and calls and not wrapped:
            return ProviderCall(self, hook, names, calls[0])
        kind = QuietCall if hook in QUIET_HOOKS else HookCall
        return kind(self, hook, names, self._asking(hook, calls, wrapped))

    def _asking(
        self, hook: str, calls: list[GuardedCall], wrapped: bool
    ) -> Callable[..., tuple[str, Any]]:
        if hook in ROLE_OF_HOOK and not calls:
            return not_provided(self, hook)
        if self._route is not None and wrapped and calls:
            return self._route.ask(hook)
        if hook in BROADCAST_HOOKS:
            return ask_all(calls)
        return ask_first(calls) if hook in FIRST_ANSWER_HOOKS else ask_provider(calls[0])

    # --- running ----------------------------------------------------------------------------------

    def outermost(self, run: Callable[..., Any], arguments: Sequence[Any]) -> Value:
        """Run a call that the kernel itself makes.

        Raises:
            KernelOops: the hook, or one that it called, failed in a way that is no answer.
            KernelError: the hook refused.
        """
        self._event_limit = len(self.trace.events) + self.budget.events
        try:
            self._timer.arm(self.budget.seconds or 0)
            try:
                return self._run_and_tell(run, arguments)
            finally:
                self._timer.disarm()
        except OopsUnwind as stop:
            raise KernelOops(stop.oops) from None
        except OutOfTime as error:
            self._timer.disarm()
            raise KernelOops(self._late(run, error)) from None
        finally:
            self._event_limit = None
            if self.running:
                self.running.clear()

    def _late(self, run: Callable[..., Any], error: OutOfTime) -> Oops:
        """The oops of an `OutOfTime` that came between two hooks, or on top of another oops."""
        if isinstance(error.__context__, OopsUnwind):
            return error.__context__.oops
        hook = getattr(getattr(run, "__self__", None), "hook", "on_event")
        return self.oops(Owner(hook, ROLE_OF_HOOK.get(hook, ""), ""), error)

    def _run_and_tell(self, run: Callable[..., Any], arguments: Sequence[Any]) -> Value:
        try:
            result = run(*arguments)
        except KernelError:
            self.observers.flush()
            raise
        except BaseException:
            self.observers.clear()
            raise
        if self.observers.calls:
            self.observers.flush()
        return result

    def unwind(self, owner: Owner, error: BaseException) -> OopsUnwind:
        """The oops that ``error`` becomes when it leaves a hook of ``owner``."""
        if isinstance(error, MachineStopped):
            self.stopped = error
        return OopsUnwind(self.oops(owner, error))

    def between_steps(self) -> None:
        """Tell the observers what came up outside any hook."""
        if self.observers.calls:
            self.outermost(self.observers.flush, ())

    def console_line(self, line: str) -> None:
        """Leave a printed line in the trace; the plugin that printed it is its author."""
        author = self.running[-1].plugin if self.running else "kernel"
        self.trace.emit("log", event="console", plugin=author, text=line)

    def default_call(self, hook: str, function: Callable[..., Any]) -> HookCall:
        """The kernel's own answer to a hook that no plugin implements."""
        if hook in QUIET_HOOKS:
            return OwnCall(self, hook, HOOK_PARAMETERS[hook][1:], function)
        owner = Owner(hook, ROLE_OF_HOOK.get(hook, ""), "kernel")
        guarded = GuardedCall(self, owner, function, RESULTS[hook])
        return HookCall(self, hook, HOOK_PARAMETERS[hook][1:], ask_provider(guarded))

    def refused(self, owner: Owner, error: KernelError) -> None:
        """Remember which hook a `KernelError` came from: the innermost one sees it first."""
        if self._refusal is None or self._refusal[1] is not error:
            self._refusal = (owner, error)

    def refusal(self, error: KernelError) -> Oops:
        """The report of a `KernelError` that left a hook of this boot."""
        if self._refusal is not None and self._refusal[1] is error:
            return self.oops(self._refusal[0], error)
        return self.oops(Owner("", "", ""), error)

    def oops(self, owner: Owner, error: BaseException) -> Oops:
        """The report of ``error`` in a hook of ``owner``."""
        location = locate(error.__traceback__, owner.files)
        if isinstance(error, (WrongResult, MissingHook)):
            location = at(*definition(owner.code)) if owner.code else Location()
        kind, message = self._kind_and_message(error, location)
        return Oops(
            hook=owner.hook,
            role=owner.role,
            plugin=owner.plugin,
            message=message,
            kind=kind,
            file=location.file,
            line=location.line,
            source_line=location.source_line,
            events=tuple(self.trace.events[-LAST_EVENTS:]),
            error=type(error).__name__,
        )

    def _kind_and_message(self, error: BaseException, location: Location) -> tuple[str, str]:
        if isinstance(error, WrongResult):
            return "wrong_type", str(error)
        if isinstance(error, MissingHook):
            return "missing", str(error)
        if isinstance(error, OutOfTime):
            return "budget", str(BudgetExceeded("seconds", self.budget.seconds or 0))
        if isinstance(error, BudgetExceeded):
            return "budget", str(error)
        if isinstance(error, MachineStopped):
            return "stopped", error.cause
        return "raised", raised_message(error, location)

    def _watch(self, event: Event) -> None:
        if self._event_limit is not None and event.number >= self._event_limit:
            raise BudgetExceeded("events", self.budget.events)
        self.observers.note(event)


def raised_message(error: BaseException, location: Location) -> str:
    """An error in one line; of a function that is not written yet, its name."""
    if isinstance(error, NotImplementedError) and location.function and not str(error):
        return f"{location.function} is not written yet"
    return describe_error(error)
