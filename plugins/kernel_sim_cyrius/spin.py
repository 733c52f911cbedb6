"""A spin lock: one word in memory, 1 while somebody holds it (MS-27).

There is one processor, and a critical section does not wait for anything. So whoever finds the word
set would spin for ever, because the holder is itself. That is reported instead of acted out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kernel_sim.errors import KernelError
from kernel_sim_cyrius.layout import static

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


@contextmanager
def locked(kernel: "Kernel", name: str) -> Iterator[None]:
    """Hold the lock ``name``; it is let go however the section ends.

    Raises:
        KernelError: it is held already: a deadlock.
    """
    word = static(kernel, name).start
    if kernel.cpu.load(word, 8):
        raise KernelError(word, expected=f"{name} to be free: its holder would wait for itself")
    kernel.cpu.store(word, 8, 1)
    try:
        yield
    finally:
        kernel.cpu.store(word, 8, 0)
