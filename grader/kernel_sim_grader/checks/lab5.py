"""The hidden checks of Lab 5: other machines, longer sequences, more boots, what boots compare."""

from random import Random
from typing import Final

from kernel_sim.checks import fault_cases as faults
from kernel_sim.checks import guard_cases as guards
from kernel_sim.checks import watch_cases as watching
from kernel_sim.checks.check import Check, Result
from kernel_sim.checks.fault_log_rules import LOG_RULES
from kernel_sim.checks.fault_rules import CLASS_RULES
from kernel_sim.checks.guard_lab import Question, result
from kernel_sim.checks.guard_places import (
    ELSEWHERE,
    FEATURES,
    SMALL_WINDOW,
    made_place,
    other_bitmap,
    place,
    small_place,
    some_place,
)
from kernel_sim.checks.guard_rules import GUARD_RULES
from kernel_sim.checks.operations import Script
from kernel_sim.checks.subject import Subject
from kernel_sim.checks.toggle_check import (
    boots_part,
    cost_part,
    independence_part,
    same_trace_part,
    selftest_part,
    switched_parts,
    toggle_parts,
)
from kernel_sim.checks.view_rules import VIEW_RULES
from kernel_sim.checks.watch_rules import COUNT_RULES, TAG_RULES
from kernel_sim.values import GuardKind

LAB: Final = "lab5"
STACK: Final = GuardKind.STACK


def hidden_stack_guard(subject: Subject, seed: int) -> Result:
    """Stacks on other machines, many of them, given back and asked for again."""
    name, rng = "hidden-stack-guard", Random(f"{seed} hidden-stack-guard")
    here, few = some_place(rng), place(guard_end=SMALL_WINDOW)
    memory = Random(f"{seed} {name} memory")
    small, far = small_place(memory), small_place(memory, guard_start=ELSEWHERE)
    made = {
        "random sequences": [guards.churning(here, rng, (STACK,), 30)],
        "no memory left": [
            guards.too_large(small, STACK, 0x40_0000),
            guards.until_full(small, STACK, 0xC000, 9),
            guards.no_frame_for_the_table(far, STACK, 130),
        ],
        "few addresses": [
            guards.again_and_again(few, STACK, 0x6000, 4),
            guards.until_full(few, STACK, 0x3000, 6),
        ],
        "programs": [guards.programs(here, STACK)],
        "the kernel's own stack": [guards.kernel_stack_overflow(some_place(rng, until="guard"))],
    }
    tested = selftest_part(subject, name, Script().at(place(until="selftests")))
    asked = [Question(title, GUARD_RULES, cases) for title, cases in made.items()]
    return result(subject, name, asked, [tested])


def hidden_heap_guard(subject: Subject, seed: int) -> Result:
    """Blocks and stacks side by side on other machines, and in further boots."""
    name, rng = "hidden-heap-guard", Random(f"{seed} hidden-heap-guard")
    here, small = some_place(rng), small_place(Random(f"{seed} {name} memory"))
    sizes = (1, 0xFFF, 0x1001, rng.randrange(0x1002, 0x5000))
    made = {
        "overruns": [
            *(guards.overrun(here, GuardKind.OBJECT, size, rng) for size in sizes),
            guards.across_the_edge(here, GuardKind.HEAP, 0x3000),
        ],
        "random sequences": [guards.churning(here, rng, tuple(GuardKind), 40)],
        "no memory left": [guards.too_large(small, GuardKind.HEAP, 0x40_0000)],
        "given back twice": [guards.removed_twice(here, GuardKind.OBJECT)],
    }
    few = place(guard_end=SMALL_WINDOW)
    boots = [
        *([guards.installed_once(few, GuardKind.HEAP, 0x6000)] * 3),
        *(guards.churning(made_place(rng), rng, tuple(GuardKind), 10) for _ in range(2)),
    ]
    further = boots_part("further boots", subject, name, boots, GUARD_RULES)
    asked = [Question(title, GUARD_RULES, cases) for title, cases in made.items()]
    return result(subject, name, asked, [further])


def hidden_fault_classes(subject: Subject, seed: int) -> Result:
    """Other faults, on other machines, one of which has a page at address 0."""
    name, rng = "hidden-fault-classes", Random(f"{seed} hidden-fault-classes")
    here = some_place(rng)
    made = {
        "NULL": [faults.null_pointers(here, (rng.randrange(1, 0xFFF), 0xFFF))],
        "guards": [faults.guard_hits(here, kind, rng) for kind in GuardKind],
        "beside guards": [faults.beside_guards(here)],
        "told directly": [faults.told_directly(here, rng)],
        "a page at 0": [faults.with_page_zero(place(), GuardKind.OBJECT)],
        "programs and others": [
            faults.programs_at_the_kernel(here),
            faults.nobodys(place()),
            faults.on_demand(place(demand_paging=True)),
        ],
    }
    return result(subject, name, [Question(title, CLASS_RULES, c) for title, c in made.items()])


