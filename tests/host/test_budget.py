"""Budgets: endless hooks are stopped, whatever they catch, and nothing is raised afterwards."""

import threading
import time

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import BudgetExceeded
from kernel_sim.host.budget import Budget, NoTimer, OutOfTime, timer
from kernel_sim.host.line_counter import LineCounter
from kernel_sim.host.oops import KernelOops
from kernel_sim.host.watchdog import WATCHDOG, Watchdog

QUICK = Budget(seconds=0.1)


def oops_of(kmalloc, budget):
    class Heap:
        pass

    heap = Heap()
    heap.kmalloc = hookimpl(kmalloc)
    booted = boot(until="console", extras=[heap], budget=budget)
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    return booted, caught.value.oops


def plain_loop(kernel):  # noqa: ARG001 - the hook's signature
    while True:
        pass


def swallows_exceptions(kernel):
    while True:
        try:  # noqa: SIM105 - as a student writes it
            kernel.cpu.load(0x1000, 4)
        except Exception:  # noqa: BLE001, S110 - what is tested
            pass


def swallows_everything(kernel):
    while True:
        try:
            for _ in range(1000):
                kernel.cpu.load(0x1000, 4)
        except BaseException:  # noqa: BLE001, S110 - what is tested
            pass


def swallows_everything_twice(kernel):
    while True:
        try:
            try:
                for _ in range(1000):
                    kernel.cpu.load(0x1000, 4)
            except BaseException:  # noqa: BLE001 - what is tested
                kernel.cpu.load(0x1000, 4)
        except BaseException:  # noqa: BLE001, S110 - what is tested
            pass


def calls_without_end(kernel):
    while True:
        kernel.hooks.phys_to_virt(0)


@pytest.mark.parametrize(
    "kmalloc",
    [
        plain_loop,
        swallows_exceptions,
        swallows_everything,
        swallows_everything_twice,
        calls_without_end,
    ],
)
def test_an_endless_hook_is_stopped(kmalloc):
    _, oops = oops_of(kmalloc, QUICK)
    assert (oops.kind, oops.hook, oops.plugin) == ("budget", "kmalloc", "Heap")
    assert oops.message == "more than 0.1 seconds used: does a loop never end?"
    assert oops.file == __file__
    start = kmalloc.__code__.co_firstlineno
    assert start <= oops.line <= start + 9


def test_after_an_oops_the_next_call_works_and_nothing_is_raised_any_more():
    class Heap:
        @hookimpl
        def kmalloc(self, size):
            while size:
                pass
            return 0x1000

    booted = boot(until="console", extras=[Heap()], budget=QUICK)
    with pytest.raises(KernelOops):
        booted.call("kmalloc", 8)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        assert booted.call("kmalloc", 0) == 0x1000


def test_many_short_calls_are_not_added_up():
    class Heap:
        @hookimpl
        def kmalloc(self, size):
            return size

    booted = boot(until="console", extras=[Heap()], budget=QUICK)
    end = time.process_time() + 0.4
    calls = 0
    while time.process_time() < end:
        booted.call("kmalloc", 8)
        calls += 1
    assert calls > 100


def test_the_event_budget_is_counted_and_always_ends_at_the_same_event():
    def kmalloc(kernel):
        while True:
            kernel.log("again")

    lengths = set()
    for _ in range(2):
        booted, oops = oops_of(kmalloc, Budget(events=500, seconds=None))
        assert oops.message == "more than 500 events used: does a loop never end?"
        assert oops.kind == "budget"
        lengths.add(len(booted.machine.trace.events))
    assert len(lengths) == 1


def test_the_event_budget_counts_calls_of_other_hooks():
    def kmalloc(kernel):
        while True:
            kernel.hooks.frame_refcount(0)

    assert oops_of(kmalloc, Budget(events=300, seconds=None))[1].message.startswith("more than 300")


def test_a_budget_exceeded_passes_except_exception():
    assert not issubclass(BudgetExceeded, Exception)


def test_the_watchdog_runs_only_while_it_is_needed():
    dog = Watchdog()
    assert dog._thread is None
    dog.arm(5)
    thread = dog._thread
    assert thread.is_alive()
    assert thread.daemon
    dog.disarm()
    thread.join(timeout=5)
    assert not thread.is_alive()
    dog.arm(5)
    assert dog._thread.is_alive()
    dog.disarm()


def test_disarming_takes_a_pending_exception_back():
    dog = Watchdog()
    for _ in range(20):
        dog.arm(0.0)
        end = time.process_time() + 0.03
        try:
            while time.process_time() < end:
                pass
            dog.disarm()
        except OutOfTime:
            dog.disarm()
    end = time.process_time() + 0.1
    while time.process_time() < end:
        pass
    assert dog._raised == set()


def test_the_watchdog_stops_the_thread_that_armed_it_and_no_other():
    seen = []

    def run():
        WATCHDOG.arm(0.05)
        try:
            while True:
                pass
        except OutOfTime:
            seen.append(threading.get_ident())
        finally:
            WATCHDOG.disarm()

    worker = threading.Thread(target=run)
    worker.start()
    worker.join(timeout=10)
    assert seen == [worker.ident]


def test_sleeping_costs_no_processor_time():
    WATCHDOG.arm(0.1)
    try:
        time.sleep(0.4)
    finally:
        WATCHDOG.disarm()
    assert WATCHDOG._raised == set()


def test_a_line_counter_stops_where_there_are_no_threads():
    counter = LineCounter()
    counter.arm(0.01)
    try:
        with pytest.raises(OutOfTime):
            plain_loop(None)
    finally:
        counter.disarm()


def test_a_line_counter_leaves_short_code_alone():
    counter = LineCounter()
    counter.arm(1)
    try:
        total = sum(range(100))
    finally:
        counter.disarm()
    assert total == 4950


def test_a_budget_with_line_counts_stops_a_hook():
    budget = Budget(seconds=0.02, timer=LineCounter())
    assert oops_of(plain_loop, budget)[1].kind == "budget"


def test_no_limit_of_time_needs_no_timer():
    assert isinstance(timer(Budget(seconds=None)), NoTimer)
