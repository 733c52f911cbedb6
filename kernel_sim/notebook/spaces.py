"""Address spaces in the notebook: what is mapped, what changed, what an emulator sees."""

from collections.abc import Mapping

from kernel_sim.checks.paging_model import judged
from kernel_sim.checks.paging_picture import NEWS, AddressSpaceScene
from kernel_sim.checks.paging_words import flags_text
from kernel_sim.errors import InputError
from kernel_sim.inspection import AddressSpace, MappedRange, sweep
from kernel_sim.inspection.mapped_range import merged
from kernel_sim.machine import Machine
from kernel_sim.machine.control_bits import CR4_PSE
from kernel_sim.machine.paging_modes import LEGACY_32
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown

LEGEND = "W writable, U for programs, T write-through, C not cached; - present and nothing else"


class SpacePicture(Shown):
    """What an address space maps, as it was when this was made.

    Args:
        name: of the machine.
        ranges: all that is mapped.
    """

    def __init__(self, name: str, ranges: list[MappedRange]) -> None:
        self.name = name
        self.ranges = ranges

    def __repr__(self) -> str:
        return f"<address space of {self.name}, {len(self.ranges)} ranges>"

    def compared(self) -> list[MappedRange]:
        """The ranges without the size of their pages."""
        return merged([judged(r.start, r.end, r.physical, int(r.flags)) for r in self.ranges])

    def text(self) -> str:
        """One line for each range."""
        head = f"{'from':<10}  {'to':<10}  {'physical':<10}  {'page':<6}  flags"
        lines = (
            f"{r.start:#010x}  {r.end:#010x}  {r.physical:#010x}  "
            f"{size_text(r.size):<6}  {flags_text(int(r.flags))}"
            for r in self.ranges
        )
        return "\n".join([f"address space of {self.name}", head, *lines, LEGEND])


class SpaceChange(Shown):
    """Two pictures of an address space, the later one compared with the earlier."""

    def __init__(self, before: SpacePicture, after: SpacePicture) -> None:
        self.scene = AddressSpaceScene(
            before.compared(), after.compared(), ("before", "after"), NEWS
        )

    def __repr__(self) -> str:
        return f"<{sum(row.mark != ' ' for row in self.scene.rows())} changes>"

    def text(self) -> str:
        """All ranges; a mark where something changed."""
        return f"{self.scene.text()}\n- gone, + new, ! different; {LEGEND}"

    def pictures(self) -> Mapping[str, str]:
        """The same as SVG."""
        return {"image/svg+xml": self.scene.svg("Address space before and after")}


class Comparison(Shown):
    """What an x86 emulator says of the tables."""

    def __init__(self, lines: list[str], *, agreed: bool) -> None:
        self.lines = lines
        self.agreed = agreed

    def __bool__(self) -> bool:
        return self.agreed

    def __repr__(self) -> str:
        return f"<{'the same' if self.agreed else 'not the same'} address space>"

    def text(self) -> str:
        """The counts, and the first places where the two differ."""
        return "\n".join(self.lines)


@quiet_while_loading
def show_space(
    booted: Booted, since: SpacePicture | None = None, *, root: int | None = None
) -> SpacePicture | SpaceChange:
    """Show what the address space of a booted machine maps, or what changed since an earlier look.

    Args:
        booted: the result of `boot`.
        since: what this function returned before.
        root: the directory of 32-bit tables; without it those that the machine uses.

    Raises:
        InputError: paging is off and no root was given.
    """
    machine: Machine = booted.machine
    now = SpacePicture(machine.spec.name, sweep(chosen_space(machine, root), numpy=False))
    shown = now if since is None else SpaceChange(since, now)
    shown.show()
    return shown


def chosen_space(machine: Machine, root: int | None) -> AddressSpace:
    """The address space at ``root``, or the one in use."""
    if root is not None:
        large = bool(machine.cpu.cr4 & CR4_PSE)
        return AddressSpace(machine.ram, LEGACY_32, root, pse=large)
    if not machine.cpu.paging:
        raise InputError("paging is off on this machine", expected="a boot that turned it on")
    return AddressSpace.of(machine)


@quiet_while_loading
def compare_with_emulator(booted: Booted) -> Comparison:
    """Ask Unicorn, an x86 emulator, whether it sees the same address space, page by page."""
    comparison = compared(booted.machine)
    comparison.show()
    return comparison


def compared(machine: Machine) -> Comparison:
    """The comparison; without Unicorn a line that says how to get it."""
    try:
        from kernel_sim.conformance.verify import verify  # noqa: PLC0415 - optional

        report = list(verify(machine))[-1]
    except (ImportError, InputError) as error:
        return Comparison([f"There is nothing to compare with: {error}"], agreed=True)
    lines = [f"{report.pages_checked} pages and {report.accesses} accesses compared with Unicorn"]
    lines += [f"  {line}" for line in report.divergences[:8]]
    verdict = "they differ" if report.divergences else "both see the same address space"
    return Comparison([*lines, verdict], agreed=not report.divergences)


def size_text(size_bytes: int) -> str:
    """4 KiB or 4 MiB."""
    return f"{size_bytes >> 20} MiB" if size_bytes >> 20 else f"{size_bytes >> 10} KiB"
