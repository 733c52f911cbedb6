"""PHYS_OFFSET: physical memory in the higher half, from the moment it is active (TH-5, TH-23).

::

    before set_phys_offset_active   the firmware's identity map: virtual = physical
    afterwards                      virtual = PHYS_OFFSET + physical, for as much as is mapped

Which of the two holds is the same for everybody, and nobody may guess. `phys_to_virt_pa` refuses as
long as the window is not active, since the address would lead nowhere.
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.errors import NotMapped, TranslationError
from kernel_sim.host.quirks import has_quirk
from kernel_sim.page_table import PageTableFlags
from kernel_sim_bulldog import page_tables as tables
from kernel_sim_theseus.layout import PHYS_OFFSET
from kernel_sim_theseus.temporary_window import temporary_window

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


def is_active(kernel: "Kernel") -> bool:
    """Whether PHYS_OFFSET can be used."""
    return bool(getattr(kernel.state, "phys_offset_active", False))


def set_phys_offset_active(kernel: "Kernel") -> None:
    """From now on memory is reached through PHYS_OFFSET."""
    kernel.state.phys_offset_active = True
    kernel.log("phys_offset_active", offset=PHYS_OFFSET)


def phys_to_virt_pa(kernel: "Kernel", physical: int) -> int:
    """Where PHYS_OFFSET shows ``physical``.

    Raises:
        TranslationError: PHYS_OFFSET is not active.
    """
    _assert_active(kernel, physical)
    return PHYS_OFFSET + physical


def virt_to_phys_pa(kernel: "Kernel", virtual: int) -> int:
    """The physical address that ``virtual``, in PHYS_OFFSET, shows.

    Raises:
        TranslationError: PHYS_OFFSET is not active, or the address lies below it.
    """
    _assert_active(kernel, virtual)
    if virtual < PHYS_OFFSET:
        raise TranslationError(virtual, expected=f"an address from {PHYS_OFFSET:#x} on")
    return virtual - PHYS_OFFSET


def reached(kernel: "Kernel", physical: int) -> int:
    """Where memory is reached now, be it by the identity map or by PHYS_OFFSET."""
    return PHYS_OFFSET + physical if is_active(kernel) else physical


def shows_frame(kernel: "Kernel", frame: int) -> bool:
    """Whether a frame can be reached now: before PHYS_OFFSET is active, the firmware shows all."""
    if not is_active(kernel):
        return True
    leaf = tables.walk(kernel, kernel.root, PHYS_OFFSET + frame)[-1]
    return bool(leaf.value & tables.PRESENT)


def zero_phys_range(kernel: "Kernel", start: int, length: int) -> None:
    """Clear ``length`` bytes from the physical address ``start`` on (TH-25)."""
    kernel.cpu.fill(reached(kernel, start), length, 0)


def zero_frame_safely(kernel: "Kernel", frame: int) -> str:
    """Clear a frame by whatever shows it now; says which (TH-25).

    PHYS_OFFSET if it is active and shows the frame, else the temporary window; before either is
    there, the identity map.
    """
    if not is_active(kernel):
        kernel.cpu.fill(frame, PAGE_SIZE, 0)
        return "identity"
    if shows_frame(kernel, frame):
        kernel.cpu.fill(PHYS_OFFSET + frame, PAGE_SIZE, 0)
        return "phys_offset"
    with temporary_window(kernel, frame) as address:
        kernel.cpu.fill(address, PAGE_SIZE, 0)
    return "window"


def virt_range_has_flags(kernel: "Kernel", start: int, length: int, flags: PageTableFlags) -> bool:
    """Whether every page that ``length`` bytes from ``start`` touch has ``flags`` (TH-24).

    Rights count over all levels. A range that begins within a page touches one page more than its
    length suggests.
    """
    first = align_down(start, PAGE_SIZE)
    end = first + length if has_quirk(kernel, "last_page_unchecked") else start + length
    for page in range(first, end, PAGE_SIZE):
        found = _rights(kernel, page)
        if not found & tables.PRESENT or found & flags != flags:
            return False
    return True


def _rights(kernel: "Kernel", page: int) -> int:
    """The flags of ``page`` over all levels; 0 if it is absent."""
    if has_quirk(kernel, "leaf_flags_only"):
        return tables.walk(kernel, kernel.root, page)[-1].value & tables.FLAGS_MASK
    try:
        return int(kernel.hooks.translate(kernel.root, page).flags)
    except NotMapped:
        return 0


def _assert_active(kernel: "Kernel", address: int) -> None:
    if not is_active(kernel):
        raise TranslationError(address, expected="PHYS_OFFSET to be active")
