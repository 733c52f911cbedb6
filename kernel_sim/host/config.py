"""The configuration of a boot: feature toggles and layout constants, read as attributes."""

from collections.abc import Iterator, Mapping
from typing import Any

from kernel_sim.errors import InputError
from kernel_sim.nearest import did_you_mean, unknown_name


class Config:
    """A profile's settings with what the user changed.

    Plugins read them, the kernel alone fills them in.

    Args:
        defaults: name → value; these are all the names there are.
        changes: what the user wants otherwise.

    Raises:
        InputError: a change of an unknown name, or of a value's type.
    """

    def __init__(self, defaults: Mapping[str, object], changes: Mapping[str, object]) -> None:
        values = dict(defaults)
        for name, value in changes.items():
            if name not in values:
                raise unknown_name("setting", name, values)
            values[name] = _same_type(name, value, values[name])
        object.__setattr__(self, "_values", values)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - settings are of any type
        values: dict[str, object] = object.__getattribute__(self, "_values")
        if name in values:
            return values[name]
        raise AttributeError(f"there is no setting {name!r}{did_you_mean(name, values)}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"config.{name} can't be changed by a plugin; use kernel.state")

    def __iter__(self) -> Iterator[str]:
        return iter(self.as_dict())

    def as_dict(self) -> dict[str, object]:
        """A copy of all settings."""
        values: dict[str, object] = object.__getattribute__(self, "_values")
        return dict(values)

    def fill_in(self, **found: object) -> None:
        """Set what the kernel finds out during the boot."""
        object.__getattribute__(self, "_values").update(found)


def _same_type(name: str, value: object, default: object) -> object:
    """``value`` if it is of the default's type; a setting without default takes anything."""
    if default is None or value is None or type(value) is type(default):
        return value
    raise InputError(
        f"setting {name} is {value!r}", expected=f"a value of type {type(default).__name__}"
    )
