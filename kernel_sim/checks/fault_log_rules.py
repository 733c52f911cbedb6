"""The rules of the fault logger: one trace for each page fault, with the callers (KV-37).

The check walks the stack itself, in RAM, and so knows which callers can be trusted.
"""

from collections.abc import Iterator
from typing import Any, Final

from kernel_sim.checks.access_rules import DESCENT
from kernel_sim.checks.descent import damaged
from kernel_sim.checks.guard_world import DOUBLE_FAULT, Step, World
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import Event

LOG_RULES: Final = frozenset({"log", "log-walk", "log-nested", "log-memory", "triple-fault"})
LEAST: Final = 8
"""So many callers are logged where there are as many."""
MOST: Final = 64
WORD: Final = 4
TAKING: Final = frozenset({"kmalloc", "kfree", "pmm_alloc_frame", "map_page", "install_guard"})
"""Hooks by which an observer would take memory."""


def log_breach(rule: str, concept: str, problem: str, expected: str = "", got: str = "") -> Breach:
    """A rule of the fault log that was broken."""
    return Breach(rule, "KV-37", problem, 0, concept, expected, got or problem)


def judge_log(world: World, step: Step) -> Breach | None:
    """What was logged of the faults of a turn."""
    return (
        _crashed(world, step)
        or _nested(step)
        or _allocated(world, step)
        or _judge_traces(world, step)
    )


def _crashed(world: World, step: Step) -> Breach | None:
    """The logger itself failed, or never came to an end."""
    failure = step.turn.outcome.failure
    if failure is None or failure.hook != "on_event" or failure.kind == "stopped":
        return None
    if failure.kind == "budget" and world.config["faultlog"]:
        text = f"the fault logger does not come to an end: {failure.message}"
        return log_breach("log-walk", "walk-endless", text, "a walk that ends")
    broken = violation_of(failure, "KV-37")
    return Breach("log", "KV-37", broken.problem, 0, broken.concept)


def _nested(step: Step) -> Breach | None:
    """A fault while the first one was being told to the observers."""
    faults = step.page_faults
    if len(faults) < 2 or any(e.fields.get("vector") == DOUBLE_FAULT for e in step.faults):
        return None
    first, second = faults[0], faults[1]
    between = [e for e in step.events if first.number < e.number < second.number]
    decided = any(e.fields.get("hook") == "page_fault" for e in between)
    told = any(e.fields.get("event") in {"fault_trace", "guard_fault"} for e in between)
    if decided or told or second.fields.get("address") == first.fields.get("address"):
        return None
    text = (
        f"while the fault at {first.fields['address']:#x} was logged, another one came at "
        f"{second.fields['address']:#x}"
    )
    return log_breach("log-nested", "walk-validation", text, "no further fault")


def _allocated(world: World, step: Step) -> Breach | None:
    """Memory taken by who logs a fault."""
    if not step.page_faults or world.config["demand_paging"]:
        return None
    for event in step.events:
        hook = event.fields.get("hook")
        if event.kind == "hook" and hook in TAKING and event.fields.get("depth"):
            text = f"{hook} was called while a fault was being handled"
            return log_breach("log-memory", "log-allocates", text, "no memory taken")
    return None


def _judge_traces(world: World, step: Step) -> Breach | None:
    faults, traces = step.page_faults, step.logged("fault_trace")
    if any(e.fields.get("vector") == DOUBLE_FAULT for e in step.faults):
        return _judge_double_fault(world, step)
    if not world.config["faultlog"]:
        if not traces:
            return None
        text = "fault_trace was logged although config.faultlog is off"
        return Breach("log", "KV-40", text, 0, "toggle-off", "no trace", "a trace")
    wanted, got = f"{len(faults)} fault_trace", f"{len(traces)} fault_trace"
    if len(traces) < len(faults):
        text = f"page faults: {len(faults)}, entries fault_trace in the log: {len(traces)}"
        return log_breach("log", "log-missing", text, wanted, got)
    if len(traces) > len(faults):
        text = f"page faults: {len(faults)}, entries fault_trace in the log: {len(traces)}"
        return log_breach("log", "log-twice", text, wanted, got)
    pairs = zip(faults, traces, strict=True)
    return next(filter(None, (_judge_trace(world, step, *pair) for pair in pairs)), None)


