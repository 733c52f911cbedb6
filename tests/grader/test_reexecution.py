"""A log of processor operations, executed again: the same trace, or it is not believed."""

import copy
from random import Random

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.checks.accesses import perform
from kernel_sim.checks.bench import Scenario
from kernel_sim.errors import MachineStopped
from kernel_sim.host.oops import KernelOops
from kernel_sim.machine import machine_spec
from kernel_sim.machine.operation_log import OperationLog
from kernel_sim.values import FaultAction
from kernel_sim_grader import wire
from kernel_sim_grader.reexecution import LogError, Reexecution

PAGE = 0xD000_0000
FAR = 0x3C_1000
"""Mapped one to one, and touched by nobody else."""


def sent(log):
    """The entries as they come out of a message."""
    return wire.entries_of(wire.results([], log.take()).log)


def followed(entries, machine="pc4", stores=False, most=200_000):
    again = Reexecution(Scenario(machine_spec(machine), stores=stores), most)
    again.follow(copy.deepcopy(entries))
    return again


def accessed(booted, name, *args):
    try:
        return perform(booted, name, args)
    except (MachineStopped, KernelOops, ValueError) as error:
        return type(error)


class MapsOnDemand:
    """Mends a fault by mapping the page, and looks at what was there."""

    kernel_sim_roles = ("paging",)

    def __init__(self):
        self.seen = []

    @hookimpl(tryfirst=True)
    def page_fault(self, kernel, fault):
        if fault.address < PAGE:
            return None
        self.seen.append(kernel.cpu.load(0xB_8000, 2))
        page = fault.address & ~0xFFF
        kernel.hooks.map_page(kernel.root, page, kernel.hooks.pmm_alloc_frame(), 3)
        return FaultAction.RETRY


def busy_boot(log=None, stores=False):
    """A boot with what makes a log interesting: faults mended and not, CPL 3, frames, INVLPG."""
    booted = boot(machine="pc4", extras=[MapsOnDemand()], log=log, stores=stores and "paging")
    results = [
        accessed(booted, "cpu.store", PAGE, 4, 0x1234_5678),
        accessed(booted, "cpu.load", PAGE, 4),
        accessed(booted, "user.load", PAGE, 4),
        accessed(booted, "cpu.read", 0x5000_0000, 4),
        accessed(booted, "cpu.store", PAGE, 4, -1),
    ]
    with booted.machine.cpu.frame("main", 64) as local:
        booted.machine.cpu.store(address=local, size=4, value=7)
    booted.machine.cpu.load(FAR, 4)
    booted.call("unmap_page", booted.kernel.root, PAGE)
    booted.machine.cpu.sp -= 16
    booted.machine.cpu.push(PAGE)
    booted.kernel.log("odd", number=1 << 80, text="\ud800")
    with pytest.raises(TypeError):
        booted.machine.cpu.store("0x9000", 4, 1)
    return booted, results


@pytest.fixture(scope="module")
def busy():
    log = OperationLog()
    booted, results = busy_boot(log)
    return booted, results, sent(log)


@pytest.mark.parametrize("stores", [False, True])
@pytest.mark.parametrize("machine", ["pc4", "pc128", "pc-nasty", "map-01"])
def test_a_boot_done_again_leaves_the_same_trace_and_memory(machine, stores):
    log = OperationLog()
    booted = boot(machine=machine, log=log, stores=stores and "paging")
    again = followed(sent(log), machine, stores)
    assert booted.ok
    assert again.machine.trace.hash() == booted.machine.trace.hash()
    assert again.events() == booted.machine.trace.with_stores()
    again.assert_leads_to(booted.machine.ram)


def test_a_log_changes_nothing_of_what_is_logged(busy):
    booted, results, _ = busy
    plain, same_results = busy_boot()
    assert same_results == results
    assert plain.machine.trace.hash() == booted.machine.trace.hash()


@pytest.mark.parametrize("stores", [False, True])
def test_faults_handlers_user_code_and_unwinding_are_done_again(stores):
    log = OperationLog()
    booted, results = busy_boot(log, stores)
    again = followed(sent(log), stores=stores)
    assert [event for event in again.events() if event.kind == "fault"]
    ours = [event for event in again.events() if event.fields.get("event") != "odd"]
    theirs = booted.machine.trace.with_stores()
    assert ours == [event for event in theirs if event.fields.get("event") != "odd"]
    again.assert_leads_to(booted.machine.ram)
    done = again.take_accesses()
    assert [(item.name, item.failed) for item in done] == [
        ("cpu.store", False),
        ("cpu.load", False),
        ("user.load", True),
        ("cpu.read", True),
        ("cpu.store", True),
    ]
    assert done[1].value == results[1] == 0x1234_5678


