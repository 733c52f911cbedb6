"""An allocation trace: requests in order, each for a block that has a number."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

ALLOCATE: Final = "a"
RESIZE: Final = "r"
FREE: Final = "f"


@dataclass(frozen=True, slots=True)
class Request:
    """One line of a trace.

    Args:
        kind: `ALLOCATE`, `RESIZE` or `FREE`.
        block: the block's number.
        size: bytes asked for; 0 for `FREE`.
    """

    kind: str
    block: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class AllocationTrace:
    """What was asked of a heap, in order."""

    name: str
    requests: tuple[Request, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.requests)

    def payloads(self) -> Iterator[int]:
        """Bytes asked for and not given back, behind each request."""
        sizes: dict[int, int] = {}
        total = 0
        for request in self.requests:
            total += request.size - sizes.pop(request.block, 0)
            if request.kind != FREE:
                sizes[request.block] = request.size
            yield total

    def without_the_end(self) -> "AllocationTrace":
        """The trace up to its last allocation: what is only freed then raises no peak."""
        grows = [at for at, request in enumerate(self.requests, 1) if request.kind != FREE]
        return AllocationTrace(self.name, self.requests[: grows[-1] if grows else 0])

    @property
    def peak_payload(self) -> int:
        """The most bytes that were in use at one time."""
        return max(self.payloads(), default=0)


class Recorder:
    """Writes a trace down: what a generator calls in the place of a heap."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._next = 0

    def allocate(self, size: int) -> int:
        """Ask for a block; its number."""
        self.requests.append(Request(ALLOCATE, self._next, size))
        self._next += 1
        return self._next - 1

    def free(self, block: int) -> None:
        """Give a block back."""
        self.requests.append(Request(FREE, block))

    def free_all(self, blocks: list[int]) -> None:
        """Give blocks back in order; the list is empty afterwards."""
        for block in blocks:
            self.free(block)
        blocks.clear()

    def trace(self, name: str) -> AllocationTrace:
        """What was recorded."""
        return AllocationTrace(name, tuple(self.requests))
