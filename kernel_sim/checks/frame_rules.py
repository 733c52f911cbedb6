"""The rules of a frame allocator that the outcome of a call tells about (KV-10 to KV-18)."""

from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.bench import Failure
from kernel_sim.checks.frame_layout import frame_set
from kernel_sim.checks.frame_model import FrameModel
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import FrameStats

FOUR_GIB: Final = 1 << 32
WHICH: Final = frozenset({"not-usable", "exhausted-early", "free-bits"})
"""The right frames, all of them."""
ONCE: Final = frozenset({"issued-twice", "misaligned", "null", "exhausted-badly"})
"""One frame at a time, and None at the end."""
RESERVED: Final = frozenset(
    {"reserved-issued", "bitmap-issued", "zero-issued", "tramples", "bitmap-place"}
)
"""Nothing that is somebody else's."""
REUSE: Final = frozenset({"free-refused", "not-reusable", "issued-twice"})
ERRORS: Final = frozenset({"accepted", "error-class", "rejected-changes"})
BITS: Final = frozenset({"bits", "one-bit", "bitmap-place", "bitmap-size"})
COUNTS: Final = frozenset({"stats-sum", "stats-count"})
TOTAL: Final = frozenset({"total"})
ONCE_ONLY: Final = frozenset({"init-once"})
ALL_RULES: Final = ONCE_ONLY | WHICH | ONCE | RESERVED | REUSE | ERRORS | BITS | COUNTS | TOTAL


def broken_by_address(model: FrameModel, address: int) -> Breach | None:  # noqa: PLR0911 - rules
    """The rule that an allocated address breaks; the model does not have it yet."""
    number, rest = divmod(address, PAGE_SIZE)
    if rest:
        return _misaligned(model, address)
    if model.is_live(address):
        problem = f"{address:#x} was handed out although it is in use"
        return _breach("issued-twice", "KV-10", problem, address, "a frame that is free")
    if number == 0:
        rule, concept = (
            ("zero-issued", "frame-zero") if model.available else ("null", "exhaustion-null")
        )
        problem = "pmm_alloc_frame returned 0, frame 0, the address of NULL"
        return _breach(rule, "KV-16", problem, 0, "a frame, or None", concept)
    if model.bitmap_frames >> number & 1:
        problem = f"{address:#x} was handed out, but the bitmap lies there"
        expected = "a frame that the bitmap does not lie in"
        return _breach("bitmap-issued", "KV-16", problem, address, expected, "bitmap-not-reserved")
    if not model.layout.usable >> number & 1:
        return _not_usable(model, number)
    if model.layout.reserved >> number & 1:
        owner = model.layout.owner(number)
        problem = f"{address:#x} was handed out, but it belongs to {owner}"
        expected = "a frame that no reserved range touches"
        return _breach("reserved-issued", "KV-16", problem, address, expected, "reserved-ranges")
    return None


def _misaligned(model: FrameModel, address: int) -> Breach:
    is_number = address < model.layout.limit // PAGE_SIZE
    concept = "frame-number" if is_number else "alignment"
    problem = f"{address:#x} is no multiple of 0x1000"
    if is_number:
        problem += f"; frame number {address:#x} begins at {address * PAGE_SIZE:#x}"
    return _breach("misaligned", "KV-10", problem, address, "a frame's address", concept)


def _not_usable(model: FrameModel, number: int) -> Breach:
    """A frame that is not wholly available memory below the limit."""
    address = number * PAGE_SIZE
    concept, what = why_not_usable(model, number)
    problem = f"{address:#x} was handed out, but {what}"
    return _breach("not-usable", "KV-12", problem, address, "a usable frame", concept)


def why_not_usable(model: FrameModel, number: int) -> tuple[str, str]:
    """Concept and reason why the frame is not usable."""
    address, layout = number * PAGE_SIZE, model.layout
    if address >= layout.limit:
        beyond = layout.is_available_in_part(number)
        return (
            "physical-limit" if beyond else "tail-bits",
            f"the allocator's frames end at {layout.limit:#x}",
        )
    if layout.is_available_in_part(number):
        return "inward-rounding", "only a part of its 4096 bytes is available"
    if any(item.start >= FOUR_GIB and layout.aliases(item, address) for item in layout.available):
        return "address-truncation", "it is the low half of an address above 4 GiB"
    if not layout.is_described(number):
        return "undescribed-holes", "no region describes it"
    return "not-available", "its region is not AVAILABLE"


def failed_allocation(model: FrameModel, failure: Failure) -> Breach:
    """``pmm_alloc_frame`` failed instead of returning."""
    if model.available or failure.kind not in {"raised", "oops", "wrong_type"}:
        return failed_call(failure, "KV-10")
    problem = f"no frame was free, and pmm_alloc_frame did not return None: {failure.message}"
    concept = "exhaustion-null" if failure.kind == "wrong_type" else "exhaustion"
    return _breach("exhausted-badly", "KV-17", problem, 0, "None", concept)


def failed_call(failure: Failure, requirement: str) -> Breach:
    """A hook failed in a way that is always wrong."""
    broken = violation_of(failure, requirement)
    return Breach(
        broken.rule, requirement, broken.problem, concept=broken.concept, expected="a result"
    )


def failed_count(failure: Failure, *, after_failure: bool, worked: bool) -> Breach:
    """``pmm_stats`` failed, as with a counter below zero, if it has ever ``worked`` before."""
    if failure.kind != "wrong_type" or not worked:
        return failed_call(failure, "KV-18")
    concept = "stats-after-failure" if after_failure else "stats-count"
    problem = f"pmm_stats: {failure.message}"
    return _breach("stats-count", "KV-18", problem, 0, "counters that are not negative", concept)


