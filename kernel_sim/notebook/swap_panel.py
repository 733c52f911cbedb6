"""A panel that swaps parts of the kernel: choose machine, profile and plugins, boot, look.

::

    Machine [pc128 v]   Profile [kernel-v v]
    memmap [this notebook v]  pmm [reference v]  paging ...
    [Boot]  what was booted, or why not
    screen | verdict | regions | frames

Every control is one of the browser's own, so Tab, the arrow keys, Space and Enter reach all of it.
"""

from html import escape
from typing import TYPE_CHECKING, Any, Final

from kernel_sim.errors import InputError
from kernel_sim.host.running_notebook import RunningNotebook
from kernel_sim.notebook.boot_choice import (
    BootChoice,
    bootable_machines,
    first_choice,
    plugin_choices,
)
from kernel_sim.notebook.booting import NOTE_STYLE, Booted
from kernel_sim.notebook.machine_lock import Busy, machine_to_oneself
from kernel_sim.notebook.maps import picture_of
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.session import STUDENT_ROLES, own_notebook
from kernel_sim.notebook.verdict import html_box
from kernel_sim.notebook.widgets import AsText, why_no_widgets
from kernel_sim.profiles import profile, profile_names
from kernel_sim.views.running_shell import ShownOnce, running_shell

if TYPE_CHECKING:
    import ipywidgets

CHANGED: Final = "Something else is chosen now. Press Boot to see it."
BUSY: Final = "A cell is using the machine. Press Boot again when it has ended."


