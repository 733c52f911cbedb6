"""`TemporaryWindow`: any one frame at a fixed address, for a moment (TH-14).

The tables on the way to `TEMP_WINDOW_VA` are made with the address space. So mapping needs no frame
and cannot fail: it writes one entry and flushes one page. At the end of the scope the entry is
cleared again, whatever happened inside.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_sim.errors import MapError
from kernel_sim.host.quirks import has_quirk
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_theseus.layout import DATA, PHYS_OFFSET, TEMP_WINDOW_VA

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@contextmanager
def temporary_window(kernel: "Kernel", frame: int) -> Iterator[int]:
    """Map ``frame`` at `TEMP_WINDOW_VA` for the scope; yields the address.

    Raises:
        MapError: the window is in use: there is only one.
    """
    leaf = tables.walk(kernel, kernel.root, TEMP_WINDOW_VA)[-1]
    if leaf.level != 1:
        raise MapError(TEMP_WINDOW_VA, "tables for the window, made with the address space")
    if leaf.value & tables.PRESENT:
        raise MapError(TEMP_WINDOW_VA, "the window not in use")
    _set(kernel, leaf.address, frame | int(DATA))
    follows_physical = has_quirk(kernel, "window_follows_physical")
    try:
        yield TEMP_WINDOW_VA
    finally:
        _set(kernel, leaf.address & ~PHYS_OFFSET if follows_physical else leaf.address, 0)


def _set(kernel: "Kernel", entry: int, value: int) -> None:
    kernel.cpu.store(entry, tables.ENTRY_BYTES, value)
    kernel.cpu.invlpg(TEMP_WINDOW_VA)
