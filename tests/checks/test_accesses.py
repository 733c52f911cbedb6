"""Accesses of the processor's own between hook calls, and stores among the events."""

import pytest

from kernel_sim import AddrRange, MapRequest, PageTableFlags, RegionKind
from kernel_sim.checks.bench import Operation, Ref, Scenario
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.machine import machine_spec

PAGE = 0xD000_0000
RW, USER = PageTableFlags.PRESENT | PageTableFlags.WRITABLE, PageTableFlags.USER_ACCESSIBLE
IDENTITY = [MapRequest(AddrRange(0, 0x3E_0000), 0, RW, "identity")]
PAGING_ON = [Operation("init_paging", (IDENTITY,)), Operation("enable_paging", (Ref(0),))]


def start(*, stores=False):
    """A machine before paging, with the reference plugin."""
    bench = LocalBench("kernel_v_paging", ("paging",))
    return bench.boot(Scenario(machine_spec("pc4"), until="pmm", stores=stores))


def test_the_kernel_and_a_program_reach_memory_through_the_tables():
    run = start()
    outcomes = run.batch(
        [
            *PAGING_ON,
            Operation("pmm_alloc_frame"),
            Operation("map_page", (Ref(0), PAGE, Ref(2), RW | USER)),
            Operation("cpu.store", (PAGE, 4, 0x1234)),
            Operation("user.load", (PAGE, 4)),
            Operation("cpu.write", (PAGE + 8, b"abc")),
            Operation("user.read", (PAGE + 8, 3)),
        ]
    )
    assert outcomes[5].value == 0x1234
    assert outcomes[7].value == b"abc"
    assert run.ram.load(outcomes[2].value, 4) == 0x1234


@pytest.mark.parametrize("access", ["user.load", "user.fetch"])
def test_an_access_that_faults_is_a_stop_and_the_next_one_goes_on(access):
    run = start()
    args = (0x10_0000, 4) if access.endswith("load") else (0x10_0000,)
    *_, refused, after = run.batch(
        [*PAGING_ON, Operation(access, args), Operation("cpu.load", (0x10_0000, 4))]
    )
    assert refused.failure.kind == "stopped"
    assert "0x100000" in refused.failure.message
    assert after.ok


def test_stores_under_paging_are_events_in_their_places_where_the_scenario_asks_for_them():
    run = start(stores=True)
    screen = Operation("cpu.store", (0xB_8000, 2, 0x0741))
    run.batch([*PAGING_ON, screen, Operation("map_page", (Ref(0), PAGE, 0x10_0000, RW)), screen])
    events = run.events()
    store = events[-1]
    assert (store.kind, store.fields["physical"], store.fields["new"]) == (
        "store",
        0xB_8000,
        b"A\x07",
    )
    registers = [e.fields.get("register") for e in events]
    filled = [i for i, e in enumerate(events) if e.kind == "store" and len(e.fields["new"]) == 4096]
    assert len(filled) == 1, "of all tables only that of map_page is made under paging"
    assert min(i for i, e in enumerate(events) if e.kind == "store") > registers.index("cr0")
    assert [e.number for e in events] == sorted(e.number for e in events)


def test_without_stores_there_are_no_such_events():
    run = start()
    run.batch(PAGING_ON)
    assert {e.kind for e in run.events()} <= {"hook", "log", "control", "fault"}


def test_a_piece_of_memory_gets_an_entry_of_its_own_and_what_lies_beside_it_stays():
    bench = LocalBench("kernel_v_guard", ("guard",))
    run = bench.boot(Scenario(machine_spec("pc4"), until="heap"))
    before = [(r.base, r.end) for r in run.regions if r.kind is RegionKind.AVAILABLE]
    run.batch([Operation("kernel.describe", (0x20_0800, 0x1000))])
    after = [(r.base, r.end) for r in run.regions if r.kind is RegionKind.AVAILABLE]
    assert before == [(0, 0x9_FC00), (0x10_0000, 0x3E_0000)]
    assert after == [
        (0, 0x9_FC00),
        (0x10_0000, 0x20_0800),
        (0x20_0800, 0x20_1800),
        (0x20_1800, 0x3E_0000),
    ]
