"""Turning paging on: which control registers are written, when, and what has to be mapped by then.

References: Intel SDM vol. 3A, 2.5 (control registers), 4.1.2 (enabling paging); KV-22, KV-23.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import Failure, Run
from kernel_sim.checks.hook_failure import sentence
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.checks.paging_model import AddressSpaceModel
from kernel_sim.checks.paging_tables import Tables
from kernel_sim.values import AddrRange, Event

PG: Final = 1 << 31
ADDRESS_MASK: Final = ~0xFFF
_PROTECTION: Final = "vector 13,"


class Move(NamedTuple):
    """A write of a control register."""

    register: str
    old: int
    new: int


def moves(events: Sequence[Event]) -> list[Move]:
    """All writes of control registers, in order."""
    found: list[Move] = []
    for event in events:
        fields: Mapping[str, Any] = event.fields
        if event.kind == "control" and fields.get("operation") == "mov":
            found.append(Move(str(fields["register"]), int(fields["old"]), int(fields["new"])))
    return found


def writes_in_init(events: Sequence[Event]) -> Breach | None:
    """Whether `init_paging` wrote a control register; nobody else has until it returns."""
    for move in moves(events):
        problem = f"init_paging wrote {move.register.upper()} = {move.new:#x}"
        return _breach("control-in-init", problem, "no control register written", problem)
    return None


def enabled_breach(events: Sequence[Event], root: int) -> Breach | None:
    """What is wrong with the way in which paging was turned on, which went well so far."""
    made = moves(events)
    return (
        _order_breach(made) or _cr3_breach(made, root) or _cr0_breach(made) or _other_breach(made)
    )


def failed_enabling(turn: Turn, run: Run, tables: Tables, kept: Mapping[str, AddrRange]) -> Breach:
    """Why the machine stopped when paging was turned on: what the next instruction did not find."""
    made = moves(run.events())
    breach = _order_breach(made) or _cr3_breach(made, tables.root)
    failure = turn.outcome.failure or Failure("stopped")
    breach = breach or _refused_breach(made, failure)
    if breach is not None:
        return breach
    try:
        model = AddressSpaceModel(tables.ranges())
    except ValueError:
        model = AddressSpaceModel([])
    for name, part in kept.items():
        for page in range(align_down(part.start, PAGE_SIZE), part.end, PAGE_SIZE):
            if model.physical(page) != page:
                problem = f"{name} at {page:#x} is not mapped one to one: {sentence(failure)}"
                return _breach("identity-missing", problem, f"{page:#x} → {page:#x}", "not mapped")
    return _breach("identity-missing", sentence(failure), "a machine that goes on", "it stopped")


def _order_breach(made: Sequence[Move]) -> Breach | None:
    registers = [move.register for move in made]
    on = next((i for i, m in enumerate(made) if m.register == "cr0" and m.new & PG), None)
    if on is not None and "cr3" not in registers[:on]:
        problem = "CR0.PG was set before CR3 held the root"
        return _breach("cr3-before-pg", problem, "CR3, then CR0", "CR0 first")
    return None


def _refused_breach(made: Sequence[Move], failure: Failure) -> Breach | None:
    """A value of CR0 that the processor does not take: PG without PE is #GP (2.5)."""
    if any(move.register == "cr0" for move in made) or _PROTECTION not in failure.message:
        return None
    problem = "the processor refused the value for CR0: PG needs PE, bit 0, to stay set"
    return _breach("cr0-bits", problem, "CR0 with PE and PG", sentence(failure))


def _cr3_breach(made: Sequence[Move], root: int) -> Breach | None:
    written = [move.new for move in made if move.register == "cr3"]
    if written and written[-1] & ADDRESS_MASK != root:
        problem = f"CR3 is {written[-1]:#x}, but the root is {root:#x}"
        return _breach("cr3-value", problem, hex(root), hex(written[-1]))
    return None


def _cr0_breach(made: Sequence[Move]) -> Breach | None:
    written = [move for move in made if move.register == "cr0"]
    if not written or not written[-1].new & PG:
        problem = "paging is still off when enable_paging has returned"
        return _breach("pg-missing", problem, "CR0.PG set", "CR0.PG clear")
    before, after = written[0].old, written[-1].new
    if after != before | PG:
        problem = f"CR0 was {before:#x} and is {after:#x}: other bits than PG have changed"
        return _breach("cr0-bits", problem, hex(before | PG), hex(after))
    return None


def _other_breach(made: Sequence[Move]) -> Breach | None:
    for move in made:
        if move.register == "cr4" and move.new != move.old:
            problem = f"CR4 was {move.old:#x} and is {move.new:#x}"
            return _breach("cr4-bits", problem, hex(move.old), hex(move.new))
    return None


def _breach(concept: str, problem: str, expected: str, got: str) -> Breach:
    requirement = "KV-23" if concept == "identity-missing" else "KV-22"
    return Breach(concept, requirement, problem, concept=concept, expected=expected, got=got)
