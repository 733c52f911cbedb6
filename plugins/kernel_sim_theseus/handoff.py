"""The handoff block: what the loader tells the kernel, judged before it is believed (TH-7).

::

    size, version        the block is the one that this kernel knows
    image, entry         the entry point lies in the image, which is linked where layout says
    temporary heap       whole pages, and none of them the image's
    memory map           holds as many descriptors as it claims
    framebuffer          address and size, or neither
    boot services        over: the memory is the kernel's alone

A loader and a kernel that were built apart disagree here, with a field's name, and not later with
a page fault (TH-U7).
"""

from typing import TYPE_CHECKING

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import KernelError
from kernel_sim.machine.firmware.uefi import HANDOFF_BYTES, Handoff
from kernel_sim.values import AddrRange
from kernel_sim_theseus import layout

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel


def read_handoff(kernel: "Kernel") -> Handoff:
    """The handoff block, if it does not contradict itself (TH-U7).

    Raises:
        KernelError: names the field that is wrong.
    """
    address = kernel.boot_info.handoff
    if address is None:
        raise KernelError("no handoff", expected="a block from the UEFI loader")
    handoff = Handoff.decode(kernel.cpu.read(address, HANDOFF_BYTES))
    image = AddrRange(
        handoff.kernel_physical_base, handoff.kernel_physical_base + handoff.kernel_size
    )
    heap = AddrRange(handoff.temp_heap_base, handoff.temp_heap_base + handoff.temp_heap_size)
    entry = handoff.kernel_virtual_entry - handoff.kernel_virtual_base
    for right, field_name in (
        (handoff.size == HANDOFF_BYTES, "size"),
        (handoff.version != 0, "version"),
        (handoff.cpu_count >= 1, "cpu_count"),
        (handoff.boot_services_exited == 1, "boot_services_exited"),
        (handoff.kernel_virtual_base == layout.KERNEL_VIRTUAL_BASE, "kernel_virtual_base"),
        (0 <= entry < handoff.kernel_size, "kernel_virtual_entry"),
        (handoff.temp_heap_size % PAGE_SIZE == 0, "temp_heap_size"),
        (not heap.overlaps(image), "temp_heap_base"),
        (
            handoff.memory_map_size >= handoff.memory_map_entries * handoff.descriptor_size,
            "memory_map_size",
        ),
        (bool(handoff.framebuffer) == bool(handoff.framebuffer_size), "framebuffer_size"),
    ):
        if not right:
            value = getattr(handoff, field_name)
            raise KernelError(value, expected=f"a handoff whose {field_name} fits the rest")
    return handoff
