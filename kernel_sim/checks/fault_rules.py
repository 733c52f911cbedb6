"""The rules of the fault handler: which class a fault is of, and what is to be done about it.

::

    in a guard of an installed region         guard    PANIC, from CPL 3 KILL
    in page 0                                  null     PANIC, from CPL 3 KILL
    a program at a page of the kernel's        user     KILL
    anything else                              -        None: the next in the chain is asked
"""

from collections.abc import Mapping
from typing import Any, Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import Failure
from kernel_sim.checks.guard_world import Step, World
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.page_table import PageFaultErrorCode
from kernel_sim.values import FaultAction

CLASS_RULES: Final = frozenset({"class", "class-log", "escalation", "nested", "triple-fault"})
CLASSES: Final = ("guard", "null", "user")
USER_LEVEL: Final = 3
_TO_THE_KERNEL: Final = PageFaultErrorCode.PROTECTION_VIOLATION | PageFaultErrorCode.USER_MODE
_CONCEPTS: Final = {"guard": "class-guard", "null": "class-null", "user": "class-user"}


def class_of(world: World, address: int, error_code: int, cpl: int) -> str:
    """The class of a fault; empty for one that is for others."""
    if not world.config["guard"]:
        return ""
    if world.ledger.guarded_by(address) is not None:
        return "guard"
    if 0 <= address < PAGE_SIZE:
        return "null"
    is_user = cpl == USER_LEVEL and error_code & _TO_THE_KERNEL == _TO_THE_KERNEL
    return "user" if is_user and _is_the_kernels(world, address) else ""


def _is_the_kernels(world: World, address: int) -> bool:
    leaf = world.space.leaf(align_down(address, PAGE_SIZE))
    return leaf is not None and not leaf.user


def action_of(name: str, cpl: int) -> FaultAction | None:
    """What is to be done about a fault of a class."""
    if not name:
        return None
    return FaultAction.KILL if cpl == USER_LEVEL or name == "user" else FaultAction.PANIC


def judge_faults(world: World, step: Step) -> Breach | None:
    """Every fault of the turn: what the handler decided, and what it said."""
    failure = step.turn.outcome.failure
    crashed = failure is not None and failure.hook == "page_fault" and failure.kind != "stopped"
    if crashed and failure is not None:
        return _crash(failure)
    return (
        _escalated(world, step)
        or _nested(step)
        or next(filter(None, (_judge(world, step, e.fields) for e in _decisions(step))), None)
    )


def _crash(failure: Failure) -> Breach:
    broken = violation_of(failure, "KV-39")
    return Breach("class", "KV-39", broken.problem, 0, broken.concept)


def _decisions(step: Step) -> list[Any]:
    """The calls of the chain that were not made inside another hook."""
    return [e for e in step.called("page_fault") if e.fields.get("depth") == 0]


def _judge(world: World, step: Step, fields: Mapping[str, Any]) -> Breach | None:
    fault, result = fields["arguments"]["fault"], fields.get("result")
    address, cpl = fault["address"], fault["cpl"]
    name = class_of(world, address, fault["error_code"], cpl)
    expected = action_of(name, cpl)
    if name == "" and _is_for_the_pager(world, address, fault["error_code"]):
        expected = FaultAction.RETRY
    wanted = expected.value if expected is not None else None
    what = f"a fault at {address:#x}, error code {fault['error_code']:#x}, CPL {cpl}"
    if result != wanted:
        concept = _concept(world, name, address, result)
        text = f"{what}: page_fault answered {result}"
        return Breach("class", "KV-39", text, address, concept, str(wanted), str(result))
    said = _said(step, address)
    if said == name:
        return None
    text = f"{what}: " + (f"logged as {said!r}" if said else "no guard_fault was logged")
    mistaken = said == "guard" and _is_beside_a_guard(world, address)
    concept = "guard-range" if mistaken else "class-log"
    return Breach("class-log", "KV-44", text, address, concept, repr(name or "nothing"), repr(said))


def _concept(world: World, name: str, address: int, result: object) -> str:
    """What is not understood about a fault that got a wrong answer."""
    if not world.config["guard"]:
        return "toggle-chain" if result == "RETRY" else "toggle-off"
    if result == "RETRY":
        return "retry"
    if result is not None and name:
        return "class-level"
    at_edge = address % PAGE_SIZE in {0, PAGE_SIZE - 1}
    if name:
        return "guard-range" if name == "guard" and at_edge else _CONCEPTS[name]
    if _is_beside_a_guard(world, address):
        return "guard-range"
    return "class-stale" if world.ledger.was_guarded(address) else "class-others"


def _is_beside_a_guard(world: World, address: int) -> bool:
    """Whether an address is the last one below a guard, or the first one above."""
    near = any(world.ledger.guarded_by(address + way) for way in (-PAGE_SIZE, PAGE_SIZE))
    return near and address % PAGE_SIZE in {0, PAGE_SIZE - 1}


def _is_for_the_pager(world: World, address: int, error_code: int) -> bool:
    """Whether demand paging mends this fault."""
    config = world.config
    in_heap: bool = config["heap_start"] <= address < config["heap_max_end"]
    return bool(config["demand_paging"]) and in_heap and error_code & ~2 == 0


def _said(step: Step, address: int) -> str:
    """The class that was logged for a fault; empty if none was."""
    for event in step.logged("guard_fault"):
        if event.fields.get("address") == address:
            said = str(event.fields.get("classification", ""))
            return said if said in CLASSES else ""
    return ""


def _escalated(world: World, step: Step) -> Breach | None:
    """The handler wrote to page 0, which is mapped here."""
    frame = world.ledger.mapped.get(0)
    if frame is None or not step.called("page_fault"):
        return None
    now = world.run.ram.read(frame, PAGE_SIZE)
    if now == world.page_zero:
        return None
    text = "the handler stored at address 0, where this kernel has a page"
    return Breach("escalation", "KV-39", text, 0, "escalation", "PANIC", "a store")


def _nested(step: Step) -> Breach | None:
    """A fault that the handler caused itself."""
    addresses = [e.fields.get("address") for e in step.page_faults]
    other = next((a for a in addresses[1:] if a != addresses[0]), None)
    if not isinstance(other, int) or step.turn.hook.endswith(("write", "read")):
        return None
    concept = "escalation" if other < PAGE_SIZE else "handler-fault"
    text = f"while the fault at {addresses[0]:#x} was handled, another one came at {other:#x}"
    return Breach("nested", "KV-39", text, other, concept, "one fault", f"{len(addresses)} faults")
