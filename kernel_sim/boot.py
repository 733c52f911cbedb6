"""Booting: a profile on a machine, with any role in other hands.

What comes out is always a report.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kernel_sim.errors import BudgetExceeded, InputError, KernelError, MachineStopped
from kernel_sim.hooks import Hooks
from kernel_sim.host.assembly import assemble
from kernel_sim.host.boot_report import boot_json
from kernel_sim.host.boot_steps import KernelUnderBoot, default_description, direct_map
from kernel_sim.host.budget import Budget
from kernel_sim.host.config import Config
from kernel_sim.host.console import Console
from kernel_sim.host.fault_path import FaultPath
from kernel_sim.host.hook_calls import HookCall, Owner, Value
from kernel_sim.host.loaded_plugin import LoadedPlugin
from kernel_sim.host.needs import MODES, assert_fits
from kernel_sim.host.oops import KernelOops, Oops
from kernel_sim.host.plugin_host import Host
from kernel_sim.host.quirks import assert_known
from kernel_sim.host.registration import Registration
from kernel_sim.kernel import Kernel, SharedKernel
from kernel_sim.machine import Machine, MachineSpec, Ram, machine_spec
from kernel_sim.machine.devices.vga import VGA_TEXT
from kernel_sim.machine.firmware.bootable import HAND_OVER
from kernel_sim.machine.machine import Stores
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.nearest import unknown_name
from kernel_sim.profiles import COMMON_SETTINGS, Profile, profile
from kernel_sim.values import Event, MemoryRegion, SelfTestResult

__all__ = ["Boot", "Step", "boot"]

FIRST_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A boot step that was begun, and whether it went well."""

    name: str
    ok: bool


class Boot:
    """A machine that has booted, or tried to.

    Args:
        profile: the kernel.
        machine: powered on.
        host: with all plugins resolved.
        kernel: the kernel's own code.
        calls: hook → its call.
    """

    def __init__(
        self,
        profile: Profile,
        machine: Machine,
        host: Host,
        kernel: KernelUnderBoot,
        calls: Mapping[str, HookCall],
    ) -> None:
        self.profile = profile
        self.machine = machine
        self.host = host
        self.kernel: Kernel = kernel.view
        self.steps: list[Step] = []
        self.oops: Oops | None = None
        self._kernel = kernel
        self._calls = calls

    @property
    def ok(self) -> bool:
        """Whether every step went well."""
        return self.oops is None

    @property
    def plugins(self) -> list[LoadedPlugin]:
        """All plugins of this boot."""
        return [item.plugin for item in self.host.registrations]

    @property
    def roles(self) -> dict[str, str]:
        """Role → the name of the plugin that fills it."""
        return {role: item.plugin.name for item in self.host.registrations for role in item.roles}

    @property
    def regions(self) -> list[MemoryRegion]:
        """The memory descriptor table; empty if it was not parsed."""
        return self.kernel.regions

    @regions.setter
    def regions(self, regions: list[MemoryRegion]) -> None:
        self._kernel.shared.regions = regions

    @property
    def faults(self) -> list[Event]:
        """Every exception that the processor met."""
        return [event for event in self.machine.trace.events if event.kind == "fault"]

    @property
    def selftests(self) -> list[SelfTestResult]:
        """What the boot-time self-tests said."""
        return list(self._kernel.selftests)

    @property
    def transcript(self) -> list[str]:
        """Every line that was printed on the console."""
        return list(self.kernel.console.transcript)

    @property
    def first_frames(self) -> list[int]:
        """The first eight addresses that ``pmm_alloc_frame`` returned, whoever called."""
        frames: list[int] = []
        for event in self.machine.trace.events:
            frame = event.fields.get("result")
            if event.fields.get("hook") == "pmm_alloc_frame" and isinstance(frame, int):
                frames.append(frame)
                if len(frames) == FIRST_FRAMES:
                    break
        return frames

    @property
    def post_mortem(self) -> dict[str, object]:
        """The machine's last state if it stopped, else empty."""
        return self.host.stopped.post_mortem if self.host.stopped is not None else {}

    def call(self, hook: str, *arguments: object) -> Value:
        """Call ``hook`` as the kernel would, through the facade and its checks.

        Raises:
            KernelError: the hook refused.
            KernelOops: it failed otherwise.
            InputError: there is no such hook.
        """
        if hook not in self._calls:
            raise unknown_name("hook", hook, self._calls)
        return getattr(self.kernel.hooks, hook)(*arguments)

    def report(self, error: BaseException) -> Oops:
        """The report of an error that left `call`: hook, plugin, line, last events."""
        if isinstance(error, KernelOops):
            return error.oops
        if isinstance(error, KernelError):
            return self.host.refusal(error)
        return self.host.oops(Owner("", "", "kernel"), error)

    def as_json(self) -> dict[str, Any]:
        """The boot as plain data: the fields of ``ksim boot --json``."""
        return boot_json(self)

    def run(self, steps: Sequence[str]) -> None:
        """Take ``steps`` one after the other; the first that fails ends the boot."""
        for name in steps:
            try:
                self._kernel.take(name)
                self.host.between_steps()
            except (KernelError, KernelOops, MachineStopped, BudgetExceeded) as error:
                self.steps.append(Step(name, ok=False))
                self.oops = self._failure(name, error)
                return
            self.steps.append(Step(name, ok=True))

    def _failure(self, step: str, error: BaseException) -> Oops:
        """The oops of a failed step; where no hook ran it names the step and its role."""
        oops = self.report(error)
        if isinstance(error, MachineStopped):
            self.host.stopped = error
        if oops.hook:
            return oops
        role = self.profile.step_roles.get(step, "")
        return oops.at_step(step, role, self.roles.get(role, "kernel"))


