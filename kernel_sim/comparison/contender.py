"""What takes part in a comparison: a profile, or one with some roles in other hands."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel_sim.errors import InputError
from kernel_sim.loading import load_plugin, plugin_names
from kernel_sim.nearest import unknown_name
from kernel_sim.profiles import profile, profile_names


@dataclass(frozen=True, slots=True)
class Contender:
    """A kernel to boot.

    Args:
        name: as it was given.
        profile: the profile's name.
        roles: role → plugin, where it is not the profile's own.
    """

    name: str
    profile: str
    roles: Mapping[str, str]


def contender(text: str) -> Contender:
    """The contender that ``text`` names.

    ::

        bulldog                               a profile
        kernel-v:heap=kernel_v_heap_buddy     a profile with a role in other hands
        kernel-v:pmm=mine.py,heap=mine.py
        kernel_v_heap_buddy                   a plugin, in the profile it belongs to

    Raises:
        InputError: it is none of these, or names a role or plugin that does not exist.
    """
    if text in profile_names():
        return Contender(text, text, {})
    name, colon, assignments = text.partition(":")
    if colon and "=" in assignments:
        return Contender(text, profile(name).name, dict(_assigned(text, assignments, name)))
    if text.endswith((".py", ".ipynb")) or text in plugin_names():
        home = _home(text)
        roles = [role for role in load_plugin(text).roles if role in profile(home).roles]
        if not roles:
            raise InputError(f"{text} fills no role of {home}", expected="a plugin with a role")
        return Contender(text, home, dict.fromkeys(roles, text))
    raise unknown_name("profile or plugin", text, [*profile_names(), *plugin_names()])


def _assigned(text: str, assignments: str, name: str) -> list[tuple[str, str]]:
    """The pairs of role and plugin."""
    pairs = []
    for part in assignments.split(","):
        role, equals, plugin = part.partition("=")
        if not equals or not plugin:
            raise InputError(f"{part!r}", where=text, expected="ROLE=PLUGIN")
        if role not in profile(name).roles:
            raise unknown_name(f"role of {name}", role, profile(name).roles)
        pairs.append((role, plugin))
    return pairs


def _home(plugin: str) -> str:
    """The profile whose plugins have names like this one; the longest that fits."""
    names = sorted(profile_names(), key=len, reverse=True)
    fitting = (name for name in names if plugin.startswith(name.replace("-", "_") + "_"))
    return next(fitting, "kernel-v")