class SwapPanel(ShownOnce):
    """The panel; ``box`` is the widget, ``booted`` what was booted last.

    Args:
        own: the hooks of the notebook.
        machine: chosen at first.
        lab: whose visible checks are run after each boot; empty for none.
    """

    def __init__(self, own: RunningNotebook, machine: str, lab: str) -> None:
        import ipywidgets as w  # noqa: PLC0415 - an extra

        from kernel_sim.views.own_keys import OWN_KEYS_CLASS, OwnKeys  # noqa: PLC0415 - an extra

        self._own = own
        self._lab = lab
        self._live: list[ipywidgets.Widget] = []
        self._shown: BootChoice | None = None
        self.booted: Booted | None = None
        wide = w.Layout(width="340px")
        named = {"style": {"description_width": "70px"}, "layout": wide}
        self.profile = w.Dropdown(options=profile_names(), description="Profile", **named)
        machines = bootable_machines(self.profile.value)
        self.machine = w.Dropdown(options=machines, description="Machine", **named)
        self.machine.value = machine if machine in machines else machines[0]
        first = first_choice(own)
        self.roles = {
            role: w.Dropdown(
                options=plugin_choices(role), value=first[role], description=role, **named
            )
            for role in STUDENT_ROLES
        }
        self.frames = w.Checkbox(value=False, description="show frames", indent=False)
        self.button = w.Button(description="Boot", button_style="primary", tooltip="Boot it")
        self.status = w.HTML(f'<p style="{NOTE_STYLE}">Nothing was booted yet.</p>')
        self.hint = w.HTML("")
        self.output = w.VBox([])
        rows = w.Layout(flex_flow="row wrap")
        self.box = w.VBox(
            [
                w.Box([self.machine, self.profile, *self.roles.values()], layout=rows),
                w.HBox([self.button, self.frames, self.hint]),
                self.status,
                self.output,
                OwnKeys(),
            ]
        )
        for name, control in self._controls().items():
            control.add_class(f"ksim-panel-{name}")
        self.box.add_class("ksim-panel")
        self.box.add_class(OWN_KEYS_CLASS)
        self.button.on_click(self._pressed)
        self.profile.observe(self._profile_changed, "value")
        for control in (self.machine, self.profile, *self.roles.values()):
            control.observe(self._choice_changed, "value")

    def _controls(self) -> dict[str, Any]:
        """Name to widget, for the classes that style sheets and tests know them by."""
        return {
            "machine": self.machine,
            "profile": self.profile,
            "boot": self.button,
            "frames": self.frames,
            "status": self.status,
            "output": self.output,
            **self.roles,
        }

    @property
    def choice(self) -> BootChoice:
        """What is chosen now."""
        plugins = {
            role: str(control.value) for role, control in self.roles.items() if not control.disabled
        }
        return BootChoice(str(self.machine.value), str(self.profile.value), plugins)

    def boot(self) -> None:
        """Boot what is chosen and show it; what can't be booted is said in one line."""
        self._say("passed", "Booting ...")
        try:
            with machine_to_oneself():
                choice = self.choice
                booted = choice.boot(self._own)
                verdicts = choice.check(self._lab, self._own) if self._lab else None
                self._show(booted)
        except Busy:
            self._say("errored", BUSY)
        except InputError as error:
            self._say("failed", str(error))
        else:
            self.booted, self._shown = booted, choice
            self._choice_changed(None)
            lines = [booted.heading(), booted.steps_line(), *booted.wrong_lines()]
            passed = not booted.wrong_lines()
            if verdicts is not None:
                failed = [v for v in verdicts if not v.passed]
                lines += [f"{self._lab}: {verdicts.sum_line()}"]
                lines += [line for verdict in failed for line in verdict.short_lines()]
                passed = passed and not failed
            self._say("passed" if passed else "failed", *lines)

    def _show(self, booted: Booted) -> None:
        """Screen, regions and, if they are wanted, frames, in the place of the last ones."""
        import ipywidgets as w  # noqa: PLC0415 - an extra

        from kernel_sim.views.frame_map_widget import FrameMapWidget  # noqa: PLC0415 - an extra
        from kernel_sim.views.screen_widget import ScreenWidget  # noqa: PLC0415 - an extra

        picture = picture_of(booted)
        regions = w.HTML(
            f'<div style="overflow-x:auto">{picture.pictures()["image/svg+xml"]}</div>'
            f"<details><summary>As text</summary><pre>{escape(picture.text())}</pre></details>"
        )
        regions.add_class("ksim-panel-regions")
        shown: list[ipywidgets.Widget] = [ScreenWidget(booted.machine), regions]
        if self.frames.value:
            shown.insert(1, FrameMapWidget(booted.result))
        old, self._live = self._live, shown
        self.output.children = shown
        for widget in old:
            widget.close()

    def _say(self, status: str, *lines: str) -> None:
        """Show a verdict where it is also read aloud."""
        self.status.value = f'<div role="status">{html_box(status, lines)}</div>'

    def _pressed(self, _button: object) -> None:
        self.button.disabled = True
        try:
            self.boot()
        finally:
            self.button.disabled = False

    def _choice_changed(self, _change: object) -> None:
        """Say so if what is shown is not what is chosen: the browser may send a choice late."""
        stale = self._shown is not None and self._shown != self.choice
        self.hint.value = f'<span role="status">{CHANGED}</span>' if stale else ""

    def _profile_changed(self, _change: object) -> None:
        machines = bootable_machines(str(self.profile.value))
        kept = self.machine.value
        self.machine.options = machines
        self.machine.value = kept if kept in machines else profile(str(self.profile.value)).machine
        for role, control in self.roles.items():
            control.disabled = role not in profile(str(self.profile.value)).roles

    def bundle(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and the call of `boot` that does the same."""
        data: dict[str, Any] = self.box._repr_mimebundle_()
        return {**data, "text/plain": panel_words(self.choice)}, {}


def panel_words(choice: BootChoice) -> str:
    """The panel as the call of `boot` that does the same."""
    roles = [f"{role}={name!r}" for role, name in choice.plugins.items()]
    return f"Swap panel: boot({choice.machine!r}, {', '.join(roles)})"


@quiet_while_loading
def swap_panel(machine: str = "pc128", *, lab: str = "") -> SwapPanel | AsText:
    """Show a panel that boots any machine with any plugin in each role.

    Args:
        machine: chosen at first.
        lab: whose visible checks are run after each boot, on the plugin that fills its role.
    """
    own = own_notebook()
    note = why_no_widgets()
    if running_shell() is None or note:
        roles = first_choice(own)
        text = AsText(panel_words(BootChoice(machine, profile_names()[0], roles)), note)
        text.show()
        return text
    panel = SwapPanel(own, machine, lab)
    panel.show()
    return panel
