"""Calling hooks: who runs, what becomes of an error, which event is left in the trace."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Final, Protocol, TypeAlias

from kernel_sim.errors import KernelError
from kernel_sim.host.binding import Bound
from kernel_sim.host.budget import OutOfTime
from kernel_sim.host.oops import OopsUnwind
from kernel_sim.host.plain import plain
from kernel_sim.host.results import Read
from kernel_sim.trace import Trace

Value: TypeAlias = Any
"""Whatever a hook takes or returns: the facade knows the types."""
QUIET_HOOKS: Final = frozenset({"phys_to_virt", "on_event"})
"""Hooks whose calls leave no event.

One runs at every access to a frame, the other at every event.
"""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose code runs: the hook, its role, the plugin, its files, and the function's code."""

    hook: str
    role: str
    plugin: str
    files: frozenset[str] = frozenset()
    code: CodeType | None = None


class Switchboard(Protocol):
    """What a call needs of the host."""

    running: list[Owner]
    trace: Trace

    def outermost(self, run: Callable[..., Any], arguments: Sequence[Any]) -> Value:
        """Run a call of the kernel's own, within a budget; an oops becomes a `KernelOops`."""

    def refused(self, owner: Owner, error: KernelError) -> None:
        """Take note of an error that a hook may raise."""

    def unwind(self, owner: Owner, error: BaseException) -> OopsUnwind:
        """What ``error`` becomes when it leaves a hook of ``owner``."""


class GuardedCall:
    """One bound implementation: its result is checked, its errors become an oops.

    A `KernelError` is an answer and passes.
    """

    __slots__ = ("_bound", "_host", "_read", "owner")

    def __init__(self, host: Switchboard, owner: Owner, bound: Bound, read: Read) -> None:
        self._host = host
        self._bound = bound
        self._read = read
        self.owner = owner

    def __call__(self, *arguments: Value) -> Value:
        """The implementation's checked answer."""
        running = self._host.running
        running.append(self.owner)
        try:
            return self._read(self._bound(*arguments))
        except KernelError as error:
            self._host.refused(self.owner, error)
            raise
        except (OopsUnwind, KeyboardInterrupt):
            raise
        except OutOfTime as error:
            if len(running) > 1:
                raise  # the time is the outermost hook's, wherever it ran out
            raise self._host.unwind(self.owner, error) from None
        except BaseException as error:  # noqa: BLE001 - a student's hook may raise anything
            raise self._host.unwind(self.owner, error) from None
        finally:
            running.pop()


class HookCall:
    """A call of one hook as the facade makes it; subclasses say who is asked."""

    __slots__ = ("_ask", "_host", "_names", "hook")

    def __init__(
        self, host: Switchboard, hook: str, names: tuple[str, ...], ask: Callable[..., Any]
    ) -> None:
        self.hook = hook
        self._host = host
        self._names = names
        self._ask = ask

    def __call__(self, *arguments: Value) -> Value:
        """The hook's answer; as the outermost call if no hook is running."""
        if self._host.running:
            return self._run(*arguments)
        return self._host.outermost(self._run, arguments)

    def _run(self, *arguments: Value) -> Value:
        try:
            plugin, result = self._ask(*arguments)
        except KernelError as error:
            self._note(arguments, error=f"{type(error).__name__} {error.reason or ''}".strip())
            raise
        self._note(arguments, plugin=plugin, result=plain(result))
        return result

    def _note(self, arguments: Sequence[Any], **outcome: object) -> None:
        named = {
            name: value if type(value) is int else plain(value)
            for name, value in zip(self._names, arguments, strict=True)
        }
        depth = len(self._host.running)
        self._host.trace.emit("hook", hook=self.hook, depth=depth, arguments=named, **outcome)


class QuietCall(HookCall):
    """A call that leaves no event."""

    __slots__ = ()

    def __call__(self, *arguments: Value) -> Value:
        """The hook's answer; within another hook with nothing in between."""
        if self._host.running:
            return self._ask(*arguments)[1]
        return self._host.outermost(self._run, arguments)

    def _run(self, *arguments: Value) -> Value:
        return self._ask(*arguments)[1]


class ProviderCall(QuietCall):
    """A call of the one provider that leaves no event, so that nobody asks who answered."""

    __slots__ = ()

    def __call__(self, *arguments: Value) -> Value:
        """The provider's answer."""
        if self._host.running:
            return self._ask(*arguments)
        return self._host.outermost(self._run, arguments)

    def _run(self, *arguments: Value) -> Value:
        return self._ask(*arguments)


class OwnCall(QuietCall):
    """A call that the kernel answers itself, by a function that can't fail: no guard, no event."""

    __slots__ = ()

    def __call__(self, *arguments: Value) -> Value:
        """The function's answer."""
        return self._ask(*arguments)

    _run = __call__


def ask_provider(provider: GuardedCall) -> Callable[..., tuple[str, Any]]:
    """Ask the one provider."""
    name = provider.owner.plugin

    def ask(*arguments: Value) -> tuple[str, Any]:
        return name, provider(*arguments)

    return ask


def ask_first(chain: Sequence[GuardedCall]) -> Callable[..., tuple[str, Any]]:
    """Ask one after the other until one answers; None if nobody does."""

    def ask(*arguments: Value) -> tuple[str, Any]:
        for call in chain:
            result = call(*arguments)
            if result is not None:
                return call.owner.plugin, result
        return "", None

    return ask


def ask_all(calls: Sequence[GuardedCall]) -> Callable[..., tuple[str, list[Any]]]:
    """Ask everybody; the answers in order, None left out."""

    def ask(*arguments: Value) -> tuple[str, list[Any]]:
        answers = [call(*arguments) for call in calls]
        return "", [answer for answer in answers if answer is not None]

    return ask