def without(entries, name, which=0):
    places = [at for at, (entry, _) in enumerate(entries) if entry == name]
    return entries[: places[which]] + entries[places[which] + 1 :]


def changed(entries, name, argument, value, which=0):
    made = copy.deepcopy(entries)
    places = [at for at, (entry, _) in enumerate(made) if entry == name]
    made[places[which]][1][argument] = value
    return made


FORGERIES = {
    "a store left out": lambda e: without(e, "store", -1),
    "another value stored": lambda e: changed(e, "store", 2, 0x55, -2),
    "another place written": lambda e: changed(e, "write", 0, 0x8000, 5),
    "a store too many": lambda e: [*e, ("store", [0x9000, 4, 1])],
    "a load that sets an accessed flag left out": lambda e: [
        entry for entry in e if entry != ("touch", [FAR])
    ],
    "paging never turned on": lambda e: without(e, "cr0"),
    "another root": lambda e: changed(e, "cr3", 0, 0x3000),
    "a fault that nobody handled": lambda e: without(e, "handler"),
    "a handler without a fault": lambda e: [*e, ("handler", []), ("end", [])],
    "a handler that never ends": lambda e: without(e, "end"),
    "no interrupt table": lambda e: without(e, "lidt"),
    "an access that went through": lambda e: without(e, "raised"),
    "a store that failed": lambda e: [*e, ("store", [0x9000, 4, 1]), ("raised", [False])],
    "a budget that ended in the midst": lambda e: [
        *e,
        ("store", [0x9000, 4, 1]),
        ("raised", [True]),
    ],
    "the stack pointer elsewhere": lambda e: changed(e, "registers", 1, 0x7000),
    "an invalidation left out": lambda e: [
        *without(e, "invlpg", -1),
        ("cpu.load", [PAGE, 4]),
        ("raised", [False]),
    ],
    "an event that machines make": lambda e: [*e, ("emit", ["fault", {"vector": 14}])],
    "an event with a field that breaks it": lambda e: [*e, ("emit", ["log", {"kind": 1}])],
    "a hook event without its hook": lambda e: [*e, ("emit", ["hook", {"depth": 0}])],
    "an operation that there is not": lambda e: [*e, ("__class__", [])],
    "a hook as an operation": lambda e: [*e, ("kernel.root", [])],
    "too few arguments": lambda e: [*e, ("store", [0x9000])],
    "a text for an address": lambda e: [*e, ("store", ["0x9000", 4, 1])],
    "true for a number": lambda e: [*e, ("store", [0x9000, 4, True])],
    "more memory filled than there is": lambda e: [*e, ("fill", [0x9000, 1 << 60, 0])],
    "a privilege level that is none": lambda e: [*e, ("registers", [0, 0, 0, 0, 2, 0, 0, 0, 0, 0])],
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_log_that_no_machine_leaves_behind_is_not_believed(busy, forgery):
    booted, _, entries = busy
    ram = booted.machine.ram
    followed(entries).assert_leads_to(ram)
    with pytest.raises(LogError):
        followed(FORGERIES[forgery](entries)).assert_leads_to(ram)


def test_memory_that_was_changed_past_the_processor_is_noticed(busy):
    booted, _, entries = busy
    ram, place = booted.machine.ram, 0x3D_0000
    old = ram.load(place, 4)
    ram.store(place, 4, old ^ 1)
    try:
        with pytest.raises(LogError, match=f"{place:#x}"):
            followed(entries).assert_leads_to(ram)
    finally:
        ram.store(place, 4, old)


def test_a_log_of_too_many_operations_or_faults_is_not_followed(busy):
    entries = busy[2]
    with pytest.raises(LogError, match="more of it"):
        followed(entries, most=followed(entries).work - 1)


def test_whatever_a_log_holds_following_it_ends_with_a_log_error_or_not_at_all(busy):
    rng = Random(11)
    values = [None, True, -1, 0, 4, 1 << 31, 1 << 64, 1 << 200, "cs", b"\0" * 9, [], {}, 0.5]
    refused = 0
    for _ in range(300):
        entries = copy.deepcopy(busy[2])
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(entries))
            name, args = entries[at]
            match rng.randrange(4):
                case 0 if args:
                    args[rng.randrange(len(args))] = rng.choice(values)
                case 1:
                    entries[at] = (rng.choice(entries)[0], args)
                case 2:
                    del entries[at]
                case _:
                    entries.insert(rng.randrange(len(entries)), (name, list(args)))
        try:
            followed(entries)
        except LogError:
            refused += 1
    assert refused > 50
