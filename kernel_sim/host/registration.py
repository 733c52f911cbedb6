"""A loaded plugin in one boot: its view of the kernel and the roles it fills there."""

from dataclasses import dataclass

from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.implementations import ROLE_OF_HOOK, Implementation
from kernel_sim.host.loaded_plugin import LoadedPlugin


@dataclass(frozen=True, slots=True)
class Registration:
    """``plugin`` with its ``view`` of the kernel.

    Of its role hooks only those of ``roles`` count.
    """

    plugin: LoadedPlugin
    view: object
    roles: frozenset[str]

    @property
    def counting(self) -> tuple[Implementation, ...]:
        """The implementations that take part in this boot: wrappers and chain hooks always do."""
        return tuple(
            item
            for item in self.plugin.implementations
            if item.wraps or ROLE_OF_HOOK.get(item.hook) in {None, *self.roles}
        )

    @property
    def ignored_roles(self) -> tuple[str, ...]:
        """Roles that the plugin could fill but that others fill here."""
        return tuple(
            role for role in ROLE_HOOKS if role in self.plugin.roles and role not in self.roles
        )
