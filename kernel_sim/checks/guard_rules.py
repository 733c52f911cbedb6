"""The rules of regions with guards: what install_guard and remove_guard answer (KV-39)."""

from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_up
from kernel_sim.checks.guard_ledger import Ledger, guard_pages, usable_pages
from kernel_sim.checks.guard_world import Step, World, pages_text
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import GuardedRegion, GuardKind, GuardRequest

GUARD_RULES: Final = frozenset(
    {"layout", "install", "remove", "mapping", "account", "access", "triple-fault", "canary"}
)
NOTICES: Final = ("canary", "overflow", "damage", "corrupt", "overrun")
"""Words by which a log event says that bytes next to a block were changed."""


def breach(rule: str, concept: str, problem: str, expected: str = "", got: str = "") -> Breach:
    """A rule of guards that was broken."""
    return Breach(rule, "KV-39", problem, 0, concept, expected, got or problem)


def judge_call(world: World, step: Step) -> Breach | None:
    """What the two hooks of the role answered."""
    turn = step.turn
    if turn.hook == "install_guard":
        return _judge_install(world, step)
    return _judge_remove(world, step) if turn.hook == "remove_guard" else None


def _judge_install(world: World, step: Step) -> Breach | None:
    (request,), outcome = step.turn.args, step.turn.outcome
    if not isinstance(request, GuardRequest):
        return None
    if outcome.failure is None:
        if not isinstance(outcome.value, GuardedRegion):
            return breach("install", "wrong-type", "install_guard returned no region")
        return broken_layout(world.ledger, request, outcome.value, world.window)
    failure = outcome.failure
    missing = _missing_room(world, request)
    if failure.kind == "raised" and failure.error == "MapError":
        return None if missing else _refused(world, request, failure.message)
    if missing:
        what = f"with {missing}, {failure.error or failure.kind} came in the place of MapError"
        return breach("install", "none-ignored", f"{what}: {failure.message}", "MapError")
    broken = violation_of(failure, "KV-39")
    return Breach(broken.rule, "KV-39", broken.problem, 0, broken.concept)


def _refused(world: World, request: GuardRequest, message: str) -> Breach:
    text = f"install_guard refused {request.size:#x} bytes although there is room: {message}"
    concept = "addresses-used-up" if world.ledger.gone else "refused-guard"
    return breach("install", concept, text, "a region")


def _missing_room(world: World, request: GuardRequest) -> str:
    """Why the region may be refused; empty if there is room for it beyond doubt."""
    pages = align_up(request.size, PAGE_SIZE) // PAGE_SIZE
    tables = pages // 1024 + 2
    if request.size < 1:
        return "a size below 1"
    if world.free_before < pages + tables + 2:
        return f"{world.free_before} frames free"
    start, end = world.window
    taken = sum(len(usable_pages(r)) + 2 for r in world.ledger.installed)
    room = (end - start) // PAGE_SIZE - taken
    return f"{room} pages of addresses free" if room < 2 * (pages + 2) else ""


def broken_layout(
    ledger: Ledger, request: GuardRequest, region: GuardedRegion, window: tuple[int, int]
) -> Breach | None:
    """Where a region's parts lie: sizes, guards, the window, its neighbours."""
    return (
        _broken_size(request, region)
        or _broken_guards(request, region)
        or _broken_place(ledger, region, window)
        or _broken_tag(request, region)
    )


def _broken_size(request: GuardRequest, region: GuardedRegion) -> Breach | None:
    size, wanted = region.end - region.base, align_up(request.size, PAGE_SIZE)
    if size == request.size and request.kind is not GuardKind.STACK:
        at_edge = not region.base % PAGE_SIZE or not region.end % PAGE_SIZE
        return None if at_edge else _unaligned(region)
    if size != wanted:
        text = f"{size:#x} usable bytes for a request of {request.size:#x}"
        return breach("layout", "usable-size", text, f"{wanted:#x} usable bytes", f"{size:#x}")
    return _unaligned(region) if region.base % PAGE_SIZE else None


def _unaligned(region: GuardedRegion) -> Breach:
    text = f"the usable bytes begin at {region.base:#x}, inside a page"
    return breach("layout", "page-bounds", text, "base at the start of a page")