def refused_free(address: int, failure: Failure) -> Breach:
    """``pmm_free_frame`` failed although the frame was in use."""
    if failure.kind != "raised":
        return failed_call(failure, "KV-11")
    problem = f"{address:#x} was allocated, and giving it back was refused: {failure.message}"
    expected = "the frame is free again"
    return _breach("free-refused", "KV-11", problem, address, expected, "frame-refused")


def wrong_free(model: FrameModel, address: int, failure: Failure | None) -> Breach | None:
    """A frame that must not be freed: None if it was refused as it should be."""
    concept, why = _why_not(model, address)
    expected = f"FrameError, as {why}"
    if failure is None:
        problem = f"pmm_free_frame({address:#x}) was accepted, but {why}"
        return _breach("accepted", "KV-15", problem, address, expected, concept)
    if failure.kind == "raised" and failure.error == "FrameError":
        return None
    if failure.kind not in {"raised", "oops"}:
        return failed_call(failure, "KV-15")
    problem = f"pmm_free_frame({address:#x}) raised {failure.error or 'an error'}, not FrameError"
    return _breach("error-class", "KV-15", problem, address, expected)


def _why_not(model: FrameModel, address: int) -> tuple[str, str]:
    """Concept and reason why an address can't be freed."""
    number, rest = divmod(address, PAGE_SIZE)
    if rest:
        return "misaligned-free", "it is no multiple of 0x1000"
    if address < 0 or address >= model.layout.limit:
        return "out-of-range-free", f"the last frame ends at {model.layout.limit:#x}"
    if model.bitmap_frames >> number & 1:
        return "reserved-free", "the bitmap lies there"
    if not model.layout.owned >> number & 1:
        owner = model.layout.owner(number)
        usable = model.layout.usable >> number & 1
        return "reserved-free", f"it belongs to {owner}" if usable else "it is no usable frame"
    return "double-free", "it is not in use"


def changed_by_refusal(what: str, address: int) -> Breach:
    """A refused free left something else than before."""
    problem = f"pmm_free_frame({address:#x}) was refused, but {what} changed"
    return _breach("rejected-changes", "KV-15", problem, address, "nothing changes")


def trampled(address: int) -> Breach:
    """The allocator has written to what is the firmware's."""
    problem = f"the firmware's table at {address:#x} was overwritten"
    return _breach("tramples", "KV-16", problem, address, "the table as it was", "tramples-memory")


def second_init(what: str) -> Breach:
    """A second initialisation left something else than before."""
    problem = f"a second pmm_init changed {what}"
    return _breach("init-once", "KV-13", problem, 0, "nothing changes")


def broken_sum(stats: FrameStats) -> Breach | None:
    """Used and free do not add up."""
    if stats.used + stats.free == stats.total:
        return None
    problem = f"used {stats.used} + free {stats.free} is not total {stats.total}"
    return _breach("stats-sum", "KV-18", problem, 0, f"used + free = {stats.total}")


def broken_total(model: FrameModel, stats: FrameStats) -> Breach | None:
    """The total is not the number of usable frames."""
    usable = model.layout.usable.bit_count()
    if stats.total == usable:
        return None
    problem = f"total is {stats.total}, but {usable} frames are usable"
    concept = why_total(model, stats.total)
    return _breach("total", "KV-14", problem, 0, f"total {usable}", concept)


def why_total(model: FrameModel, total: int) -> str:
    """The likely cause of a wrong total."""
    layout = model.layout
    usable, edges = layout.usable.bit_count(), 2 * len(layout.available)
    highest = layout.usable.bit_length()
    lowest = (layout.usable & -layout.usable).bit_length() - 1
    if total in {highest - lowest, highest - 1 - lowest} - {highest}:
        return "undescribed-holes"
    if total in {layout.owned.bit_count(), model.owned.bit_count(), highest, highest - 1}:
        return "total-count"
    if total in {frame_set([item]).bit_count() for item in layout.available}:
        return "one-region"
    if 0 < total - usable <= edges:
        return "inward-rounding"
    return "missing-frames" if 0 < usable - total <= edges else "total-count"


def broken_count(
    reported: int, expected: int, *, after_failure: bool, counted_twice: bool
) -> Breach | None:
    """The statistics' number of free frames is not what the calls before have left."""
    if reported == expected:
        return None
    problem = f"free is {reported}, but {expected} frames can be allocated"
    concept = "stats-after-failure" if after_failure else "stats-count"
    if counted_twice:
        concept = "counted-twice"
    return _breach("stats-count", "KV-18", problem, 0, f"free {expected}", concept)


def is_counted_twice(model: FrameModel, free: int) -> bool:
    """Whether the first number of free frames lacks frames that were not there to be taken."""
    layout = model.layout
    lacking = model.owned.bit_count() - free
    hidden = (layout.reserved & ~layout.usable).bit_count()
    bitmap = (layout.reserved & model.bitmap_frames).bit_count()
    return lacking > 0 and lacking in {hidden, bitmap, hidden + bitmap}


def _breach(  # noqa: PLR0913, PLR0917 - a record's fields
    rule: str, requirement: str, problem: str, at: int, expected: str, concept: str = ""
) -> Breach:
    return Breach(rule, requirement, problem, at, concept or rule, expected, problem)
