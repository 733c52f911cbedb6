"""The kernel's own work between hook calls: deep calls, tags; fields of results as symbols."""

import msgspec
import pytest

from kernel_sim import GuardKind, GuardRequest
from kernel_sim.checks.bench import Ref, Scenario
from kernel_sim.checks.descent import DAMAGES, damaged
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.operations import Case, Of, Place, Script, flat
from kernel_sim.checks.operations_run import run_case
from kernel_sim.checks.operations_text import line_of, parse_cases
from kernel_sim.machine import machine_spec
from kernel_sim_grader.plain import extension, flatten, restore

NOWHERE = 0xDEAD_BEEF


class Silent:
    """An oracle that finds nothing wrong."""

    def __init__(self, place):
        self.place = place

    def begin(self, _):
        return None

    judge = look = begin


def start(until="guard"):
    return LocalBench("kernel_v_guard", ("guard",)).boot(Scenario(machine_spec("pc4"), until=until))


def test_functions_lie_on_the_stack_as_a_chain_that_ends_at_null():
    run = start("heap")
    outcome = run.call("kernel.descend", 3, 16, "", NOWHERE)
    assert outcome.failure.kind == "stopped"
    top, size = run.boot_info.stack.end, 8 + 16
    bp, chain = top - 2 * size - 8, []
    while bp:
        chain.append(run.ram.load(bp + 4, 4))
        bp = run.ram.load(bp, 4)
    assert len(chain) == 3
    assert len(set(chain)) == 3


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_changes_the_innermost_saved_bp_alone(damage):
    run = start("heap")
    run.call("kernel.descend", 2, 8, damage, NOWHERE)
    top = run.boot_info.stack.end
    outer = top - 8
    inner = outer - 16
    assert run.ram.load(inner, 4) == damaged(damage, inner, top)
    assert run.ram.load(outer, 4) == 0


def test_a_stack_that_is_too_deep_hits_its_guard():
    run = start()
    outcome = run.call("kernel.descend", 2000, 512, "", NOWHERE)
    assert "double fault" in outcome.failure.message
    assert run.call("pmm_stats").ok, "the kernel goes on as it was before"


def test_tags_are_left_in_the_trace_as_drivers_leave_them():
    run = start()
    run.call("kernel.tag", 0x1000, 0x2000, "nic")
    run.call("kernel.untag", 0x1000, 0x1800, "nic")
    told = [e.fields for e in run.events() if e.fields.get("plugin") == "kernel"][-2:]
    assert [f["event"] for f in told] == ["tag", "untag"]
    assert [(f["start"], f["end"], f["tag"]) for f in told] == [
        (0x1000, 0x2000, "nic"),
        (0x1000, 0x1800, "nic"),
    ]


def test_a_field_of_a_result_is_a_symbol_in_a_sequence():
    script = Script()
    region = script.add("install_guard", GuardRequest(GuardKind.STACK, 1, "a"))
    script.add("cpu.store", Of(region.step, offset=-4, part="end"), 4, 7)
    script.add("cpu.load", Of(region.step, part="guard_high"), 1)
    script.add("cpu.store", Of(region.step, offset=-1, part="base"), 1, 7)
    case = script.at(Place(until="heap"))
    seen = run_case(LocalBench("kernel_v_guard", ("guard",)), case, Silent, batch=1)
    first, *others = seen.turns
    assert [turn.args[0] for turn in others] == [
        first.outcome.value.end - 4,
        first.outcome.value.base - 1,
    ], "what has no upper guard is not loaded from"
    assert [turn.outcome.ok for turn in others] == [True, False]


def test_a_field_of_a_result_is_written_and_read_as_one():
    script = Script()
    region = script.add("install_guard", GuardRequest(GuardKind.OBJECT, 0x123, "a"))
    script.add("cpu.load", Of(region.step, part="guard_high"), 1)
    script.add("kernel.tag", Of(region.step, part="base", offset=1), 0x2000, "nic")
    script.add("region_tags")
    case = script.at(Place())
    line = line_of("lab5", [case])
    assert "cpu.load(r1.guard_high, 1); kernel.tag(r1.base + 0x1, 0x2000, 'nic')" in line
    assert parse_cases(line) == ("lab5", [case])


@pytest.mark.parametrize("reference", [Ref(3), Ref(1, -5), Ref(0, 7, "guard_low")])
def test_a_reference_crosses_to_the_worker_with_its_field(reference):
    sent = msgspec.msgpack.encode(flatten(reference))
    assert restore(msgspec.msgpack.decode(sent, ext_hook=extension), int) == reference


def test_flat_operations_name_the_field():
    script = Script()
    region = script.add("install_guard", GuardRequest(GuardKind.HEAP, 1, "a"))
    script.add("cpu.load", Of(region.step, part="base"), 1)
    assert flat(Case(Place(), tuple(script))).operations[1].args[0] == Ref(0, 0, "base")


def test_who_writes_the_guards_writes_the_observers_too():
    names = {plugin.name for plugin in start().result.plugins}
    assert not names & {"kernel_v_memviz", "kernel_v_refcounts", "kernel_v_faultlog"}
    other = LocalBench("kernel_v_pmm", ("pmm",)).boot(Scenario(machine_spec("pc4")))
    assert {"kernel_v_memviz", "kernel_v_refcounts"} <= {p.name for p in other.result.plugins}


def test_demand_paging_goes_on_beside_the_guards():
    scenario = Scenario(machine_spec("pc4"), until="heap", config={"demand_paging": True})
    run = LocalBench("kernel_v_guard", ("guard",)).boot(scenario)
    assert run.call("cpu.load", 0xC100_0000, 4).value == 0