def _judge_double_fault(world: World, step: Step) -> Breach | None:
    """Nobody is told of a page fault that ends in a double fault; that one is not to be traced."""
    last = max(e.number for e in step.faults if e.fields.get("vector") == DOUBLE_FAULT)
    traces = [e for e in step.logged("fault_trace") if e.number > last]
    told = [e for e in step.page_faults if e.number > last]
    if not world.config["faultlog"] or len(traces) <= len(told):
        return None
    text = "fault_trace was logged for a double fault, vector 8"
    return log_breach("log", "log-vector", text, "no fault_trace", "a fault_trace")


def _judge_trace(world: World, step: Step, fault: Event, trace: Event) -> Breach | None:
    for name in ("address", "error_code"):
        if trace.fields.get(name) != fault.fields[name]:
            text = f"fault_trace says {name} {_hex(trace.fields.get(name))}"
            return log_breach("log", "log-fields", text, _hex(fault.fields[name]))
    frames = trace.fields.get("frames")
    if not isinstance(frames, list) or any(type(frame) is not int for frame in frames):
        text = f"frames is {type(frames).__name__}, not a list of addresses"
        return log_breach("log", "log-fields", text, "a list of numbers")
    if frames[:1] != [fault.fields["ip"]]:
        text = "frames does not begin with the ip of the fault"
        return log_breach("log", "log-fields", text, _hex(fault.fields["ip"]), _list(frames))
    return _judge_walk(world, step, frames[1:]) if step.turn.hook == DESCENT else None


def _judge_walk(world: World, step: Step, callers: list[int]) -> Breach | None:
    known = list(true_callers(world, step))
    expected, got = _list(known), _list(callers)
    least = known[: min(len(known), LEAST)]
    if len(callers) > MOST:
        text = f"{len(callers)} callers were logged"
        return log_breach("log-walk", "walk-bounded", text, f"at most {MOST}", str(len(callers)))
    if callers[: len(known)] != known[: len(callers)]:
        text = f"the callers are {expected}, logged were {got}"
        return log_breach("log-walk", "walk-wrong", text, expected, got)
    if len(callers) > len(known):
        text = f"callers in the log: {len(callers)}; the chain is broken or ends after {len(known)}"
        return log_breach("log-walk", "walk-validation", text, expected, got)
    if len(callers) < len(least):
        text = f"callers on the stack: {len(known)}, in the log: {len(callers)}"
        return log_breach("log-walk", "walk-short", text, expected, got)
    return None


def true_callers(world: World, step: Step) -> Iterator[int]:
    """The return addresses on the stack of a descent, innermost first, while they can be trusted.

    ::

        top - 8                   level 1     [top - 4] return address, [top - 8] bp 0
        top - 8 - (8 + locals)    level 2     ...
    """
    depth, locals_bytes, damage, _ = _descent(step)
    top, size = world.stack_top, 2 * WORD + -(-locals_bytes // WORD) * WORD
    inner = top - 2 * WORD - (depth - 1) * size
    for level in range(depth):
        yield world.read(inner + level * size + WORD, WORD)
        if level == 0 and damage and damaged(damage, inner, top) != inner + size:
            return


def _descent(step: Step) -> tuple[Any, Any, Any, Any]:
    depth, locals_bytes, damage, address = step.turn.args
    return depth, locals_bytes, damage, address


def _hex(value: object) -> str:
    return hex(value) if isinstance(value, int) else repr(value)


def _list(frames: list[int]) -> str:
    shown = [hex(frame) for frame in frames[:6]]
    return f"[{', '.join(shown)}{', …' if len(frames) > 6 else ''}]"
