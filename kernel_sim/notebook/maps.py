"""The memory map of a machine beside what the kernel made of it."""

from collections.abc import Mapping, Sequence

from kernel_sim.machine import FirmwareEntry, Machine, MachineSpec
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.power import spec_of
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown
from kernel_sim.views.region_map import Column, firmware_column, map_text, table_column
from kernel_sim.views.region_map_svg import map_svg


class MapPicture(Shown):
    """Columns of a region map under a title, and what is to be said of them."""

    def __init__(self, title: str, columns: Sequence[Column], notes: Sequence[str] = ()) -> None:
        self.title = title
        self.columns = columns
        self.notes = notes

    def __repr__(self) -> str:
        return f"<map of {self.title}>"

    def text(self) -> str:
        """Title, map and notes."""
        return "\n".join([self.title, map_text(self.columns), *self.notes])

    def pictures(self) -> Mapping[str, str]:
        """The map as SVG."""
        return {"image/svg+xml": map_svg(self.columns, self.title, self.notes)}


@quiet_while_loading
def show_map(what: str | MachineSpec | Machine | Booted) -> MapPicture:
    """Draw a memory map.

    Args:
        what: the result of `boot`, to see the firmware's entries beside the kernel's table; or a
            machine or its name, to see the entries alone.

    Raises:
        InputError: there is no machine of this name.
    """
    picture = picture_of(what)
    picture.show()
    return picture


def picture_of(what: str | MachineSpec | Machine | Booted) -> MapPicture:
    """The picture that `show_map` shows."""
    if isinstance(what, Booted):
        return picture_of_boot(what)
    spec = what.spec if isinstance(what, Machine) else spec_of(what)
    return MapPicture(title_of(spec), [firmware_column(entries_of(spec))])


def picture_of_boot(booted: Booted) -> MapPicture:
    """The firmware's entries beside the kernel's table, or why there is none."""
    spec = booted.machine.spec
    columns = [firmware_column(entries_of(spec))]
    if booted.regions or booted.oops is None:
        columns.append(table_column(booted.regions, "kernel's table"))
        return MapPicture(title_of(spec), columns)
    return MapPicture(title_of(spec), columns, ["There is no table:", *booted.wrong_lines()[:1]])


def entries_of(spec: MachineSpec) -> list[FirmwareEntry]:
    """The entries as a kernel can see them: 20 bytes have no room for attributes, so all count."""
    if spec.entry_size >= 24:
        return list(spec.entries)
    return [FirmwareEntry(e.base, e.length, e.type) for e in spec.entries]


def title_of(spec: MachineSpec) -> str:
    """Name and one line for people."""
    return f"{spec.name}: {spec.title}" if spec.title else spec.name
