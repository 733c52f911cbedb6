"""What processors beside the first one write into the trace: the same events, with their number."""

from collections.abc import Callable

from kernel_sim.trace import Trace
from kernel_sim.values import Event


class CpuTrace(Trace):
    """The shared trace as processor ``number`` sees it: its events have a field ``cpu``."""

    def __init__(self, shared: Trace, number: int) -> None:
        super().__init__()
        self.events = shared.events
        self.number = number
        self._shared = shared

    def emit(self, kind: str, **fields: object) -> Event:
        """Append an event of this processor to the shared trace."""
        return self._shared.emit(kind, **fields, cpu=self.number)

    def subscribe(self, subscriber: Callable[[Event], None]) -> None:
        """Hear the events of all processors."""
        self._shared.subscribe(subscriber)

    @property
    def stores(self) -> bool:
        """Whether stores are recorded."""
        return self._shared.stores

    @stores.setter
    def stores(self, on: bool) -> None:
        self._shared.stores = on

    def on_switch(self, listener: Callable[[bool], None]) -> None:
        """Call ``listener`` whenever the shared trace's `stores` is set."""
        self._shared.on_switch(listener)

    def record_store(self, physical: int, old: bytes, new: bytes) -> None:
        """Append to the shared store log."""
        self._shared.record_store(physical, old, new)
