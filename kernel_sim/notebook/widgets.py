"""Screen and frames of a booted machine as widgets that follow it; as text where there are none."""

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, TypeVar

from kernel_sim.errors import InputError
from kernel_sim.machine import Machine
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown
from kernel_sim.views.frame_map import FrameInfo
from kernel_sim.views.frame_survey import survey
from kernel_sim.views.running_shell import ShownOnce, running_shell
from kernel_sim.views.screen import Screen

if TYPE_CHECKING:
    from kernel_sim.views.frame_map_widget import FrameMapWidget
    from kernel_sim.views.screen_widget import ScreenWidget

NEEDED: Final = ("anywidget", "ipywidgets")
"""What the extra ``notebook`` installs."""
INSTALL: Final = 'pip install "kernel-sim[notebook]"'
Made = TypeVar("Made", bound=ShownOnce)


class AsText(Shown):
    """The text form of a widget, and why there is no more."""

    def __init__(self, words: str, note: str = "") -> None:
        self.words = words
        self.note = note

    def __repr__(self) -> str:
        return self.words.partition("\n")[0]

    def text(self) -> str:
        """The words and the note."""
        return "\n".join(filter(None, [self.words, self.note]))


def missing_packages() -> list[str]:
    """Which packages widgets would need that are not installed."""
    return [name for name in NEEDED if find_spec(name) is None]


def why_no_widgets() -> str:
    """One line that says what is missing; empty where widgets can be shown."""
    names = " and ".join(missing_packages())
    return f"Without {names} this is text; for the widget: {INSTALL}" if names else ""


def require_widgets(what: str) -> None:
    """Refuse to make a widget where there can be none.

    Raises:
        InputError: says what to install.
    """
    names = missing_packages()
    if names:
        raise InputError(f"{what} needs {' and '.join(names)}", expected=INSTALL)


@quiet_while_loading
def show_screen(what: Machine | Booted) -> "ScreenWidget | AsText":
    """The screen of a machine, following it from now on.

    Args:
        what: the result of `boot` or `power_on`.
    """
    machine = what.machine if isinstance(what, Booted) else what

    def widget() -> "ScreenWidget":
        from kernel_sim.views.screen_widget import ScreenWidget  # noqa: PLC0415 - an extra

        return ScreenWidget(machine)

    return shown(widget, lambda: Screen(machine.vga.lines()).text())


@quiet_while_loading
def show_frames(
    booted: Booted, on_choose: Callable[[FrameInfo], object] | None = None
) -> "FrameMapWidget | AsText":
    """What each frame of memory is used for, following the machine from now on.

    Args:
        booted: the result of `boot`.
        on_choose: called with the frame that is clicked or chosen by Enter; text that it returns
            is shown below the map.
    """

    def widget() -> "FrameMapWidget":
        from kernel_sim.views.frame_map_widget import FrameMapWidget  # noqa: PLC0415 - an extra

        return FrameMapWidget(booted.result, on_choose)

    def words() -> str:
        return survey(booted.result).map.text()

    return shown(widget, words)


def shown(widget: Callable[[], Made], words: Callable[[], str]) -> "Made | AsText":
    """The widget, displayed, in a notebook that can show one; elsewhere the words, printed."""
    note = why_no_widgets()
    if running_shell() is None or note:
        text = AsText(words(), note if running_shell() is not None else "")
        text.show()
        return text
    made = widget()
    made.show()
    return made