def _broken_guards(request: GuardRequest, region: GuardedRegion) -> Breach | None:
    pages = usable_pages(region)
    below, above = pages.start - PAGE_SIZE, pages.stop
    if region.guard_low != below:
        got = "None" if region.guard_low is None else f"{region.guard_low:#x}"
        concept = "guard-side" if request.kind is GuardKind.STACK else "guard-one-side"
        if region.guard_low is not None and region.guard_low not in {above, pages.start}:
            concept = "guard-place"
        text = f"guard_low of a {request.kind.value} at {pages_text(region)} is {got}"
        return breach("layout", concept, text, f"guard_low {below:#x}", got)
    both = request.kind is not GuardKind.STACK
    if region.guard_high == above or (region.guard_high is None and not both):
        return None
    got = "None" if region.guard_high is None else f"{region.guard_high:#x}"
    concept = "guard-one-side" if region.guard_high is None else "guard-place"
    text = f"guard_high of a {request.kind.value} at {pages_text(region)} is {got}"
    return breach("layout", concept, text, f"guard_high {above:#x}", got)


def _broken_place(ledger: Ledger, region: GuardedRegion, window: tuple[int, int]) -> Breach | None:
    start, end = window
    pages = usable_pages(region)
    first = min([pages.start, *guard_pages(region)])
    last = max([pages.stop, *(guard + PAGE_SIZE for guard in guard_pages(region))])
    if first < start or last > end:
        text = f"the region takes {first:#x} to {last:#x}, outside the window"
        return breach("layout", "guard-window", text, f"{start:#x} to {end:#x}")
    for other in ledger.installed:
        theirs = usable_pages(other)
        clash = [p for p in (*pages, *guard_pages(region)) if p in theirs]
        clash += [guard for guard in guard_pages(other) if guard in pages]
        if clash:
            text = f"page {clash[0]:#x} belongs to {other.tag!r} already"
            return breach("layout", "region-overlap", text, "addresses of its own")
    return None


def _broken_tag(request: GuardRequest, region: GuardedRegion) -> Breach | None:
    if region.tag == request.tag:
        return None
    text = f"the region's tag is {region.tag!r}"
    return breach("layout", "region-tag", text, repr(request.tag), repr(region.tag))


def _judge_remove(world: World, step: Step) -> Breach | None:
    (region,), outcome = step.turn.args, step.turn.outcome
    if not isinstance(region, GuardedRegion):
        return None
    failure = outcome.failure
    if region not in world.ledger.installed:
        return _judge_unknown(step, region)
    if is_damaged(world.ledger, region):
        return _judge_notice(step, region)
    if failure is None:
        return None
    if failure.error in {"FrameError", "UnmapError"}:
        text = f"remove_guard of {pages_text(region)}: {failure.error}: {failure.message}"
        return breach("remove", "guard-frame", text, "every frame freed once")
    return _crash(step)


def _judge_unknown(step: Step, region: GuardedRegion) -> Breach | None:
    """A region that is not installed is refused."""
    failure = step.turn.outcome.failure
    if failure is not None:
        return None if failure.kind == "raised" else _crash(step)
    text = f"{pages_text(region)} is not installed, and remove_guard accepted it"
    return breach("remove", "remove-unknown", text, "UnmapError", "no error")


def _judge_notice(step: Step, region: GuardedRegion) -> Breach | None:
    """Bytes beside a block were overwritten: an error or a log event has to say so."""
    failure = step.turn.outcome.failure
    told = failure is not None and failure.kind == "raised"
    names = [str(e.fields.get("event")) for e in step.events if e.kind == "log"]
    if told or any(word in name for name in names for word in NOTICES):
        return None
    text = f"bytes beside [{region.base:#x}, {region.end:#x}) were changed, unnoticed"
    return breach("canary", "canary", text, "an error or a log event")


def is_damaged(ledger: Ledger, region: GuardedRegion) -> bool:
    """Whether the sequence stored into the rest of a page beside usable bytes."""
    pages = usable_pages(region)
    stored = (a for a in ledger.contents if pages.start <= a < pages.stop)
    return any(not region.base <= address < region.end for address in stored)


def _crash(step: Step) -> Breach | None:
    failure = step.turn.outcome.failure
    if failure is None:
        return None
    broken = violation_of(failure, "KV-39")
    return Breach(broken.rule, "KV-39", broken.problem, 0, broken.concept)
