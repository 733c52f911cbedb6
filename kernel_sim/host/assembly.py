"""Which plugin fills which role of a boot: the profile's own, unless the user names another."""

from collections.abc import Container, Mapping, Sequence

from kernel_sim.errors import InputError
from kernel_sim.hookspecs import ROLE_HOOKS
from kernel_sim.host.config import Config
from kernel_sim.host.loaded_plugin import LoadedPlugin
from kernel_sim.loading import load_plugin
from kernel_sim.nearest import unknown_name
from kernel_sim.profiles.profile import Profile

Filled = list[tuple[LoadedPlugin, frozenset[str]]]


def assemble(
    profile: Profile,
    sources: Mapping[str, object],
    extras: Sequence[object] | None,
    config: Config,
    until: str | None,
) -> Filled:
    """The plugins of a boot, each once, with the roles that it fills.

    Args:
        profile: gives the plugins of all roles that ``sources`` does not.
        sources: role → what `load_plugin` takes.
        extras: plugins that fill the roles that are still empty; None for those that the profile's
            settings ask for.
        config: the settings of this boot.
        until: the last step; roles that are first needed later are left empty, ``boot`` never is.

    Raises:
        InputError: an unknown role or plugin, or two plugins for one role.
    """
    for role in sources:
        if role not in ROLE_HOOKS:
            raise unknown_name("role", role, ROLE_HOOKS)
    loaded = _Loaded()
    given = {**profile.roles, **sources}
    needed = (*profile.roles_until(until), *(role for role in ("boot",) if role in given))
    chosen = {role: given.get(role) for role in needed}
    providers = {role: loaded.get(source) for role, source in chosen.items() if source is not None}
    others = [loaded.get(source) for source in _extras(profile, extras, config, until)]
    _fill_empty_roles(providers, others, sources)
    plugins = {plugin.name: plugin for plugin in (*providers.values(), *others)}
    return [
        (plugin, frozenset(role for role, who in providers.items() if who is plugin))
        for plugin in plugins.values()
    ]


def _fill_empty_roles(
    providers: dict[str, LoadedPlugin], others: Sequence[LoadedPlugin], sources: Container[str]
) -> None:
    """Give ``others`` the roles that nobody fills.

    Raises:
        InputError: two of them want one role, or one wants what the user gave to another plugin.
    """
    for other in others:
        for role in other.roles:
            first = providers.setdefault(role, other)
            if first is not other and (role in sources or first in others):
                raise two_providers(role, first, other)


def two_providers(role: str, first: LoadedPlugin, second: LoadedPlugin) -> InputError:
    """The error that names both plugins that want ``role``."""
    return InputError(
        f"role {role} has two providers: {first.name} ({first.origin}) and "
        f"{second.name} ({second.origin})",
        expected="exactly one",
    )


class _Loaded:
    """Loads each source once, so that one plugin in two roles keeps one state.

    No two plugins have the same name.
    """

    def __init__(self) -> None:
        self._plugins: list[tuple[object, LoadedPlugin]] = []

    def get(self, source: object) -> LoadedPlugin:
        for known, plugin in self._plugins:
            if known is source or (isinstance(source, str) and known == source):
                return plugin
        plugin = load_plugin(source)
        for _, other in self._plugins:
            if other.plugin is plugin.plugin and plugin.plugin is not None:
                plugin = other
        self._plugins.append((source, self._named(plugin)))
        return self._plugins[-1][1]

    def _named(self, plugin: LoadedPlugin) -> LoadedPlugin:
        """``plugin``, with a number after its name if another one has it already."""
        taken = {other.name for _, other in self._plugins if other.plugin is not plugin.plugin}
        name, count = plugin.name, 2
        while name in taken:
            name, count = f"{plugin.name}-{count}", count + 1
        return plugin if name == plugin.name else plugin.renamed(name)


def _extras(
    profile: Profile, extras: Sequence[object] | None, config: Config, until: str | None
) -> list[object]:
    if extras is not None:
        return list(extras)
    steps, settings = profile.steps_until(until), config.as_dict()
    return [
        extra.plugin for extra in profile.extras if settings[extra.toggle] and extra.step in steps
    ]
