"""Which kernel boots on which machine, and why not.

A kernel asks for one kind of hand-over: Kernel-V for an e820 table in protected mode, TheseusOS for
the UEFI handoff block, Bulldog and Cyrius for what the ``bootloader`` crate gives, both in long
mode.
"""

import difflib
from typing import Final

from kernel_sim.errors import InputError
from kernel_sim.machine.firmware.long_mode_placement import why_not_long_mode
from kernel_sim.machine.firmware.placement import why_not_bootable
from kernel_sim.machine.spec import MachineSpec

_PROTECTED_MODE: Final = "e820"
HAND_OVER: Final = {
    "kernel-v": _PROTECTED_MODE,
    "bulldog": "bootinfo",
    "bulldog-early": "bootinfo",
    "theseus": "uefi",
    "cyrius": "bootinfo",
}
"""Profile → the firmware that it starts from."""


def why_not(spec: MachineSpec, profile: str) -> str | None:
    """None if ``profile`` boots on ``spec``, else one clause that says what is missing.

    Raises:
        InputError: no profile has that name.
    """
    wanted = HAND_OVER.get(profile)
    if wanted is None:
        near = difflib.get_close_matches(profile, HAND_OVER, n=1, cutoff=0.4)
        raise InputError(
            f"no kernel is called {profile!r}", expected=near[0] if near else ", ".join(HAND_OVER)
        )
    if wanted == _PROTECTED_MODE and spec.long_mode:
        return f"the firmware hands over in long mode; {profile} starts from an e820 table"
    if wanted not in {_PROTECTED_MODE, spec.firmware}:
        name = spec.name.partition("+")[0]
        return f"{profile} starts from {wanted} firmware: take {name}+{wanted}"
    return why_no_hand_over(spec)


def why_no_hand_over(spec: MachineSpec) -> str | None:
    """None if the firmware of ``spec`` finds room for what it hands over, else the reason."""
    return why_not_long_mode(spec) if spec.long_mode else why_not_bootable(spec)
