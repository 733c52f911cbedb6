"""A number of bytes in words, exact or marked as rounded."""

from typing import Final

UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def byte_size(size_bytes: int) -> str:
    """``size_bytes`` in the largest unit that fits, ``~`` in front when digits were dropped.

    >>> byte_size(0x9FC00), byte_size(4096), byte_size(0x7EE0000)
    ('639 KiB', '4 KiB', '~126.9 MiB')
    """
    power = 0
    while power + 1 < len(UNITS) and size_bytes >= 1024 ** (power + 1):
        power += 1
    unit = 1024**power
    if size_bytes % unit == 0:
        return f"{size_bytes // unit} {UNITS[power]}"
    if size_bytes % (unit // 1024) == 0 and size_bytes // (unit // 1024) < 100_000:
        return f"{size_bytes // (unit // 1024)} {UNITS[power - 1]}"
    return f"~{size_bytes / unit:.1f} {UNITS[power]}"
