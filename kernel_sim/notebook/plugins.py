"""Which plugin fills a role: what a boot asks for, what `use` said, the notebook, the reference."""

from collections.abc import Mapping
from dataclasses import dataclass

from kernel_sim.host.loaded_plugin import LoadedPlugin
from kernel_sim.notebook.session import REFERENCE, SESSION, STUDENT_ROLES


@dataclass(frozen=True, slots=True)
class Choice:
    """A plugin for one role: what the host loads, and where it comes from in words."""

    source: object
    words: str


def choices(own: LoadedPlugin, asked: Mapping[str, object]) -> dict[str, Choice]:
    """Role to plugin, for every role that is not the reference's.

    Args:
        own: the notebook's hooks.
        asked: role to plugin, as this boot was told.
    """
    chosen = {role: Choice(own, "this notebook") for role in own.roles if role in STUDENT_ROLES}
    for role, source in {**SESSION.plugins, **asked}.items():
        if source == REFERENCE:
            chosen.pop(role, None)
        elif source is not None:
            chosen[role] = Choice(source, words_for(source))
    return chosen


def words_for(source: object) -> str:
    """Where a plugin comes from, for a heading."""
    return source if isinstance(source, str) else type(source).__name__
