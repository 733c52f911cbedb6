"""The last level of a sweep with NumPy: the same runs as `find_runs` of the sweep."""

import numpy as np

from kernel_sim.inspection.sweep import VOLATILE, Run


def find_runs_numpy(entries: "memoryview[int]", reserved: int, size: int) -> list[Run]:
    """Runs of present entries that map consecutive pages with equal flags."""
    raw = np.asarray(entries)
    kind = raw.dtype.type
    limit = int(np.iinfo(kind).max)
    valid = (raw & kind(1)).astype(bool) & ((raw & kind(reserved & limit)) == 0)
    plain = raw & kind(limit & ~VOLATILE)
    with np.errstate(over="ignore"):
        continues = valid[1:] & valid[:-1] & (plain[1:] == plain[:-1] + kind(size))
    starts = valid.copy()
    starts[1:] &= ~continues
    first = np.flatnonzero(starts)
    if not len(first):
        return []
    ends = valid.copy()
    ends[:-1] &= ~continues
    last = np.flatnonzero(ends)
    counts = last - first + 1
    return list(zip(first.tolist(), counts.tolist(), plain[first].tolist(), strict=True))
