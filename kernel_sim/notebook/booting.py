"""Boot with the hooks of this notebook, and show what came of it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from kernel_sim.boot import Boot
from kernel_sim.boot import boot as boot_machine
from kernel_sim.host.loaded_plugin import LoadedPlugin
from kernel_sim.machine import MachineSpec
from kernel_sim.notebook.plugins import choices
from kernel_sim.notebook.power import spec_of
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.session import check_role, own_notebook
from kernel_sim.notebook.showing import Shown
from kernel_sim.profiles import profile as find_profile
from kernel_sim.views.screen import MONOSPACE, Screen

if TYPE_CHECKING:
    from kernel_sim.host.oops import Oops
    from kernel_sim.values import MemoryRegion

NOTE_STYLE = "font-family:system-ui,sans-serif;font-size:13px;margin:2px 0"


class Booted(Shown):
    """A machine after its boot, which may have ended in an oops.

    Args:
        result: what the host made of the boot.
        origins: role to where its plugin came from, in words.
        notes: what is wrong with the notebook's hooks, one line each.
    """

    def __init__(self, result: Boot, origins: Mapping[str, str], notes: Sequence[str] = ()) -> None:
        self.result = result
        self.origins = origins
        self.notes = notes

    @property
    def machine(self) -> Any:  # noqa: ANN401 - the machine's own type is the host's matter
        """The machine, as the boot left it."""
        return self.result.machine

    @property
    def regions(self) -> "Sequence[MemoryRegion]":
        """The kernel's memory descriptor table."""
        return self.result.regions

    @property
    def oops(self) -> "Oops | None":
        """Why the boot ended early, or None."""
        return self.result.oops

    def call(self, hook: str, *args: object) -> Any:  # noqa: ANN401 - whatever the hook answers
        """Call a hook of the booted kernel, for instance ``call("pmm_alloc_frame")``."""
        return self.result.call(hook, *args)

    def __repr__(self) -> str:
        state = "stopped" if self.oops else "booted"
        return f"<{self.result.machine.spec.name} {state}, {len(self.regions)} regions>"

    def heading(self) -> str:
        """Which machine, and which parts are not the reference's."""
        own = [f"{role} from {words}" for role, words in self.origins.items()]
        spec = self.result.machine.spec
        title = f" ({spec.title})" if spec.title else ""
        return f"{spec.name}{title}: {', '.join(own) or 'all parts are the reference'}"

    def steps_line(self) -> str:
        """The boot steps, those done and the one that failed."""
        failed = {"selftests"} if self.failed_selftests() else set()
        marks = (
            f"{step.name} {'✓' if step.ok and step.name not in failed else '✗'}"
            for step in self.result.steps
        )
        return " · ".join(marks)

    def failed_selftests(self) -> list[str]:
        """One line for each self-test that failed (KV-43)."""
        tests = self.result.selftests
        return [f"Self-test {t.name} failed: {t.detail}" for t in tests if not t.passed]

    def wrong_lines(self) -> list[str]:
        """What went wrong, for a person; empty if nothing did."""
        notes = [f"Not counted as a hook: {note}" for note in self.notes]
        return [*notes, *self.failed_selftests(), *(oops_lines(self.oops) if self.oops else [])]

    def text(self) -> str:
        """Heading, screen, steps and what went wrong."""
        screen = Screen(self.result.machine.vga.lines())
        return "\n".join([self.heading(), screen.text(), self.steps_line(), *self.wrong_lines()])

    def pictures(self) -> Mapping[str, str]:
        """The same in HTML."""
        screen = Screen(self.result.machine.vga.lines())
        parts = [
            f'<p style="{NOTE_STYLE}"><b>{escape(self.heading())}</b></p>',
            screen.html(),
            f'<p style="{NOTE_STYLE};color:#555">{escape(self.steps_line())}</p>',
        ]
        wrong = self.wrong_lines()
        if wrong:
            parts.append(f'<pre style="{OOPS_STYLE}">{folded(wrong, self.oops)}</pre>')
        return {"text/html": "".join(parts)}


OOPS_STYLE = (
    "border-left:4px solid #D55E00;padding:6px 12px;margin:6px 0;white-space:pre-wrap;"
    f"background:#fdf1ea;color:#1a1a1a;font-size:13px;{MONOSPACE}"
)


def folded(lines: Sequence[str], oops: "Oops | None") -> str:
    """Lines as HTML, those of an oops' events folded away: what went wrong stands above them."""
    events = oops.event_lines() if oops else []
    if not events or list(lines[-len(events) :]) != events:
        return escape("\n".join(lines))
    heading, *rest = events
    told, hidden = "\n".join(lines[: -len(events)]), "\n".join(rest)
    summary = f"<summary>{escape(heading.strip())}</summary>"
    return f"{escape(told)}\n<details>{summary}{escape(hidden)}</details>"


def oops_lines(oops: "Oops") -> list[str]:
    """An oops in a notebook: one sentence if the function is just not written yet."""
    if oops.error == "NotImplementedError":
        place = f" ({oops.file}, line {oops.line})" if oops.line else ""
        return [f"The boot needs {oops.hook}, and {oops.message}{place}."]
    return str(oops).splitlines()


@quiet_while_loading
def boot(  # noqa: PLR0913 - one keyword for each thing that a boot can be told
    machine: str | MachineSpec = "pc128",
    *,
    profile: str = "kernel-v",
    until: str | None = None,
    seed: int = 0,
    show: bool = True,
    config: Mapping[str, object] | None = None,
    **roles: object,
) -> Booted:
    """Switch a machine on and boot it with the hooks of this notebook.

    Args:
        machine: a name such as ``'pc128'`` or ``'map-31'``, a JSON file, or a description.
        profile: the kernel that boots.
        until: the last boot step to take; None for all.
        seed: decides what stands in memory that nobody has written.
        show: whether to show the screen.
        config: settings that differ from the profile's, for instance ``{"guard": False}``.
        roles: what fills a role in this boot: ``memmap="reference"``, a file, a name or an object.

    Raises:
        InputError: there is no such machine, role or plugin.
    """
    for role in roles:
        check_role(role)
    own = own_notebook().loaded_plugin()
    chosen = choices(own, roles)
    sources = {role: choice.source for role, choice in chosen.items()}
    spec = spec_of(machine)
    extras = extras_beside(own, profile, sources, config or {}, until)
    result = boot_machine(
        profile, spec, sources, seed=seed, until=until, config=config, extras=extras
    )
    origins = {role: choice.words for role, choice in chosen.items()}
    booted = Booted(result, origins, [str(problem) for problem in own.problems])
    if show:
        booted.show()
    return booted


def extras_beside(
    own: LoadedPlugin,
    name: str,
    sources: Mapping[str, object],
    config: Mapping[str, object],
    until: str | None,
) -> list[str] | None:
    """The profile's extras without those that a notebook brings itself; None for all of them.

    A notebook that fills the role of which observers are a part, and observes, stands for them.
    """
    kernel = find_profile(name)
    parts = {extra.part_of for extra in kernel.extras if extra.part_of}
    for role in parts:
        if sources.get(role) is own and own.implements("on_event"):
            return kernel.extras_beside(role, config, until)
    return None
