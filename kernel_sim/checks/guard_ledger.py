"""What the calls of a sequence have brought about: the model of Lab 5."""

from dataclasses import dataclass, field

from kernel_sim.addr import PAGE_SIZE, align_down, align_up
from kernel_sim.checks.operations_run import Turn
from kernel_sim.checks.tag_ranges import TagRanges
from kernel_sim.values import AddrRange, GuardedRegion

WRITES = ("cpu.store", "cpu.write")


def usable_pages(region: GuardedRegion) -> range:
    """The pages in which usable bytes lie."""
    return range(align_down(region.base, PAGE_SIZE), align_up(region.end, PAGE_SIZE), PAGE_SIZE)


def guard_pages(region: GuardedRegion) -> list[int]:
    """Its guards, the lower one first."""
    return [page for page in (region.guard_low, region.guard_high) if page is not None]


@dataclass(slots=True)
class Ledger:
    """The state that the calls so far should have led to.

    Args:
        installed: the regions that are there.
        gone: those that were removed.
        owned: frames that the sequence itself allocated and has not freed.
        seen: all frames it ever allocated.
        mapped: page → frame, of what the sequence itself mapped.
        contents: address → the byte that was last stored there.
        tags: what drivers tagged.
        untagged: the names of tags of which something was taken off.
        refused: frames for which a call was refused.
        unmapped: frames of which a mapping was taken away.
    """

    installed: list[GuardedRegion] = field(default_factory=list)
    gone: list[GuardedRegion] = field(default_factory=list)
    owned: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    mapped: dict[int, int] = field(default_factory=dict)
    contents: dict[int, int] = field(default_factory=dict)
    tags: TagRanges = field(default_factory=TagRanges)
    untagged: set[str] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    unmapped: set[int] = field(default_factory=set)

    def region_at(self, page: int) -> GuardedRegion | None:
        """The installed region of which ``page`` is a usable one."""
        return next((r for r in self.installed if page in usable_pages(r)), None)

    def guarded_by(self, address: int) -> GuardedRegion | None:
        """The installed region of whose guards one holds ``address``."""
        page = align_down(address, PAGE_SIZE)
        return next((r for r in self.installed if page in guard_pages(r)), None)

    def was_guarded(self, address: int) -> bool:
        """Whether a guard of a region that is gone held ``address``."""
        page = align_down(address, PAGE_SIZE)
        return any(page in guard_pages(region) for region in self.gone)

    def references(self, frame: int) -> int:
        """How often a frame of the sequence's own is in use: its owner and its mappings."""
        return (frame in self.owned) + sum(other == frame for other in self.mapped.values())

    def note(self, turn: Turn) -> None:
        """Take down what a turn did."""
        if turn.outcome.failure is not None:
            self._note_refusal(turn)
            return
        note = getattr(self, f"_{turn.hook.replace('.', '_')}", None)
        if note is not None:
            note(*turn.args, result=turn.outcome.value)

    def _note_refusal(self, turn: Turn) -> None:
        if turn.hook == "map_page":
            self.refused.add(turn.args[2])  # type: ignore[arg-type] # a frame
        elif turn.hook == "pmm_free_frame":
            self.refused.add(turn.args[0])  # type: ignore[arg-type] # a frame

    def _install_guard(self, _request: object, *, result: GuardedRegion) -> None:
        self.installed.append(result)

    def _remove_guard(self, region: GuardedRegion, *, result: None) -> None:  # noqa: ARG002
        if region in self.installed:
            self.installed.remove(region)
            self.gone.append(region)
        pages = usable_pages(region)
        kept = {a: b for a, b in self.contents.items() if not pages.start <= a < pages.stop}
        self.contents = kept

    def _pmm_alloc_frame(self, *, result: int | None) -> None:
        if result is not None:
            self.owned.add(result)
            self.seen.add(result)

    def _pmm_free_frame(self, frame: int, *, result: None) -> None:  # noqa: ARG002
        self.owned.discard(frame)

    def _map_page(self, _root: int, page: int, frame: int, _flags: int, *, result: None) -> None:  # noqa: ARG002
        self.mapped[page] = frame

    def _unmap_page(self, _root: int, page: int, *, result: int) -> None:
        self.mapped.pop(page, None)
        self.unmapped.add(result)

    def _cpu_store(self, address: int, size: int, value: int, *, result: None) -> None:
        self._cpu_write(address, value.to_bytes(size, "little"), result=result)

    def _cpu_write(self, address: int, data: bytes, *, result: None) -> None:  # noqa: ARG002
        self.contents.update({address + offset: byte for offset, byte in enumerate(data)})

    def _kernel_tag(self, start: int, end: int, tag: str, *, result: None) -> None:  # noqa: ARG002
        self.tags.add(AddrRange(start, end), tag)

    def _kernel_untag(self, start: int, end: int, tag: str, *, result: None) -> None:  # noqa: ARG002
        self.tags.remove(AddrRange(start, end), tag)
        self.untagged.add(tag)
