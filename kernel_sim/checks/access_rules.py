"""The rules of accesses to regions with guards: what must succeed, and what must fault (KV-39)."""

from collections.abc import Sequence
from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.guard_ledger import guard_pages
from kernel_sim.checks.guard_rules import breach
from kernel_sim.checks.guard_world import Step, World
from kernel_sim.checks.operations_run import Breach

DESCENT: Final = "kernel.descend"
_FRAME_BYTES: Final = 8
"""Return address and saved bp."""


def judge_access(world: World, step: Step) -> Breach | None:
    """One access of the processor's, or a descent into the stack."""
    failure = step.turn.outcome.failure
    if failure is not None and failure.error == "TripleFault":
        text = f"the machine gave up with a triple fault: {failure.message}"
        return breach("triple-fault", "handler-stack", text, "a report of the overflow")
    if step.turn.hook == DESCENT:
        return _judge_descent(world, step)
    kind, _, access = step.turn.hook.partition(".")
    if kind not in {"cpu", "user"}:
        return None
    address, size = _span(access, step.turn.args)
    start, end = world.window
    if address + size <= start or address >= end:
        return None
    wrong = _forbidden(world, address, size)
    if wrong is None and kind == "user":
        wrong = address
    if wrong is None:
        return _judge_allowed(world, step, address, size)
    return None if failure is not None else _not_stopped(world, step, wrong)


def _span(access: str, args: Sequence[object]) -> tuple[int, int]:
    """First address and number of bytes."""
    address = args[0]
    size = 1 if access == "fetch" else args[1]
    count = len(size) if isinstance(size, bytes) else size
    if not isinstance(address, int) or not isinstance(count, int):
        raise TypeError(f"an access to {address!r}")
    return address, count


def _forbidden(world: World, address: int, size: int) -> int | None:
    """The first page of those that are touched which no region offers."""
    pages = range(align_down(address, PAGE_SIZE), address + size, PAGE_SIZE)
    return next((page for page in pages if world.ledger.region_at(page) is None), None)


def _not_stopped(world: World, step: Step, page: int) -> Breach:
    """An access went through that must not."""
    call = f"{step.turn.hook} at {_span(step.turn.hook.partition('.')[2], step.turn.args)[0]:#x}"
    if step.turn.hook.startswith("user") and world.ledger.region_at(page) is not None:
        return breach("access", "usable-user", f"{call} succeeded at CPL 3", "a page fault")
    guarded = any(page in guard_pages(region) for region in world.ledger.installed)
    where = "a guard page" if guarded else "a page that is mapped nowhere"
    if world.space.leaf(page) is None:
        text = f"{call} reached {where}: the processor still had it in the TLB"
        return breach("access", "invlpg", text, "a page fault", "no fault")
    concept = "guard-mapped" if guarded else "not-unmapped"
    return breach("access", concept, f"{call} reached {where} without a fault", "a page fault")


def _judge_allowed(world: World, step: Step, address: int, size: int) -> Breach | None:
    """An access to usable bytes: it succeeds, and reads what was stored."""
    turn = step.turn
    if turn.outcome.failure is not None:
        text = f"{turn.hook} at {address:#x} failed: {turn.outcome.failure.message}"
        return breach("access", "usable-lost", text, "an access that succeeds")
    known = [world.ledger.contents.get(address + offset) for offset in range(size)]
    if turn.hook not in {"cpu.load", "cpu.read"} or None in known:
        return None
    wanted = bytes(byte for byte in known if byte is not None)
    value = turn.outcome.value
    got = value if isinstance(value, bytes) else int(value or 0).to_bytes(size, "little")  # type: ignore[call-overload]
    if got == wanted:
        return None
    text = f"{address:#x} holds {got.hex()}, stored was {wanted.hex()}"
    return breach("access", "page-contents", text, wanted.hex(), got.hex())


def _judge_descent(world: World, step: Step) -> Breach | None:
    """A stack that is too small for what is called has to end in its guard."""
    depth, locals_bytes, *_ = step.turn.args
    stack = world.kernel_stack
    if stack is None or not isinstance(depth, int) or not isinstance(locals_bytes, int):
        return None
    if depth * (locals_bytes + _FRAME_BYTES) < stack.end - stack.base or not step.page_faults:
        return None
    address = step.page_faults[0].fields.get("address")
    below = range(stack.base - PAGE_SIZE, stack.base)
    if isinstance(address, int) and address in below:
        return None
    where = f"{address:#x}" if isinstance(address, int) else "nowhere"
    text = f"the kernel's stack at {stack.base:#x} overflowed, the first fault was at {where}"
    return breach("access", "guard-side", text, f"a fault from {below.start:#x} to {below[-1]:#x}")
