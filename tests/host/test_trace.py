import pytest

from kernel_sim.trace import Trace, canonical


def test_events_are_numbered_and_told_to_subscribers_in_order():
    trace = Trace()
    seen = []
    trace.subscribe(seen.append)
    trace.emit("log", event="a")
    trace.emit("step")
    assert [(e.number, e.kind) for e in trace.events] == [(0, "log"), (1, "step")]
    assert seen == trace.events


def test_the_hash_covers_kind_fields_and_order():
    def hashed(*events):
        trace = Trace()
        for kind, fields in events:
            trace.emit(kind, **fields)
        return trace.hash()

    a, b = ("log", {"x": 1, "y": 2}), ("log", {"y": 2, "x": 1})
    assert hashed(a) == hashed(b)
    assert len({hashed(a), hashed(a, a), hashed(("step", a[1])), hashed(("log", {"x": 1}))}) == 4


def test_the_hash_does_not_depend_on_the_identity_of_objects():
    class Thing:
        pass

    assert (
        canonical([Thing(), {3, 1, 2}, {"b": 1, "a": None}]) == "[Thing,{1,2,3},{'a':None,'b':1}]"
    )


def test_true_and_one_are_told_apart():
    assert canonical(True) != canonical(1)


def test_cutting_needs_stores_and_returns_what_was_cut():
    trace = Trace()
    with pytest.raises(ValueError, match="from no event on"):
        trace.cut(0)
    trace.stores = True
    trace.record_store(0x1000, b"a", b"b")
    trace.emit("step")
    trace.emit("step")
    trace.record_store(0x1000, b"b", b"c")
    events, stores = trace.cut(1)
    assert [e.number for e in events] == [1]
    assert [s.new for s in stores] == [b"c"]
    assert [s.new for s in trace.store_log] == [b"b"]


def test_events_and_stores_come_in_order_however_often_they_are_asked_for():
    trace = Trace()
    trace.stores = True
    trace.record_store(0x1000, b"a", b"b")
    trace.emit("step")
    first = trace.with_stores()
    trace.record_store(0x1000, b"b", b"c")
    trace.emit("step")
    assert [(e.kind, e.number) for e in trace.with_stores()] == [
        ("store", 0),
        ("step", 0),
        ("store", 1),
        ("step", 1),
    ]
    assert [e.kind for e in first] == ["store", "step"]
    trace.cut(1)
    assert [e.kind for e in trace.with_stores()] == ["store", "step"]
