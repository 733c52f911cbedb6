"""IPython's shell, if one runs; it is never imported for this."""

import sys
from collections.abc import Callable
from typing import Any, Protocol


class Events(Protocol):
    """Whom the shell tells of its cells."""

    def register(self, event: str, call: Callable[..., object], /) -> None:
        """Call ``call`` at each ``event``."""


class Shell(Protocol):
    """The part of IPython's shell that is used here."""

    execution_count: int
    user_ns: dict[str, object]
    events: Events


def running_shell() -> Shell | None:
    """IPython's shell when one runs, else None."""
    ipython = sys.modules.get("IPython")
    shell: Shell | None = ipython.get_ipython() if ipython is not None else None
    return shell


class ShownOnce:
    """A widget that is shown when it is made, and not again as the last line of the same cell."""

    _shown_in: int | None = None

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """MIME type to data, and to what is to be known of it."""
        raise AttributeError("a widget has a bundle")

    def show(self) -> None:
        """Show it here."""
        from IPython.display import display  # noqa: PLC0415 - only in a notebook

        shell = running_shell()
        self._shown_in = shell.execution_count if shell is not None else None
        data, metadata = self.bundle()
        display(data, metadata=metadata, raw=True)  # type: ignore[no-untyped-call]

    def _ipython_display_(self) -> None:
        shell = running_shell()
        if shell is None or shell.execution_count != self._shown_in:
            self.show()
