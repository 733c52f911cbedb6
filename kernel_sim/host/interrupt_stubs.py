"""Interrupt stubs: 16 bytes of code for each vector, one behind the other in the kernel image.

Stub v lies at ``isr_stubs + 16 * v``. The code is what a disassembler would show; what happens
there is done by the callables that `kernel_sim.host.fault_path` registers at these addresses.
"""

from functools import cache
from typing import Final

VECTORS: Final = 256
STUB_BYTES: Final = 16
DOUBLE_FAULT: Final = 8
PAGE_FAULT: Final = 14
KERNEL_CODE: Final = 0x08
KERNEL_DATA: Final = 0x10
RING_0_STACK_BYTES: Final = 0x2000
"""So far below the top of the boot stack faults from CPL 3 put their frames."""


def stub_address(start: int, vector: int) -> int:
    """Where the stub of ``vector`` lies if the first one lies at ``start``."""
    return start + STUB_BYTES * vector


@cache
def stub_code() -> bytes:
    """All stubs: ``push vector; iret`` and padding."""
    return b"".join(
        bytes((0x68, vector, 0, 0, 0, 0xCF)).ljust(STUB_BYTES, b"\x90") for vector in range(VECTORS)
    )
