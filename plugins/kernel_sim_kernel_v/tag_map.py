"""Which byte ranges carry which tags: ranges join and split, no tag is lost on the way."""

from dataclasses import dataclass, field

from kernel_sim.values import AddrRange


@dataclass(slots=True)
class TagMap:
    """For each tag its ranges: sorted, disjoint, apart. Those of different tags may overlap."""

    ranges: dict[str, list[AddrRange]] = field(default_factory=dict)

    def add(self, bytes_range: AddrRange, tag: str) -> None:
        """Tag a range; it joins those of the same tag that it overlaps or touches."""
        if not bytes_range:
            return
        start, end, apart = bytes_range.start, bytes_range.end, []
        for other in self.ranges.get(tag, []):
            if other.end < start or end < other.start:
                apart.append(other)
            else:
                start, end = min(start, other.start), max(end, other.end)
        self.ranges[tag] = sorted([*apart, AddrRange(start, end)])

    def remove(self, bytes_range: AddrRange, tag: str | None = None) -> None:
        """Take ``tag``, or all of them, off a range; both sides of it keep theirs."""
        for name in [tag] if tag is not None else list(self.ranges):
            pieces = [
                piece
                for whole in self.ranges.pop(name, [])
                for piece in _cut(whole, bytes_range)
                if piece
            ]
            if pieces:
                self.ranges[name] = pieces

    def items(self) -> list[tuple[AddrRange, str]]:
        """All ranges with their tags, in order of address, then of tag."""
        return sorted((item, tag) for tag, items in self.ranges.items() for item in items)


def _cut(whole: AddrRange, gone: AddrRange) -> tuple[AddrRange, ...]:
    """What is left of ``whole`` below and above ``gone``; either may be empty."""
    if not whole.overlaps(gone):
        return (whole,)
    below = AddrRange(whole.start, max(whole.start, gone.start))
    above = AddrRange(min(whole.end, gone.end), whole.end)
    return below, above
