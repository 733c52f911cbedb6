"""The rules of counters and tags: they agree with the calls that were made (KV-36, KV-38)."""

from collections.abc import Sequence
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.guard_ledger import usable_pages
from kernel_sim.checks.guard_world import Step, World
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.machine.firmware.available import merged, without
from kernel_sim.values import AddrRange, RegionKind

COUNT_RULES: Final = frozenset({"count"})
TAG_RULES: Final = frozenset({"tag"})
DMA_LIMIT: Final = 16 << 20
SCREEN_MEMORY: Final = AddrRange(0xA_0000, 0xC_0000)
CONTROLLERS: Final = (
    AddrRange(0xFEC0_0000, 0xFEC0_1000),
    AddrRange(0xFEE0_0000, 0xFEE0_1000),
)
"""I/O APIC and local APIC."""
DRIVERS: Final = ("nic", "disk", "gpu")
"""Who tags memory in our sequences; a tag of theirs that nobody gave is left from another boot."""


def judge_count(world: World, step: Step) -> Breach | None:
    """A counter that was asked for, of a frame of the sequence's own."""
    turn = step.turn
    if turn.hook != "frame_refcount":
        return None
    failure = turn.outcome.failure
    if failure is not None:
        broken = violation_of(failure, "KV-36")
        concept = "count-negative" if "-" in failure.message else broken.concept
        return Breach("count", "KV-36", broken.problem, 0, concept)
    (frame,), got = turn.args, turn.outcome.value
    if world.config["refcounts"]:
        return _judge_number(world, frame, got)
    if got is None:
        return None
    text = "frame_refcount counted although config.refcounts is off"
    return Breach("count", "KV-40", text, 0, "toggle-off", "None", str(got))


def _judge_number(world: World, frame: object, got: object) -> Breach | None:
    if not isinstance(frame, int) or frame not in world.ledger.seen:
        return None
    wanted = world.ledger.references(frame)
    if got == wanted:
        return None
    text = f"the count of frame {frame:#x} is {wanted}, frame_refcount says {got}"
    concept = _count_concept(world, frame, wanted, got)
    return Breach("count", "KV-36", text, frame, concept, str(wanted), str(got))


def _count_concept(world: World, frame: int, wanted: int, got: object) -> str:
    ledger = world.ledger
    if frame in ledger.refused:
        return "count-refused"
    if isinstance(got, int) and got > wanted:
        if frame in ledger.unmapped and frame in ledger.owned:
            return "count-unmap"
        return "count-owner" if frame in ledger.owned else "count-free"
    if isinstance(got, int) and got < 0:
        return "count-negative"
    mapped = frame in ledger.mapped.values()
    if mapped and frame not in ledger.owned:
        return "count-free"
    return "count-mapping" if mapped else "count-owner"


def judge_tags(world: World, step: Step) -> Breach | None:
    """The tags, all of them."""
    turn = step.turn
    if turn.hook != "region_tags":
        return None
    if turn.outcome.failure is not None:
        broken = violation_of(turn.outcome.failure, "KV-38")
        return Breach("tag", "KV-38", broken.problem, 0, broken.concept)
    value = turn.outcome.value
    pairs = value if isinstance(value, list) else []
    if not world.config["tags"]:
        if not pairs:
            return None
        text = "region_tags answered although config.tags is off"
        return Breach("tag", "KV-40", text, 0, "toggle-off", "no tags", f"{len(pairs)} tags")
    got: dict[str, list[AddrRange]] = {}
    for item, tag in pairs:
        got.setdefault(tag, []).append(item)
    for tag, wanted in expected_tags(world).items():
        found = _difference(world, tag, merged(wanted), merged(got.get(tag, ())))
        if found is not None:
            return found
    return None


def expected_tags(world: World) -> dict[str, Sequence[AddrRange]]:
    """Tag → the physical bytes that have to carry it."""
    info = world.run.boot_info
    available = (r.range for r in world.run.regions if r.kind is RegionKind.AVAILABLE)
    low = [AddrRange(r.start, min(r.end, DMA_LIMIT)) for r in available if r.start < DMA_LIMIT]
    wanted: dict[str, Sequence[AddrRange]] = {
        "dma-safe": low,
        "device-owned": [SCREEN_MEMORY, *CONTROLLERS],
        "kernel-image": [info.kernel] if info is not None else [],
        **dict.fromkeys(DRIVERS, ()),
        **world.ledger.tags.by_tag,
    }
    for region in (*world.ledger.gone, *world.ledger.installed):
        wanted.setdefault(f"guarded:{region.tag}", ())
    for region in world.ledger.installed:
        frames = [world.space.leaf(page) for page in usable_pages(region)]
        spans = [AddrRange(x.frame, x.frame + PAGE_SIZE) for x in frames if x is not None]
        name = f"guarded:{region.tag}"
        wanted[name] = [*wanted[name], *spans]
    return wanted


def _difference(
    world: World, tag: str, wanted: list[AddrRange], got: list[AddrRange]
) -> Breach | None:
    missing, extra = without(wanted, got), without(got, wanted)
    if not missing and not extra:
        return None
    where, words = (missing[0], "lacks") if missing else (extra[0], "wrongly carries")
    text = f"{where.start:#x} to {where.end:#x} {words} the tag {tag!r}"
    concept = _tag_concept(world, tag, missing)
    return Breach("tag", "KV-38", text, where.start, concept, _spans(wanted), _spans(got))


def _tag_concept(world: World, tag: str, missing: list[AddrRange]) -> str:
    tags = world.ledger.tags
    if tag.startswith("guarded:"):
        return "tag-guarded"
    if tag not in tags.by_tag:
        return "tag-fixed"
    if not missing:
        return "tag-stale"
    if tag in world.ledger.untagged:
        return "tag-split"
    return _missing_concept(world, tag, missing)


def _missing_concept(world: World, tag: str, missing: list[AddrRange]) -> str:
    """Why a driver's tag is not where it was put."""
    tags = world.ledger.tags
    others = [item for name, items in tags.by_tag.items() if name != tag for item in items]
    if any(item.overlaps(lost) for item in others for lost in missing):
        return "tag-overlap"
    if world.ledger.untagged:
        return "tag-names"
    return "tag-ranges" if len(tags.covered(tag)) > 1 else "tag-missing"


def _spans(ranges: list[AddrRange]) -> str:
    shown = [f"{r.start:#x} to {r.end:#x}" for r in ranges[:4]]
    return ", ".join(shown) + (", …" if len(ranges) > 4 else "") or "nothing"