def hidden_fault_log(subject: Subject, seed: int) -> Result:
    """Deeper calls, other damages, other machines, and a stack that has overflowed."""
    name, rng = "hidden-fault-log", Random(f"{seed} hidden-fault-log")
    here = some_place(rng, "faultlog")
    kernel = place("pc4", "faultlog", until="guard")
    spoilt = [faults.damaged(here, d, rng.randrange(2, 6), 16) for d in faults.STACK_DAMAGES]
    top = [faults.damaged(kernel, d, rng.randrange(2, 6), 24) for d in faults.TOP_DAMAGES]
    made = {
        "the callers": [faults.called(here, n, rng.randrange(0, 64)) for n in (2, 7, 12)],
        "deep": [faults.called(here, 200, 0), faults.called(kernel, 90, 8)],
        "damaged": [*spoilt, *top],
        "several": [faults.several(here, rng), faults.called(here, 4, 8, 0x10)],
        "a full stack": [faults.overflowing(kernel)],
    }
    return result(subject, name, [Question(title, LOG_RULES, c) for title, c in made.items()])


def hidden_memory_view(subject: Subject, seed: int) -> Result:
    """Pictures of other maps and bitmaps, in other sizes, while frames come and go."""
    name, rng = "hidden-memory-view", Random(f"{seed} hidden-memory-view")
    shapes = ((80, 25), (rng.randrange(2, 40), rng.randrange(2, 20)), (1, 1))
    made = {
        "128 MiB": [watching.sizes(place("pc128", "memviz"), ((40, 10),))],
        "other maps and sizes": [watching.on_another_map(made_place(rng, "memviz"), shapes)],
        "other bitmaps": [watching.drawn(other_bitmap(rng, "memviz"), 40, 10, 30)],
    }
    return result(subject, name, [Question(title, VIEW_RULES, c) for title, c in made.items()])


def hidden_counters_tags(subject: Subject, seed: int) -> Result:
    """Counters and tags after long sequences, of guarded regions, and in further boots."""
    name, rng = "hidden-counters-tags", Random(f"{seed} hidden-counters-tags")
    counting, tagging = some_place(rng, "refcounts"), some_place(rng, "tags")
    elsewhere = [
        watching.fixed_tags(there) for there in (place("pc-nasty", "tags"), made_place(rng, "tags"))
    ]
    counts = [watching.owned(counting)] * 2
    boots = [*counts, watching.on_two_ranges(tagging), watching.fixed_tags(tagging)]
    made = {
        "counters": (COUNT_RULES, [watching.counting(counting, rng, 40)]),
        "freed too early": (COUNT_RULES, [watching.freed_while_mapped(counting)]),
        "tags": (
            TAG_RULES,
            [watching.on_two_ranges(tagging), watching.tagging(tagging, rng, 30)],
        ),
        "other machines": (TAG_RULES, elsewhere),
        "guarded regions": (TAG_RULES, [watching.guarded_tags(tagging, GuardKind.OBJECT)]),
    }
    rules = COUNT_RULES | TAG_RULES
    further = boots_part("further boots", subject, name, boots, rules)
    return result(subject, name, [Question(t, *asked) for t, asked in made.items()], [further])


def hidden_toggles(subject: Subject, seed: int) -> Result:
    """Features come and go one by one; watching changes nothing, and the trace is the same."""
    name, rng = "hidden-toggles", Random(f"{seed} hidden-toggles")
    script = Script()
    script.add("pmm_alloc_frame")
    script.add("kmalloc", 100, 8)
    script.add("pmm_stats")
    watched, quiet = (script.at(place("pc4", *on)) for on in (FEATURES, ()))
    trace = guards.churning(place("pc4", *FEATURES), rng, tuple(GuardKind), 6)
    words: dict[str, str] = {}
    return Result.of_parts(
        [
            *toggle_parts(subject, name, together=False, words=words),
            independence_part(subject, name, words),
            cost_part(subject, name, watched, quiet),
            same_trace_part(subject, name, trace),
            *switched_parts(subject, name),
        ]
    )


CHECKS: Final = (
    Check("hidden-stack-guard", LAB, ("KV-39", "KV-43"), hidden_stack_guard, visible=False),
    Check("hidden-heap-guard", LAB, ("KV-39",), hidden_heap_guard, visible=False),
    Check("hidden-fault-classes", LAB, ("KV-39", "KV-26"), hidden_fault_classes, visible=False),
    Check("hidden-fault-log", LAB, ("KV-37", "KV-44"), hidden_fault_log, visible=False),
    Check("hidden-memory-view", LAB, ("KV-35",), hidden_memory_view, visible=False),
    Check("hidden-counters-tags", LAB, ("KV-36", "KV-38"), hidden_counters_tags, visible=False),
    Check("hidden-toggles", LAB, ("KV-40", "KV-41", "KV-44"), hidden_toggles, visible=False),
)
