"""A profile as plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from kernel_sim.nearest import unknown_name

COMMON_SETTINGS: Final = {
    "physical_limit": None,
    "bitmap_area": None,
    "bitmap_layout": "",
    "demand_paging": False,
    "quirks": "",
}
"""Settings that every kernel has, so that a part of one finds them in another."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A plugin beside the roles: loaded if ``toggle`` is on and the boot takes ``step``.

    A student who writes the role ``part_of`` writes this, too; the plugin then stays out.
    """

    plugin: str
    toggle: str
    step: str
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class Profile:
    """A kernel: its boot order is data, not simulator code.

    Args:
        name: as the command line takes it.
        machine: where it boots unless told otherwise.
        steps: the boot steps in order.
        roles: role → name of the plugin that fills it.
        step_roles: step → the role that it is the first to need.
        extras: plugins that come and go with a setting.
        config: all settings and their defaults.
        sequences: other orders of the boot steps; the setting ``boot_sequence`` names one.
        interrupt_stacks: vector → IST number of its gate, 1 to 7; for a kernel in long mode.
        entry_point: ``'low'`` if a boot loader has to enter the kernel where it loaded it, in an
            identity map; else where it is linked.
        quirks: name → what the original code does otherwise than its description says.
    """

    name: str
    machine: str
    steps: tuple[str, ...]
    roles: Mapping[str, str]
    step_roles: Mapping[str, str]
    extras: Sequence[Extra] = ()
    config: Mapping[str, object] = field(default_factory=dict)
    sequences: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    interrupt_stacks: Mapping[int, int] = field(default_factory=dict)
    entry_point: str = "high"
    quirks: Mapping[str, str] = field(default_factory=dict)

    def in_order(self, sequence: object) -> "Profile":
        """This profile with its steps in the order called ``sequence``; None for its own order.

        Raises:
            InputError: there is no such order.
        """
        if sequence is None:
            return self
        if sequence not in self.sequences:
            raise unknown_name("boot sequence", str(sequence), self.sequences)
        return replace(self, steps=self.sequences[str(sequence)])

    def steps_until(self, until: str | None) -> tuple[str, ...]:
        """The steps up to and with ``until``; all if that is None, or a step of a boot plugin."""
        if until is None or until not in self.steps:
            return self.steps
        return self.steps[: self.steps.index(until) + 1]

    def roles_until(self, until: str | None) -> tuple[str, ...]:
        """The roles that these steps need."""
        steps = self.steps_until(until)
        return tuple(role for step, role in self.step_roles.items() if step in steps)

    def extras_beside(
        self, role: str, config: Mapping[str, object], until: str | None
    ) -> list[str]:
        """The extras of a boot in which the plugin of ``role`` brings its own part of them."""
        settings = {**COMMON_SETTINGS, **self.config, **config}
        steps = self.steps_until(until)
        return [
            extra.plugin
            for extra in self.extras
            if settings[extra.toggle] and extra.step in steps and extra.part_of != role
        ]
