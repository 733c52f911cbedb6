"""Random sequences of hook calls: moves drawn by weight, each adding calls to a script.

A generator knows no results. It names them by symbols, so that a whole sequence crosses to the
plugin in a few batches; what a symbol stands for is known to the oracle alone.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from random import Random

from kernel_sim.checks.operations import Case, Of, Place, Script

Move = Callable[[Random, Script], None]
"""Adds calls to the script; may add none where nothing of the kind is possible."""


class Live:
    """Symbols of what has been allocated and not yet freed, as far as a generator can tell."""

    def __init__(self) -> None:
        self._symbols: list[Of] = []
        self.freed: list[Of] = []

    def __len__(self) -> int:
        return len(self._symbols)

    def add(self, symbol: Of) -> None:
        """Note an allocation."""
        self._symbols.append(symbol)

    def peek(self, rng: Random) -> Of:
        """Any of them."""
        return rng.choice(self._symbols)

    def take(self, rng: Random) -> Of:
        """Any of them, which is then freed."""
        index = rng.randrange(len(self._symbols))
        self._symbols[index], self._symbols[-1] = self._symbols[-1], self._symbols[index]
        self.freed.append(self._symbols.pop())
        return self.freed[-1]


def random_case(
    rng: Random,
    place: Place,
    moves: Sequence[tuple[float, Move]],
    length: int,
    script: Script | None = None,
) -> Case:
    """A case of about ``length`` calls.

    Args:
        rng: decides everything; the same state gives the same case.
        place: where the calls are made.
        moves: weight and move.
        length: moves that are drawn.
        script: the calls that stand before them.
    """
    weights = list(accumulate(weight for weight, _ in moves))
    script = script if script is not None else Script()
    for _, move in rng.choices(moves, cum_weights=weights, k=length):
        move(rng, script)
    return script.at(place)
