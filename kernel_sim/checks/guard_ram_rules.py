"""The rules of regions with guards that only RAM can tell: what is mapped, what is in use."""

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.guard_ledger import guard_pages, usable_pages
from kernel_sim.checks.guard_rules import breach
from kernel_sim.checks.guard_world import Step, World
from kernel_sim.checks.kernel_space import Leaf
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import GuardedRegion

Leaves = dict[int, Leaf]


def judge_ram(world: World, step: Step | None) -> Breach | None:
    """The window's pages and the frames, after a turn; without one, after the boot."""
    leaves = world.leaves()
    used = world.space.used_frames(world.run)
    for region in world.ledger.installed:
        found = _broken_region(region, leaves, used)
        if found is not None:
            return found
    return (
        _shared(world, leaves)
        or _stray(world, leaves, step)
        or (_unbalanced(world, leaves, step) if step is not None else None)
    )


def _broken_region(region: GuardedRegion, leaves: Leaves, used: int) -> Breach | None:
    for page in usable_pages(region):
        leaf = leaves.get(page)
        if leaf is None or not leaf.writable:
            what = "mapped nowhere" if leaf is None else "read-only"
            text = f"the usable page {page:#x} of {region.tag!r} is {what}"
            return breach("mapping", "usable-mapped", text, "PRESENT and WRITABLE", what)
        if leaf.user:
            text = f"the page {page:#x} of {region.tag!r} is open to programs"
            return breach("mapping", "usable-user", text, "kernel only")
        if not used >> leaf.frame // PAGE_SIZE & 1:
            text = f"the frame {leaf.frame:#x} behind page {page:#x} is free"
            return breach("mapping", "frame-not-allocated", text, "an allocated frame")
    for guard in guard_pages(region):
        if guard in leaves:
            text = f"the guard {guard:#x} of {region.tag!r} is mapped"
            return breach("mapping", "guard-mapped", text, "a page that is mapped nowhere")
    return None


def _shared(world: World, leaves: Leaves) -> Breach | None:
    """A frame behind two pages, or one that was never the allocator's to give."""
    first: dict[int, int] = {}
    for page, leaf in leaves.items():
        other = first.setdefault(leaf.frame, page)
        if other != page or leaf.frame in world.ledger.owned:
            where = f"page {other:#x}" if other != page else "the sequence's own"
            text = f"the frame {leaf.frame:#x} of page {page:#x} is {where} already"
            return breach("mapping", "frame-shared", text, "a frame of its own")
        if not world.owned >> leaf.frame // PAGE_SIZE & 1:
            text = f"the frame {leaf.frame:#x} of page {page:#x} is no frame to hand out"
            return breach("mapping", "none-ignored", text, "a frame of pmm_alloc_frame")
    return None


def _stray(world: World, leaves: Leaves, step: Step | None) -> Breach | None:
    """A page of the window that is mapped and belongs to no region."""
    for page in leaves:
        if world.ledger.region_at(page) is not None:
            continue
        if any(page in usable_pages(region) for region in world.ledger.gone):
            text = f"page {page:#x} is still mapped after its region was removed"
            return breach("mapping", "not-unmapped", text, "no page left")
        concept = "failure-leak" if step is not None and step.turn.outcome.failure else "stray-page"
        text = f"page {page:#x} is mapped, and belongs to no region"
        return breach("mapping", concept, text, "no such page")
    return None


def _unbalanced(world: World, leaves: Leaves, step: Step) -> Breach | None:
    """Frames that are in use for nothing, or not in use although something leads to them."""
    now = world.take_account(leaves)
    extra = now.unexplained - world.account.unexplained
    new = now.unexplained - world.before.unexplained
    world.before, world.free_before = now, world.free_frames()
    most, gained = max(world.guards_now(), 0), _guards_of(step)
    if 0 <= extra <= most and new <= gained:
        return None
    if extra < 0:
        text = f"frames that are free, but were not given back by their owner: {-extra}"
        return breach("account", "frame-lost", text, "each frame freed once, by its owner")
    failed = step.turn.outcome.failure is not None
    concept = "failure-leak" if failed and step.turn.hook == "install_guard" else "frame-leak"
    lost = max(new - gained, extra - most)
    text = f"frames in use that nothing leads to, after {step.turn.hook}: {lost}"
    return breach("account", concept, text, "no such frame", f"{lost}")


def _guards_of(step: Step) -> int:
    """How many guards a turn has added, for each of which a frame may be kept."""
    value = step.turn.outcome.value
    added = step.turn.hook == "install_guard" and isinstance(value, GuardedRegion)
    return len(guard_pages(value)) if added and isinstance(value, GuardedRegion) else 0
