"""What a call of a hook that nobody provides becomes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kernel_sim.errors import NotSupported
from kernel_sim.hookspecs import EXTENSION_HOOKS
from kernel_sim.host.hook_calls import Owner, Value
from kernel_sim.host.implementations import ROLE_OF_HOOK

if TYPE_CHECKING:
    from kernel_sim.host.plugin_host import Host


class MissingHook(Exception):  # noqa: N818 - becomes an oops of kind 'missing'
    """A hook is called that no plugin of the boot implements."""


def not_provided(host: "Host", hook: str) -> Callable[..., tuple[str, Any]]:
    """The call of a provider hook without a provider.

    An extension hook raises `NotSupported`; any other one is an oops that names the role's plugin
    and what is wrong with its source, as a misspelt name most often is the reason.
    """
    role = ROLE_OF_HOOK[hook]

    def ask(*_arguments: Value) -> tuple[str, Any]:
        filling = [item.plugin for item in host.registrations if role in item.roles]
        name = filling[0].name if filling else ""
        if hook in EXTENSION_HOOKS:
            raise NotSupported(hook, expected=f"a {role} plugin that implements it")
        problems = [str(problem) for plugin in filling for problem in plugin.problems]
        message = f"no plugin implements {hook}" if not name else f"{name} has no {hook}"
        if problems:
            message = f"{message} ({'; '.join(problems)})"
        raise host.unwind(Owner(hook, role, name), MissingHook(message))

    return ask
