"""The answer that lets a cell run through and do nothing, while its notebook is being loaded.

Otherwise the calls of this package are made one at a time, see `machine_lock`.
"""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, TypeVar, cast

from kernel_sim.notebook.machine_lock import MACHINE_LOCK
from kernel_sim.notebook.session import is_being_loaded

Call = TypeVar("Call", bound=Callable[..., Any])


class Quiet:
    """Every attribute, item and call of it is itself; it is true, empty and prints as nothing."""

    def __getattr__(self, name: str) -> "Quiet":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> "Quiet":
        return self

    def __call__(self, *_arguments: object, **_named: object) -> "Quiet":
        """Itself."""
        return self

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __format__(self, specification: str) -> str:
        return ""

    def __repr__(self) -> str:
        return ""


QUIET: Final = Quiet()


def quiet_while_loading(function: Call) -> Call:
    """``function``, but answered with `QUIET` when a notebook that is being loaded calls it."""

    @wraps(function)
    def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - whatever the function takes
        if is_being_loaded():
            return QUIET
        with MACHINE_LOCK:
            return function(*arguments, **named)

    return cast("Call", call)
