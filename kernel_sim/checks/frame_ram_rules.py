"""The rules of a frame allocator that RAM tells about: the bitmap, and frames never handed out."""

from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.frame_bitmap import MOST_BYTES, Bitmap
from kernel_sim.checks.frame_layout import frame_set, numbers
from kernel_sim.checks.frame_model import FrameModel
from kernel_sim.checks.frame_rules import why_not_usable, why_total
from kernel_sim.checks.operations_run import Breach

_NAMED: Final = 3
_FEW: Final = 8
_MOST_WRONG: Final = 64
"""With more bits wrong than that, it is not single frames that are."""


def broken_by_none(model: FrameModel, missing: int) -> Breach | None:
    """The rule that None breaks, if ``missing`` frames could have been handed out instead."""
    if not missing:
        return None
    never = missing & ~model.issued
    if not model.issued:
        problem = "pmm_alloc_frame returned None from the first call on"
        return _breach("hook-nothing", "KV-10", problem, never, _why_nothing(model, never))
    if not never:
        is_marked = model.bitmap is not None and model.bitmap.used & missing == missing
        concept = "free-clears" if is_marked else "cursor-wrap"
        problem = (
            f"pmm_alloc_frame returned None, but {frames_text(missing, 'was', 'were')} given back"
        )
        return _breach("not-reusable", "KV-11", problem, missing, concept)
    words = frames_text(missing, "was", "were")
    problem = f"pmm_alloc_frame returned None, but {words} never handed out"
    return _breach("exhausted-early", "KV-14", problem, never, why_missing(model, never))


def _why_nothing(model: FrameModel, never: int) -> str:
    """The likely cause where no frame came at all, by the total that the plugin reports."""
    usable = model.layout.usable.bit_count()
    if model.stats is not None and model.stats.total != usable:
        return why_total(model, model.stats.total)
    return "search-bound" if next(numbers(never)) >= usable else "nothing-issued"


def why_missing(model: FrameModel, never: int) -> str:
    """The likely cause, by where the missing frames lie."""
    usable_count = model.layout.usable.bit_count()
    highest = model.issued.bit_length() - 1
    if any(seam in model.layout.seams for seam in numbers(never)):
        return "adjacent-regions"
    if highest > 0 and abs(highest + 1 - usable_count) <= 2 and next(numbers(never)) > highest:
        return "search-bound"
    runs = [frame_set([item]) & model.owned for item in model.layout.available]
    whole = [run for run in runs if run and run & never == run]
    if model.issued and whole and sum(whole) == never:
        return "one-region"
    return "missing-frames"


def broken_bitmap(
    model: FrameModel, before: Bitmap | None, changed: int, calls: int
) -> Breach | None:
    """The first rule that the bitmap breaks.

    Args:
        model: with the bitmap as it is now.
        before: the bitmap when it was last read.
        changed: the frames that were allocated or freed since then.
        calls: the calls that were made since then.
    """
    bitmap = model.bitmap
    if bitmap is None:
        return None
    return (
        _broken_size(model, bitmap)
        or _broken_bits(model, before, bitmap)
        or _broken_change(model, before, bitmap, changed if calls == 1 else 0)
    )


def broken_place(model: FrameModel) -> Breach | None:
    """The bitmap lies where there is no memory of its own."""
    bitmap = model.bitmap
    if bitmap is None:
        return None
    layout, frames = model.layout, model.bitmap_frames
    at = f"the bitmap, {len(bitmap.data)} bytes from {bitmap.range.start:#x} on,"
    for name, item in layout.boot:
        if bitmap.data and item.overlaps(bitmap.range):
            return _breach("bitmap-place", "KV-16", f"{at} lies in {name}", frames, "bitmap-place")
    inside = any(
        item.start <= bitmap.range.start and bitmap.range.end <= item.end
        for item in layout.available
    )
    if not inside or bitmap.range.end > layout.limit or frames & 1:
        problem = f"{at} does not lie in available memory"
        return _breach("bitmap-place", "KV-16", problem, frames, "bitmap-place")
    return None


def _broken_size(model: FrameModel, bitmap: Bitmap) -> Breach | None:
    """Some frame that may be handed out has no bit, or the bitmap is far longer than it need be."""
    stats, lacking = bitmap.stats, model.layout.owned & ~bitmap.covered
    if stats.bitmap_bytes > MOST_BYTES or lacking or stats.first_frame % PAGE_SIZE:
        problem = f"a bitmap of {stats.bitmap_bytes} bytes has no bit for {frames_text(lacking)}"
        if not lacking:
            problem = f"a bitmap of {stats.bitmap_bytes} bytes, first_frame {stats.first_frame:#x}"
        return _breach("bitmap-size", "KV-9", problem, lacking, "bitmap-size")
    return None


