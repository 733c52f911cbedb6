"""The visible checks of Lab 5: guard pages, faults, and what watches."""

from random import Random
from typing import Final

from kernel_sim.checks import fault_cases as faults
from kernel_sim.checks import guard_cases as guards
from kernel_sim.checks import watch_cases as watching
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.fault_log_rules import LOG_RULES
from kernel_sim.checks.fault_rules import CLASS_RULES
from kernel_sim.checks.guard_gate import first_boot
from kernel_sim.checks.guard_lab import Question, result
from kernel_sim.checks.guard_places import place
from kernel_sim.checks.guard_rules import GUARD_RULES
from kernel_sim.checks.subject import Subject
from kernel_sim.checks.toggle_check import toggle_parts
from kernel_sim.checks.view_rules import VIEW_RULES
from kernel_sim.checks.watch_rules import COUNT_RULES, TAG_RULES
from kernel_sim.values import GuardKind

LAB: Final = "lab5"
GATE: Final = first_boot
STACK: Final = GuardKind.STACK


def stack_guard(subject: Subject, seed: int) -> Result:
    """A stack that overflows hits its guard, and every byte of a stack can be used."""
    name, rng = "stack-guard", Random(f"{seed} stack-guard")
    here, size = place(), rng.randrange(1, 5) * 0x1000
    alone = [guards.used_to_its_ends(here, STACK, n) for n in (0x1000, size, size - 100)]
    over = [guards.overrun(here, STACK, size, rng), guards.across_the_edge(here, STACK, 0x1000)]
    back = [guards.removed(here, STACK, n) for n in (0x1000, size)]
    kernel = [guards.kernel_stack_overflow(place(until="guard"))]
    sizes = (0x1000, size, 0x2000)
    several = [guards.neighbours(here, iter([STACK] * 3), sizes)]
    made = {
        "a stack of its own": alone,
        "an overflow": over,
        "several stacks": several,
        "given back": back,
        "the kernel's own stack": kernel,
    }
    return result(subject, name, [Question(title, GUARD_RULES, c) for title, c in made.items()])


def heap_guard(subject: Subject, seed: int) -> Result:
    """A block that is overrun at either end hits a guard."""
    name, rng = "heap-guard", Random(f"{seed} heap-guard")
    here, odd = place(), rng.randrange(1, 0xFFF)
    alone = [guards.used_to_its_ends(here, kind, 0x2000) for kind in guards.BLOCKS]
    sizes = (0x1000, odd, 0x1000 + odd)
    over = [guards.overrun(here, kind, n, rng) for kind in guards.BLOCKS for n in sizes]
    several = [guards.neighbours(here, iter(GuardKind), (0x1000, 0x2000, 0x1000))]
    back = [guards.removed(here, GuardKind.HEAP, 0x2000), guards.removed_twice(here, STACK)]
    made = {
        "a block of its own": alone,
        "an overrun": over,
        "several regions": several,
        "given back": back,
    }
    return result(subject, name, [Question(title, GUARD_RULES, c) for title, c in made.items()])


def fault_classes(subject: Subject, seed: int) -> Result:
    """Each fault gets the right class and answer; what is nobody's is passed on."""
    name, rng = "fault-classes", Random(f"{seed} fault-classes")
    here = place()
    made = {
        "NULL": [faults.null_pointers(here, (0, 8, 0xFFF))],
        "guards": [faults.guard_hits(here, kind, rng) for kind in (STACK, GuardKind.HEAP)],
        "programs": [faults.programs_at_the_kernel(here)],
        "others": [faults.nobodys(here), faults.on_demand(place(demand_paging=True))],
    }
    return result(subject, name, [Question(title, CLASS_RULES, c) for title, c in made.items()])


def fault_log(subject: Subject, seed: int) -> Result:
    """Each page fault is logged with its callers; a damaged stack does no harm."""
    name, rng = "fault-log", Random(f"{seed} fault-log")
    here, size = place("pc4", "faultlog"), rng.randrange(0, 40, 4)
    made = {
        "the callers": [faults.called(here, n, size) for n in (1, 3, 6)],
        "damaged": [faults.damaged(here, d, 3, size) for d in ("null", "unmapped", "odd")],
        "in circles": [faults.damaged(here, "itself", 2, size)],
    }
    return result(subject, name, [Question(title, LOG_RULES, c) for title, c in made.items()])


def memory_view(subject: Subject, seed: int) -> Result:
    """The picture of memory shows what the bitmap says, at any moment and in any size."""
    name, rng = "memory-view", Random(f"{seed} memory-view")
    here = place("pc4", "memviz")
    made = {
        "frames come and go": [watching.drawn(here, 80, 25, rng.randrange(3, 40))],
        "other sizes": [watching.sizes(here, ((40, 8), (7, 3)))],
    }
    return result(subject, name, [Question(title, VIEW_RULES, c) for title, c in made.items()])


def counters_tags(subject: Subject, seed: int) -> Result:
    """Counters and tags agree with what was done."""
    name, rng = "counters-tags", Random(f"{seed} counters-tags")
    counting, tagging = place("pc4", "refcounts"), place("map-58", "tags")
    start = watching.HIGH + rng.randrange(1, 64) * 0x10_0000 // 2
    made = {
        "counters": (COUNT_RULES, [watching.counted(counting), watching.refused(counting)]),
        "fixed tags": (TAG_RULES, [watching.fixed_tags(tagging)]),
        "drivers' tags": (
            TAG_RULES,
            [watching.tagged(tagging, start), watching.on_two_ranges(tagging, start)],
        ),
    }
    return result(subject, name, [Question(title, *asked) for title, asked in made.items()])


def toggles(subject: Subject, _seed: int) -> Result:
    """Each feature is there when it is on, and has no effect when it is off."""
    return Result.of_parts(toggle_parts(subject, "toggles", together=True))


CHECKS: Final = (
    Check("stack-guard", LAB, ("KV-39",), stack_guard),
    Check("heap-guard", LAB, ("KV-39",), heap_guard),
    Check("fault-classes", LAB, ("KV-39", "KV-26"), fault_classes),
    Check("fault-log", LAB, ("KV-37", "KV-44"), fault_log),
    Check("memory-view", LAB, ("KV-35",), memory_view),
    Check("counters-tags", LAB, ("KV-36", "KV-38"), counters_tags),
    Check("toggles", LAB, ("KV-40",), toggles),
)
