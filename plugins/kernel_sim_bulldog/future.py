"""What Bulldog does not have yet, and the extension lab in which each of it is built (BD-31)."""

from typing import Final

from kernel_sim.errors import NotSupported

FUTURE: Final = {
    "guard pages": "Lab 5",
    "user-mode memory": "Lab E11",
    "per-process page tables": "Lab E11",
    "copy-on-write": "Lab E12",
    "memory-mapped files": "Lab E13",
    "large pages": "Lab E3",
    "NUMA awareness": "Lab E9",
    "frame deallocation": "Lab E1",
    "per-CPU frame caches": "Lab E8",
}


def not_yet(feature: str, value: object) -> NotSupported:
    """The refusal of what needs ``feature``, for the caller to raise; it names the lab."""
    return NotSupported(value, expected=f"{feature}, which {FUTURE[feature]} adds")