def _broken_bits(model: FrameModel, before: Bitmap | None, bitmap: Bitmap) -> Breach | None:
    """A bit says something else than what the calls have shown."""
    wrong = model.live & bitmap.free
    if wrong:
        problem = f"{frames_text(wrong, 'is', 'are')} in use, but marked free in the bitmap"
        return _breach("bits", "KV-9", problem, wrong, _why_bits(model, before, bitmap))
    wrong = model.issued & ~model.live & bitmap.used
    if wrong:
        words = frames_text(wrong, "was", "were")
        problem = f"{words} given back, but still marked used in the bitmap"
        return _breach("bits", "KV-9", problem, wrong, "free-clears")
    if model.issued and not bitmap.free & model.owned and model.available.bit_count() > _FEW:
        problem = "no bit says free, but frames are"
        return _breach("bits", "KV-9", problem, model.available, _why_bits(model, before, bitmap))
    return None


def _why_bits(model: FrameModel, before: Bitmap | None, bitmap: Bitmap) -> str:
    """The likely cause of bits that are wrong: nothing there, another order, or another unit."""
    words = {bitmap.data[k : k + 8] for k in range(0, len(bitmap.data) - 7, 8)}
    if len(words) == 1 or (before is not None and before.data == bitmap.data):
        return "bitmap-in-python"
    if _disagreement(model, bitmap.mirrored()) < _disagreement(model, bitmap) // 2:
        return "bit-order"
    if _disagreement(model, bitmap.inverted()) < _disagreement(model, bitmap) // 2:
        return "used-bit"
    return "bit-per-frame"


def _disagreement(model: FrameModel, bitmap: Bitmap) -> int:
    """How many bits of owned and unusable frames are not as the model has them."""
    wanted = model.available
    return (bitmap.free & model.layout.below_limit ^ wanted).bit_count()


def broken_free_bits(model: FrameModel) -> Breach | None:
    """The bits that say free are not the frames that can be allocated.

    Judged only where the bits are right by and large: else the bitmap is what is wrong. A bitmap
    that is cleared bit by bit as the search comes there may lack free bits at one end.
    """
    bitmap = model.bitmap
    if bitmap is None or not model.issued or _disagreement(model, bitmap) > _MOST_WRONG:
        return None
    wrong = bitmap.free & model.layout.below_limit & ~model.layout.owned
    for number in numbers(wrong & ~model.layout.usable):
        concept, what = why_not_usable(model, number)
        problem = f"the bit of {number * PAGE_SIZE:#x} says free, but {what}"
        return _breach("free-bits", "KV-12", problem, 1 << number, concept)
    free = bitmap.free & model.owned
    lacking = model.available & ~free
    inner = lacking & _between(free)
    if inner:
        problem = f"{frames_text(inner)} can never be handed out: marked used in the bitmap"
        return _breach("free-bits", "KV-14", problem, inner, why_missing(model, inner))
    return None


def _between(frames: int) -> int:
    """All frames from the lowest to the highest of a set."""
    return (1 << frames.bit_length()) - (frames & -frames) if frames else 0


def _broken_change(
    model: FrameModel, before: Bitmap | None, bitmap: Bitmap, changed: int
) -> Breach | None:
    """From one look to the next, one call changed other bits than the frame's own (KV-9)."""
    if before is None or not changed or before.range != bitmap.range:
        return None
    if not model.issued & ~changed:
        return None  # the first allocation may be what begins a lazy bitmap
    differ = before.used ^ bitmap.used
    if differ == changed:
        return None
    count = differ.bit_count()
    problem = f"one call for {frames_text(changed)} changed {count} bits"
    if differ:
        problem += f", those of {frames_text(differ)}"
    concept = "bitmap-in-python" if not differ else "bit-per-frame"
    return _breach("one-bit", "KV-9", problem, differ | changed, concept)


def frames_text(frames: int, one: str = "", several: str = "") -> str:
    """A set of frames in words, the first few addresses, and the verb that agrees with them."""
    verb = one if frames.bit_count() == 1 else several
    return f"{_addresses_text(frames)} {verb}".rstrip()


def _addresses_text(frames: int) -> str:
    count = frames.bit_count()
    named: list[str] = []
    for number in numbers(frames):
        named.append(hex(number * PAGE_SIZE))
        if len(named) == _NAMED:
            break
    if count <= _NAMED:
        return " and ".join(named) or "no frame"
    return f"{', '.join(named)} and {count - _NAMED} more"


def _breach(rule: str, requirement: str, problem: str, frames: int, concept: str) -> Breach:
    at = next(numbers(frames), 0) * PAGE_SIZE
    expected = {
        "not-reusable": "a frame that was given back",
        "exhausted-early": "a frame that is free",
        "hook-nothing": "a frame that is free",
        "bitmap-place": "a bitmap in available memory that nothing else uses",
        "bitmap-size": "a bit for each frame",
    }.get(rule, "the bits of exactly the frames in use")
    return Breach(rule, requirement, problem, at, concept, expected, problem)