def boot(  # noqa: PLR0913 - one keyword for each thing that a boot can be told
    profile: str | Profile = "kernel-v",
    machine: str | MachineSpec | None = None,
    roles: Mapping[str, object] | None = None,
    *,
    seed: int = 0,
    until: str | None = None,
    config: Mapping[str, object] | None = None,
    ram: Ram | None = None,
    stores: Stores = False,
    budget: Budget | None = None,
    extras: Sequence[object] | None = None,
    log: OperationLog | None = None,
) -> Boot:
    """Boot ``profile`` on ``machine``.

    Whatever plugins do, the result is a `Boot`, with ``oops`` if it failed.

    Args:
        profile: a name, or a profile of one's own.
        machine: a name, the path of a JSON file, or a description; the profile's machine by
            default.
        roles: role → plugin: what `load_plugin` takes. The profile's own plugins fill the rest.
        seed: of the poison in RAM.
        until: the last step to take.
        config: settings that differ from the profile's.
        ram: memory that is shared with another process.
        stores: whether the trace records stores; ``"paging"``: once CR0.PG is set.
        budget: of each hook that the kernel calls.
        extras: plugins beside the roles, in the place of those that the profile's settings ask for.
        log: where the processor's operations are noted, if they are to be.

    Raises:
        InputError: an unknown name or setting, a file that can't be read, or a machine that can't
            boot this profile, or a plugin that can't be a part of it.
    """
    chosen = _profile(profile)
    settings = Config({**COMMON_SETTINGS, **chosen.config}, config or {})
    assert_known(settings.quirks, chosen.quirks, chosen.name)
    chosen = chosen.in_order(settings.as_dict().get("boot_sequence"))
    if until is not None and until not in chosen.steps and "boot" not in (roles or {}):
        raise unknown_name("boot step", until, chosen.steps)
    filled = assemble(chosen, roles or {}, extras, settings, until)
    spec = (
        machine_spec(machine or chosen.machine) if not isinstance(machine, MachineSpec) else machine
    )
    reason = spec.bootable(chosen.name) if chosen.name in HAND_OVER else None
    if reason is not None:
        raise InputError(f"{chosen.name} cannot boot here: {reason}", where=f"machine {spec.name}")
    _assert_compatible(filled, spec, chosen)
    if spec.firmware == "bootinfo":
        spec = replace(spec, entry_point=chosen.entry_point)
    hardware = Machine(spec, seed=seed, ram=ram, log=log)
    hardware.power_on()
    hardware.record_stores(stores)
    result = _wire(chosen, hardware, settings, filled, budget or Budget())
    result.run(_sequence(result, until))
    return result


def _profile(profile_or_name: str | Profile) -> Profile:
    return profile_or_name if isinstance(profile_or_name, Profile) else profile(profile_or_name)


def _assert_compatible(
    filled: list[tuple[LoadedPlugin, frozenset[str]]], spec: MachineSpec, chosen: Profile
) -> None:
    """Refuse plugins that can't be parts of this kernel.

    Raises:
        InputError: names the role, the plugin and what it lacks.
    """
    firmware = spec.firmware if spec.long_mode else "e820"
    for plugin, roles in filled:
        for role in sorted(roles):
            assert_fits(plugin, role, firmware, MODES[spec.long_mode], chosen.steps)


def _wire(
    chosen: Profile,
    machine: Machine,
    config: Config,
    filled: list[tuple[LoadedPlugin, frozenset[str]]],
    budget: Budget,
) -> Boot:
    """Bind every plugin to a view of its own and resolve the hooks."""
    host = Host(machine.trace, budget)
    calls: dict[str, HookCall] = {}
    hooks = Hooks(calls)
    screen = machine.boot_info.symbols.get("vga_text", VGA_TEXT)
    console = Console(machine.cpu, host.console_line, screen)
    shared = SharedKernel(machine, config, console, hooks)
    registrations = [
        Registration(plugin, Kernel(shared, plugin.name), roles) for plugin, roles in filled
    ]
    calls.update(host.resolve(registrations))
    if not any(item.plugin.implements("describe_region") for item in registrations):
        calls["describe_region"] = host.default_call("describe_region", default_description)
    if not any("paging" in item.roles for item in registrations):
        calls["phys_to_virt"] = host.default_call("phys_to_virt", direct_map(machine.boot_info))
    fault_path = FaultPath(machine, hooks, host.observers, chosen.interrupt_stacks)
    kernel = KernelUnderBoot(shared, Kernel(shared, "kernel"), fault_path)
    return Boot(chosen, machine, host, kernel, calls)


def _sequence(result: Boot, until: str | None) -> Sequence[str]:
    """The steps to take: those of the plugin that fills ``boot``, else the profile's."""
    steps = list(result.profile.steps)
    if any(plugin.implements("boot_sequence") for plugin in result.plugins):
        try:
            steps = result.kernel.hooks.boot_sequence()
        except (KernelError, KernelOops) as error:
            result.oops = result.report(error)
            return ()
    if until is None:
        return steps
    if until not in steps:
        raise unknown_name("boot step", until, steps)
    return steps[: steps.index(until) + 1]
