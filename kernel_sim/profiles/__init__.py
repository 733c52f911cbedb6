"""Profiles: which plugins fill a kernel's roles, its boot order, and its settings."""

import importlib
from typing import Final

from kernel_sim.nearest import unknown_name
from kernel_sim.profiles.profile import COMMON_SETTINGS, Extra, Profile

__all__ = ["COMMON_SETTINGS", "Extra", "Profile", "profile", "profile_names"]

_MODULES: Final = {
    "kernel-v": "kernel_v",
    "bulldog": "bulldog",
    "bulldog-early": "bulldog_early",
    "theseus": "theseus",
    "cyrius": "cyrius",
}


def profile_names() -> list[str]:
    """The names that `profile` knows."""
    return list(_MODULES)


def profile(name: str) -> Profile:
    """The profile called ``name``.

    Raises:
        InputError: there is none.
    """
    if name not in _MODULES:
        raise unknown_name("profile", name, _MODULES)
    module = importlib.import_module(f"kernel_sim.profiles.{_MODULES[name]}")
    found: Profile = module.PROFILE
    return found
