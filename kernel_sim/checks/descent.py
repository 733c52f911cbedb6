"""Functions that call each other, down to one that makes an access: what a fault logger walks.

::

    entry      bp = 0, where the chain ends
      level_1  ┌ return address ┐
               │ bp of entry, 0 │ ◀─┐
               │ locals         │   │
      level_2  │ return address │   │
               │ bp of level_1 ─┼───┘
               │ locals         │   ...

`DAMAGES` are ways in which the innermost function spoils its caller's saved bp before the access,
as an overrun buffer does.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Final

from kernel_sim.kernel import Kernel

NAMES: Final = 4
"""So many functions take turns, so that neighbours differ."""
DAMAGES: Final[Mapping[str, tuple[str, int]]] = {
    "null": ("", 0),
    "unmapped": ("", 0xDEAD_0000),
    "end": ("", 0xFFFF_FFFC),
    "odd": ("bp", 9),
    "itself": ("bp", 0),
    "below": ("bp", -8),
    "top": ("top", 0),
    "last": ("top", -4),
}
"""Name → where the damaged pointer points: so far from the frame it stands in, from the end of the
stack, or from 0."""


def damaged(damage: str, bp: int, top: int) -> int:
    """The saved bp after a damage, given the frame it stands in and the end of the stack."""
    place, offset = DAMAGES[damage]
    return {"bp": bp, "top": top}.get(place, 0) + offset


def descend(kernel: Kernel, depth: int, locals_bytes: int, damage: str, address: int) -> None:
    """Enter ``depth`` functions, each called by the last; the innermost stores at ``address``.

    Args:
        kernel: whose processor runs.
        depth: at least 1.
        locals_bytes: of each function.
        damage: a name of `DAMAGES`, or empty.
        address: where four bytes are stored in the end; 0 is an address like any other.
    """
    cpu = kernel.cpu
    top, cpu.bp = cpu.sp, 0
    with ExitStack() as functions:
        for level in range(1, depth + 1):
            functions.enter_context(cpu.frame(f"level_{level % NAMES}", locals_bytes))
        if damage:
            cpu.store(cpu.bp, 4, damaged(damage, cpu.bp, top))
        cpu.store(address, 4, 0x5A5A_5A5A)
