"""`on_event`: what is told to whom, and when."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import FrameError
from kernel_sim.host.oops import KernelOops


class Watcher:
    """Keeps what it is told."""

    def __init__(self):
        self.seen = []

    @hookimpl
    def on_event(self, event):
        self.seen.append(event)

    def logged(self):
        return [event.fields["event"] for event in self.seen if event.kind == "log"]


class Talker:
    """Logs inside a hook."""

    def __init__(self, watcher=None):
        self.watcher = watcher
        self.told_meanwhile = None

    @hookimpl
    def kmalloc(self, kernel, size):
        kernel.log("allocating", size=size)
        self.told_meanwhile = list(self.watcher.logged()) if self.watcher else None
        return 0x1000


def wire(*plugins, **settings):
    booted = boot(until="console", extras=plugins, **settings)
    for plugin in plugins:
        if hasattr(plugin, "seen"):
            plugin.seen.clear()
    return booted


def test_events_wait_until_the_outermost_hook_has_returned():
    watcher = Watcher()
    talker = Talker(watcher)
    wire(watcher, talker).call("kmalloc", 8)
    assert talker.told_meanwhile == []
    assert watcher.logged() == ["allocating"]
    assert [event.kind for event in watcher.seen] == ["log", "hook"]


def test_nobody_is_told_of_its_own_log_lines():
    class Both(Watcher):
        @hookimpl
        def kmalloc(self, kernel):
            kernel.log("mine")
            return 0x1000

    both, other = Both(), Watcher()
    wire(both, other).call("kmalloc", 8)
    assert both.logged() == []
    assert [event.kind for event in both.seen] == ["hook"]
    assert other.logged() == ["mine"]


def test_two_observers_that_log_do_not_feed_each_other_for_ever():
    class First:
        @hookimpl
        def on_event(self, kernel, event):
            kernel.log("first_saw", number=event.number)

    class Second:
        @hookimpl
        def on_event(self, kernel, event):
            kernel.log("second_saw", number=event.number)

    watcher = Watcher()
    booted = wire(First(), Second(), Talker(), watcher)
    start = len(booted.machine.trace.events)
    booted.call("kmalloc", 8)
    told = [event.fields.get("event") for event in booted.machine.trace.events[start:]]
    assert told.count("first_saw") == 4
    assert told.count("second_saw") == 4
    assert len(watcher.seen) == len(told)


def test_what_a_hook_refused_is_told_too():
    class Pmm:
        @hookimpl
        def pmm_free_frame(self, kernel, frame):
            kernel.log("refusing")
            raise FrameError(frame)

    watcher = Watcher()
    booted = wire(watcher, Pmm())
    with pytest.raises(Exception, match="FrameError"):
        booted.call("pmm_free_frame", 0)
    assert watcher.logged() == ["refusing"]
    assert watcher.seen[-1].fields["error"].startswith("FrameError")


def test_control_events_are_told_and_mmio_events_are_not():
    class Heap:
        @hookimpl
        def kmalloc(self, kernel):
            kernel.cpu.invlpg(0x1000)
            kernel.cpu.outb(0x80, 1)

    watcher = Watcher()
    wire(watcher, Heap()).call("kmalloc", 8)
    assert [event.kind for event in watcher.seen] == ["control", "hook"]


def test_an_observer_that_fails_is_an_oops_of_its_own():
    class Broken:
        @hookimpl
        def on_event(self, event):
            return event.fields["nothing"]

    booted = boot(until="console", extras=[Broken()])
    assert booted.oops.hook == "on_event"
    assert booted.oops.plugin == "Broken"
    assert booted.oops.error == "KeyError"


def test_an_observer_may_call_hooks_and_is_not_told_of_what_follows():
    class Counter(Watcher):
        @hookimpl
        def on_event(self, kernel, event):
            self.seen.append(event)
            kernel.hooks.kmalloc(1)

    counter, watcher = Counter(), Watcher()
    booted = wire(counter, Talker(), watcher)
    booted.call("kmalloc", 8)
    assert [event.kind for event in counter.seen] == ["log", "hook"]
    assert len(watcher.seen) > len(counter.seen)


def test_the_kernels_own_events_are_told_after_the_step():
    watcher = Watcher()
    boot(until="gdt_tss", extras=[watcher])
    assert "console" in watcher.logged()
    assert {event.fields.get("operation") for event in watcher.seen} >= {"lidt", "lgdt", "ltr"}


def test_faults_are_told_before_the_chain_is_asked():
    order = []

    class Heap:
        @hookimpl
        def kmalloc(self, kernel):
            kernel.log("before")
            kernel.cpu.load(0xDEAD_0000, 4)

        @hookimpl
        def on_event(self, event):
            order.append((event.kind, event.fields.get("event")))

        @hookimpl
        def page_fault(self, fault):
            order.append(("page_fault", fault.address))

    booted = boot(until="paging", extras=[Heap()])
    order.clear()
    with pytest.raises(KernelOops):
        booted.call("kmalloc", 8)
    assert order == [("fault", None), ("page_fault", 0xDEAD_0000)]
