"""What every heap of this profile proves at boot (KV-43)."""

from typing import TYPE_CHECKING, Final

from kernel_sim.addr import is_aligned
from kernel_sim.values import SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

REQUESTS: Final = ((100, 8, 0xA5), (64, 4096, 0x5A), (1, 8, 0xFF))
"""Size in bytes, alignment in bytes, and the byte that fills the block."""


def prove(kernel: "Kernel", name: str) -> SelfTestResult:
    """Three blocks keep their contents and their alignment, and leave nothing behind.

    ``name`` is the heap's, as the result and the boot screen show it.
    """
    hooks = kernel.hooks
    before = hooks.heap_stats()
    blocks = [(hooks.kmalloc(size, align), size, align, fill) for size, align, fill in REQUESTS]
    live = [(ptr, size, align, fill) for ptr, size, align, fill in blocks if ptr is not None]
    for ptr, size, _, fill in live:
        kernel.cpu.fill(ptr, size, fill)
    kept = all(kernel.cpu.read(p, n) == bytes([fill]) * n for p, n, _, fill in live)
    aligned = all(is_aligned(ptr, align) for ptr, _, align, _ in live)
    for ptr, *_ in live:
        hooks.kfree(ptr)
    after = hooks.heap_stats()
    balanced = (before.used, before.blocks) == (after.used, after.blocks)
    passed = len(live) == len(REQUESTS) and kept and aligned and balanced
    return SelfTestResult(name, passed, f"{after.free:#x} bytes free, {after.blocks} blocks")
