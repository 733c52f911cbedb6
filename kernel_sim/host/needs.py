"""What a plugin needs of the kernel that it becomes a part of, so that a swap can be refused.

A module says so in an attribute of this name::

    needs = Needs(firmware="e820", mode="32-bit mode")

A plugin that says nothing, as a student's notebook does, is tried: the boot shows whether it fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.host.loaded_plugin import LoadedPlugin

MODES: Final = ("32-bit mode", "long mode")
MAPS: Final = {
    "e820": "the e820 table",
    "bootinfo": "a boot loader's region list",
    "uefi": "UEFI's memory map",
}
"""Kind of `BootInfo` → what it leads to."""
HEAP_ON_MAPPED_MEMORY: Final = "heap_on_region"
"""The boot step of a kernel whose heap comes before its frame allocator (MS-8)."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a plugin relies on; what is empty does not matter to it.

    Args:
        firmware: ``'e820'``, ``'bootinfo'`` or ``'uefi'``: whose memory map it reads.
        mode: ``'32-bit mode'`` or ``'long mode'``: how wide its addresses and entries are.
        steps: boot steps that it takes part in.
        maps_pages: a heap that maps its pages itself, and has to come after frames and paging.
    """

    firmware: str = ""
    mode: str = ""
    steps: tuple[str, ...] = ()
    maps_pages: bool = False

    def unmet(self, firmware: str, mode: str, steps: Sequence[str]) -> str:
        """One clause that says what is missing from a kernel, or nothing.

        Args:
            firmware: the kind of `BootInfo` that it is given.
            mode: the mode that it runs in.
            steps: its boot steps.
        """
        if self.firmware and self.firmware != firmware:
            return f"reads {MAPS[self.firmware]}, and is given {MAPS[firmware]}"
        if self.mode and self.mode != mode:
            return f"is written for {self.mode}, and this kernel runs in {mode}"
        if self.maps_pages and HEAP_ON_MAPPED_MEMORY in steps:
            return "maps its pages itself, and this kernel's heap lies on memory that is mapped"
        missing = [step for step in self.steps if step not in steps]
        return f"takes part in the boot step {missing[0]}, which is missing" if missing else ""


def needs_of(plugin: LoadedPlugin) -> Needs:
    """What ``plugin`` says it needs; nothing if it does not say."""
    needs = getattr(plugin.plugin, "needs", None)
    return needs if isinstance(needs, Needs) else Needs()


def assert_fits(
    plugin: LoadedPlugin, role: str, firmware: str, mode: str, steps: Sequence[str]
) -> None:
    """Refuse a plugin that can't do its part in a kernel.

    Raises:
        InputError: with what is missing.
    """
    reason = needs_of(plugin).unmet(firmware, mode, steps)
    if reason:
        raise InputError(f"{plugin.name} {reason}", where=f"role {role}", expected="another plugin")
