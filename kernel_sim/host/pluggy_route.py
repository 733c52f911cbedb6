"""The way through pluggy, taken by hooks that a wrapper goes round."""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pluggy

from kernel_sim import hookspecs
from kernel_sim.hookspecs import BROADCAST_HOOKS, FIRST_ANSWER_HOOKS, PROJECT
from kernel_sim.host.binding import bind, forward, mark
from kernel_sim.host.hook_calls import GuardedCall, Owner, Switchboard, Value
from kernel_sim.host.implementations import HOOK_PARAMETERS, ROLE_OF_HOOK
from kernel_sim.host.registration import Registration
from kernel_sim.host.results import RESULTS, Read, or_none


class PluggyRoute:
    """A pluggy manager that holds the wrapped hooks of one boot.

    Args:
        host: who runs the calls.
        registrations: the plugins, first asked first.
        guarded: hook → the calls of its implementations, first asked first.
        wrapped: the hooks that have a wrapper.
    """

    def __init__(
        self,
        host: Switchboard,
        registrations: Sequence[Registration],
        guarded: Mapping[str, Sequence[GuardedCall]],
        wrapped: AbstractSet[str],
    ) -> None:
        self._host = host
        self._registrations = registrations
        self._guarded = guarded
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(hookspecs)
        for hook in sorted(wrapped):
            self._register_implementations(hook)
        self._register_wrappers()
        self._manager.check_pending()

    def _register_implementations(self, hook: str) -> None:
        """In reverse: pluggy asks the last registered first."""
        for call in reversed(self._guarded[hook]):
            function = mark(forward(hook, call), hook)
            self._manager.register(_plugin(hook, function), name=_name(hook, call))

    def _register_wrappers(self) -> None:
        for registration in reversed(self._registrations):
            for item in registration.counting:
                if item.wraps:
                    function = mark(bind(item, registration.view), item.hook, item)
                    name = f"wrapper of {item.hook} in {registration.plugin.name}"
                    self._manager.register(_plugin(item.hook, function), name=name)

    def ask(self, hook: str) -> Callable[..., tuple[str, Any]]:
        """Ask through pluggy; an error of the wrapper's own is blamed on the plugin that wraps."""
        caller = getattr(self._manager.hook, hook)
        names = HOOK_PARAMETERS[hook][1:]
        dropped = hook in ROLE_OF_HOOK and not _ends_at_first_result(hook)

        def through(*arguments: Value) -> Value:
            result = caller(kernel=None, **dict(zip(names, arguments, strict=True)))
            return None if dropped else result

        owner = Owner(hook, ROLE_OF_HOOK.get(hook, ""), self._wrapping(hook))
        guarded = GuardedCall(self._host, owner, through, _reader(hook))
        answering = self._guarded[hook][0].owner.plugin if hook in ROLE_OF_HOOK else ""
        return lambda *arguments: (answering, guarded(*arguments))

    def observers(self) -> list[GuardedCall]:
        """Each plugin's `on_event` with the wrappers round it, the other plugins' left out."""
        return [self._observer(call) for call in self._guarded["on_event"]]

    def _observer(self, call: GuardedCall) -> GuardedCall:
        others = [
            self._manager.get_plugin(_name("on_event", other))
            for other in self._guarded["on_event"]
            if other is not call
        ]
        caller = self._manager.subset_hook_caller("on_event", others)
        read = RESULTS["on_event"]
        return GuardedCall(
            self._host, call.owner, lambda event: caller(kernel=None, event=event), read
        )

    def _wrapping(self, hook: str) -> str:
        """The names of the plugins that wrap ``hook``."""
        names = [
            registration.plugin.name
            for registration in self._registrations
            if any(item.wraps and item.hook == hook for item in registration.counting)
        ]
        return ", ".join(names)


def _name(hook: str, call: GuardedCall) -> str:
    return f"{hook} of {call.owner.plugin}"


def _plugin(hook: str, function: Callable[..., Any]) -> object:
    """An object for pluggy with one hook."""
    return type("Bound", (), {hook: staticmethod(function)})()


def _ends_at_first_result(hook: str) -> bool:
    """Whether the specification says so; else pluggy returns a list."""
    return bool(getattr(getattr(hookspecs, hook), f"{PROJECT}_spec")["firstresult"])


def _reader(hook: str) -> Read:
    """The reader of what pluggy returns: one answer, or all of a broadcast."""
    read = RESULTS[hook]
    if hook in FIRST_ANSWER_HOOKS:
        return or_none(read)
    if hook in BROADCAST_HOOKS:
        return lambda answers: [read(answer) for answer in answers if answer is not None]
    return read
