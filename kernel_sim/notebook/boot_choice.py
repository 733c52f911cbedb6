"""What the swap panel chooses: machine, profile and a plugin for each role; and booting it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kernel_sim.boot import boot as boot_machine
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.registry import lab_roles
from kernel_sim.checks.run import PRACTICE_SEED, run_checks
from kernel_sim.errors import InputError
from kernel_sim.host.running_notebook import RunningNotebook
from kernel_sim.loading import plugin_names
from kernel_sim.machine import machine_names, machine_spec
from kernel_sim.machine.spec import LONG_MODE_FIRMWARE
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.checking import Verdicts
from kernel_sim.notebook.session import REFERENCE, STUDENT_ROLES
from kernel_sim.profiles import profile

OWN: Final = "this notebook"
MOST_FILES: Final = 40
LAB_PROFILE: Final = "kernel-v"
"""The labs' checks boot this one."""


@dataclass(frozen=True, slots=True)
class BootChoice:
    """A machine, a profile, and for each role `OWN`, `REFERENCE`, or a plugin's name or file."""

    machine: str
    profile: str
    plugins: Mapping[str, str]

    def boot(self, own: RunningNotebook) -> Booted:
        """Boot it; ``own`` fills the roles that are this notebook's.

        Raises:
            InputError: an unknown name, or a machine that can't boot this profile.
        """
        sources = {role: self.source(role, own) for role in self.plugins}
        chosen = {role: source for role, source in sources.items() if source != REFERENCE}
        spec = machine_spec(self.machine)
        result = boot_machine(self.profile, spec, chosen)
        origins = {role: self.plugins[role] for role in chosen}
        uses_own = OWN in self.plugins.values()
        notes = [str(problem) for problem in own.loaded_plugin().problems] if uses_own else []
        return Booted(result, origins, notes)

    def source(self, role: str, own: RunningNotebook) -> object:
        """What `load_plugin` takes for ``role``."""
        name = self.plugins.get(role, REFERENCE)
        return own if name == OWN else name

    def check(self, lab: str, own: RunningNotebook) -> Verdicts | None:
        """What the lab's visible checks say of the plugin that fills the lab's first role.

        None if the lab is about a role that this profile does not have.
        """
        roles = lab_roles(lab)
        if self.profile != LAB_PROFILE or roles[0] not in self.plugins:
            return None
        source = self.source(roles[0], own)
        plugin = profile(self.profile).roles[roles[0]] if source == REFERENCE else source

        def bench() -> LocalBench:
            return LocalBench(plugin, roles)

        return Verdicts(run_checks(lab, bench, PRACTICE_SEED, None, hidden=False))


def bootable_machines(name: str) -> list[str]:
    """The machines that the profile called ``name`` can boot, with the firmware it needs."""
    return [
        machine
        for known in machine_names()
        for machine in (known, *(f"{known}+{firmware}" for firmware in LONG_MODE_FIRMWARE))
        if boots(name, machine)
    ]


def boots(name: str, machine: str) -> bool:
    """Whether the profile called ``name`` can boot ``machine``."""
    try:
        return machine_spec(machine).bootable(name) is None
    except InputError:  # this memory can't have that firmware
        return False


def plugin_choices(role: str) -> list[str]:
    """This notebook, the reference, installed plugins for ``role``, and files that lie here."""
    installed = [name for name in plugin_names() if name.endswith(f"_{role}")]
    here = sorted(path.name for path in Path().iterdir() if path.suffix in {".ipynb", ".py"})
    return [OWN, REFERENCE, *installed, *here[:MOST_FILES]]


def first_choice(own: RunningNotebook) -> dict[str, str]:
    """Role to plugin as `boot` would choose: this notebook where it has hooks of the role."""
    mine = own.loaded_plugin().roles
    return {role: OWN if role in mine else REFERENCE for role in STUDENT_ROLES}
