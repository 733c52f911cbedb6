"""The numbered trace of a machine: events always, stores with their old bytes on demand.

Event kinds: ``control`` ``mmio`` ``fault`` ``hook`` ``log`` ``bus_error`` ``step``. Same inputs
give the same hash.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple
from weakref import WeakMethod

from kernel_sim.values import Event


class StoreRecord(NamedTuple):
    """Bytes that changed at a physical address, before the event of number ``before_event``."""

    before_event: int
    physical: int
    old: bytes
    new: bytes


def canonical(value: object) -> str:
    """``value`` as text that is the same in every run: no object addresses, no order of sets."""
    if value is None or isinstance(value, (bool, str, bytes, float)):
        return repr(value)
    if isinstance(value, int):
        return format(value, "d")
    if isinstance(value, Mapping):
        pairs = sorted((canonical(key), canonical(item)) for key, item in value.items())
        return "{" + ",".join(f"{key}:{item}" for key, item in pairs) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, AbstractSet):
        return "{" + ",".join(sorted(map(canonical, value))) + "}"
    return type(value).__name__


class Trace:
    """Events in order, numbered from 0, and the store log behind `stores`."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.store_log: list[StoreRecord] = []
        self._stores = False
        self._stores_from: int | None = None
        self._subscribers: list[Callable[[Event], None]] = []
        self._merged: list[Event] = []
        self._merged_stores = 0
        self._merged_events = 0
        self._switch_listeners: list[WeakMethod[Callable[[bool], None]]] = []

    def emit(self, kind: str, **fields: object) -> Event:
        """Append an event and tell the subscribers. ``fields`` must be plain data."""
        event = Event(len(self.events), kind, fields)
        self.events.append(event)
        for subscriber in self._subscribers:
            subscriber(event)
        return event

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """Call ``subscriber`` with each event from now on, in the order of subscription."""
        self._subscribers.append(subscriber)

    @property
    def stores(self) -> bool:
        """Whether stores are recorded; off at power-on."""
        return self._stores

    @stores.setter
    def stores(self, on: bool) -> None:
        if on != self._stores:
            self._stores = on
            self._stores_from = len(self.events) if on else None
            self.store_log.clear()
            self._forget_merged()
        for reference in self._switch_listeners:
            listener = reference()
            if listener:
                listener(on)

    def on_switch(self, listener: Callable[[bool], None]) -> None:
        """Call the bound method ``listener`` whenever `stores` is set, while its owner lives."""
        self._switch_listeners.append(WeakMethod(listener))

    def record_store(self, physical: int, old: bytes, new: bytes) -> None:
        """Append to the store log; the memory calls this for each change while `stores` is on."""
        self.store_log.append(StoreRecord(len(self.events), physical, old, new))

    def with_stores(self) -> list[Event]:
        """The events, and before the one that came after it each store, of kind ``store``."""
        merged, done = self._merged, self._merged_events
        for record in self.store_log[self._merged_stores :]:
            merged += self.events[done : record.before_event]
            done = record.before_event
            fields = {"physical": record.physical, "old": record.old, "new": record.new}
            merged.append(Event(record.before_event, "store", fields))
        merged += self.events[done:]
        self._merged_stores, self._merged_events = len(self.store_log), len(self.events)
        return list(merged)

    def cut(self, number: int) -> tuple[list[Event], list[StoreRecord]]:
        """Forget the events from ``number`` on and the stores made since; both, newest last.

        Raises:
            ValueError: stores were not recorded all the time since then.
        """
        if self._stores_from is None or not self._stores_from <= number <= len(self.events):
            first = "no event" if self._stores_from is None else f"event {self._stores_from}"
            raise ValueError(f"can't go back to event {number}; stores are known from {first} on")
        events = self.events[number:]
        stores = [record for record in self.store_log if record.before_event >= number]
        del self.events[number:]
        self.store_log = self.store_log[: len(self.store_log) - len(stores)]
        self._forget_merged()
        return events, stores

    def _forget_merged(self) -> None:
        """Begin again with what `with_stores` has put in order: it only adds to it each time."""
        self._merged.clear()
        self._merged_stores = self._merged_events = 0

    def hash(self) -> str:
        """SHA-256 over all events, as 64 hexadecimal digits."""
        digest = hashlib.sha256()
        for event in self.events:
            digest.update(f"{event.number} {event.kind} {canonical(event.fields)}\n".encode())
        return digest.hexdigest()
