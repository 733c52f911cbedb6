"""Cuts a region of a firmware map along what the firmware took for itself."""

from collections.abc import Sequence

from kernel_sim.values import AddrRange


def pieces(
    region: AddrRange, used: Sequence[AddrRange]
) -> list[tuple[AddrRange, AddrRange | None]]:
    """``region`` cut along the sorted, disjoint ranges of ``used``.

    Returns:
        The pieces in order, none empty, each with the used range it lies in or None.
    """
    result: list[tuple[AddrRange, AddrRange | None]] = []
    start = region.start
    for owner in used:
        if not owner.overlaps(region):
            continue
        first, last = max(owner.start, start), min(owner.end, region.end)
        if start < first:
            result.append((AddrRange(start, first), None))
        result.append((AddrRange(first, last), owner))
        start = last
    if start < region.end:
        result.append((AddrRange(start, region.end), None))
    return result
