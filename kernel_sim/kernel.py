"""The kernel as a plugin meets it: one view for each plugin, its state its own, the rest shared."""

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from kernel_sim.hooks import Hooks
from kernel_sim.host.config import Config
from kernel_sim.host.console import Console
from kernel_sim.host.plain import plain
from kernel_sim.machine import Cpu, Machine
from kernel_sim.nearest import did_you_mean
from kernel_sim.trace import Trace
from kernel_sim.values import BootInfo, MemoryRegion

ROOT_MASK = ~0xFFF
"""CR3 without its flag bits."""


@dataclass(slots=True)
class SharedKernel:
    """What all views have in common."""

    machine: Machine
    config: Config
    console: Console
    hooks: Hooks
    regions: list[MemoryRegion] = field(default_factory=list)

    @property
    def trace(self) -> Trace:
        """The machine's trace."""
        return self.machine.trace


class Kernel:
    """The only handle that a hook gets.

    Only `state` is there to be written to, by setting its attributes.

    Args:
        shared: what all plugins share.
        plugin: whose view this is; log events carry the name.
    """

    __slots__ = ("_plugin", "_shared", "boot_info", "config", "console", "cpu", "hooks", "state")

    boot_info: BootInfo
    """What the firmware handed over."""
    config: Config
    """Feature toggles and layout constants."""
    console: Console
    """The VGA text screen."""
    cpu: Cpu
    """Memory, control registers and stack; the only way to memory."""
    hooks: Hooks
    """Typed calls to the other roles."""
    state: SimpleNamespace
    """This plugin's own, fresh for each boot."""

    def __init__(self, shared: SharedKernel, plugin: str) -> None:
        for name, value in (
            ("_plugin", plugin),
            ("_shared", shared),
            ("boot_info", shared.machine.boot_info),
            ("config", shared.config),
            ("console", shared.console),
            ("cpu", shared.machine.cpu),
            ("hooks", shared.hooks),
            ("state", SimpleNamespace()),
        ):
            object.__setattr__(self, name, value)

    @property
    def regions(self) -> list[MemoryRegion]:
        """A copy of the memory descriptor table; empty before it is parsed."""
        return list(self._shared.regions)

    @property
    def root(self) -> int:
        """The physical address of the root table: CR3 without its flag bits."""
        return self.cpu.cr3 & ROOT_MASK

    def log(self, event: str, /, **fields: object) -> None:
        """Leave a ``log`` event in the trace; ``fields`` become plain data."""
        known = {name: plain(value) for name, value in fields.items()}
        for name in ("kind", "event", "plugin"):
            if name in known:
                known[f"{name}_"] = known.pop(name)
        self._shared.trace.emit("log", event=str(event), plugin=self._plugin, **known)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"kernel.{name} can't be set; keep your own data in kernel.state")

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - always raises
        names = [*(slot for slot in self.__slots__ if slot[0] != "_"), "regions", "root", "log"]
        raise AttributeError(f"kernel has no {name!r}{did_you_mean(name, names)}")
