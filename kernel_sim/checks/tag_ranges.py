"""Tags on ranges as they should be: for each tag the bytes that carry it."""

from dataclasses import dataclass, field

from kernel_sim.machine.firmware.available import merged, without
from kernel_sim.values import AddrRange


@dataclass(slots=True)
class TagRanges:
    """Tag → the ranges that carry it. A tag that was ever given stays known."""

    by_tag: dict[str, list[AddrRange]] = field(default_factory=dict)

    def add(self, item: AddrRange, tag: str) -> None:
        """Put a tag on a range."""
        self.by_tag[tag] = merged([*self.by_tag.get(tag, ()), item])

    def remove(self, item: AddrRange, tag: str) -> None:
        """Take a tag off a range."""
        self.by_tag[tag] = without(self.by_tag.get(tag, ()), [item])

    def covered(self, tag: str) -> list[AddrRange]:
        """The ranges of one tag."""
        return self.by_tag.get(tag, [])
