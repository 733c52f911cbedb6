"""Reference counters: how often each frame is in use, now and over time (KV-36).

Rationale: an allocator knows used and free, no more. Whether a frame is still mapped somewhere when
it is freed, or is never freed at all, shows only when each use is counted::

    pmm_alloc_frame   +1   the owner           pmm_free_frame   -1
    map_page          +1   each mapping        unmap_page       -1

A heap page that is mapped counts 2: its owner and its mapping. The identity map is not counted,
since every frame is in it. A frame that is freed while it is mapped keeps its mapping's 1: that is
the use after free waiting to happen, and it is logged.

Benefit: leaks and dangling mappings are named, with the frame. Cost: a dictionary entry for each
frame in use, updated at each call. The counters watch events; they change nothing.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import Event, SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

SAMPLE_EVERY: Final = 256
"""Changes between two ``frame_usage`` events."""


@dataclass(slots=True)
class Usage:
    """``counts`` holds no zeros; ``peak`` is the most frames that were in use at once."""

    counts: Counter[int] = field(default_factory=Counter)
    changes: int = 0
    peak: int = 0


@hookimpl
def on_event(kernel: "Kernel", event: Event) -> None:
    """Count what a successful hook call adds or takes; nothing with ``config.refcounts`` off."""
    if event.kind != "hook" or not kernel.config.refcounts or "error" in event.fields:
        return
    change, frames = _change(event.fields)
    for frame in frames:
        _count(kernel, frame, change)
        if event.fields["hook"] == "pmm_free_frame" and frame in _usage(kernel).counts:
            kernel.log("freed_while_in_use", frame=frame)


@hookimpl
def frame_refcount(kernel: "Kernel", frame: int) -> int | None:
    """How often ``frame`` is in use; None with ``config.refcounts`` off."""
    return _usage(kernel).counts[frame] if kernel.config.refcounts else None


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult | None:
    """No frame is counted less than zero times, and the peak is at least what is in use now."""
    if not kernel.config.refcounts:
        return None
    usage = _usage(kernel)
    in_use = len(usage.counts)
    passed = in_use <= usage.peak and all(count > 0 for count in usage.counts.values())
    return SelfTestResult("refcounts", passed, f"{in_use} frames in use, {usage.peak} at most")


def _usage(kernel: "Kernel") -> Usage:
    """The counters of this boot."""
    if not hasattr(kernel.state, "usage"):
        kernel.state.usage = Usage()
    usage: Usage = kernel.state.usage
    return usage


def _change(fields: Mapping[str, object]) -> tuple[int, Iterable[int]]:
    """+1 or -1, and the frames that a successful hook call is about."""
    match dict(fields):
        case {"hook": "pmm_alloc_frame", "result": int(frame)}:
            return +1, (frame,)
        case {
            "hook": "pmm_alloc_contiguous",
            "result": int(first),
            "arguments": {"count": int(count)},
        }:
            return +1, range(first, first + count * PAGE_SIZE, PAGE_SIZE)
        case {"hook": "map_page", "arguments": {"frame": int(frame)}}:
            return +1, (frame,)
        case {"hook": "pmm_free_frame", "arguments": {"frame": int(frame)}}:
            return -1, (frame,)
        case {"hook": "unmap_page", "result": int(frame)}:
            return -1, (frame,)
    return 0, ()


def _count(kernel: "Kernel", frame: int, change: int) -> None:
    usage = _usage(kernel)
    count = usage.counts[frame] + change
    if count < 0:
        kernel.log("refcount_below_zero", frame=frame)
    if count > 0:
        usage.counts[frame] = count
    else:
        del usage.counts[frame]
    usage.changes += 1
    usage.peak = max(usage.peak, len(usage.counts))
    if usage.changes % SAMPLE_EVERY == 0:
        kernel.log("frame_usage", in_use=len(usage.counts), peak=usage.peak)
