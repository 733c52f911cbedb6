"""The machine: RAM, bus, display, processor and trace, put together and powered on."""

from typing import Literal, TypeAlias
from weakref import WeakMethod

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import InputError, KernelError
from kernel_sim.machine.control_bits import CR0_PG, CR4_PSE
from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.descriptors import code_segment, data_segment
from kernel_sim.machine.devices.bus import Device
from kernel_sim.machine.devices.dma import DmaDevice
from kernel_sim.machine.devices.framebuffer import Framebuffer, framebuffer_range
from kernel_sim.machine.devices.vga import TEXT_FRAME, VgaText
from kernel_sim.machine.firmware.available import (
    available_ranges,
    backed_ranges,
    highest_frame_end,
    physical_limit,
)
from kernel_sim.machine.firmware.bootable import why_no_hand_over
from kernel_sim.machine.firmware.e820 import write_e820
from kernel_sim.machine.firmware.long_mode import LongModeFirmware
from kernel_sim.machine.firmware.long_mode_placement import place_long_mode
from kernel_sim.machine.firmware.placement import Placement, place
from kernel_sim.machine.operation_log import LoggedTrace, OperationLog
from kernel_sim.machine.processors import (
    AP_STACK_BYTES,
    build_processors,
    clocks_to_next_timer,
)
from kernel_sim.machine.ram import Ram
from kernel_sim.machine.registers import TableRegister
from kernel_sim.machine.spec import MachineSpec
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange, BootInfo, Event

Stores: TypeAlias = Literal[False, True, "paging"]
"""Which stores are recorded: none, all, those under paging."""
KERNEL_CODE = 0x08
KERNEL_DATA = 0x10
_NOP = b"\x90"
_IVT_BYTES = 0x400
_IVT_VECTOR = (0xF000_FF54).to_bytes(4, "little")
"""A BIOS vector. As a page-directory entry it is not present: a CR3 of 0 leads nowhere."""


def ram_for(spec: MachineSpec, *, seed: int = 0, fd: int | None = None) -> Ram:
    """The memory of a machine; with ``fd`` on an open file that another process may share.

    Raises:
        InputError: the map describes more than a process can hold.
    """
    return Ram(_ram_ranges(spec), seed=seed, fd=fd)


def _ram_ranges(spec: MachineSpec) -> list[AddrRange]:
    """What is held like RAM: memory, the text screen, the framebuffer where there is one."""
    framebuffer = framebuffer_range(spec)
    screens = [TEXT_FRAME, framebuffer] if framebuffer else [TEXT_FRAME]
    return sorted([*backed_ranges(spec), *screens])


class Machine:
    """A simulated PC. `power_on` must be called before use.

    Args:
        spec: what it is made of.
        seed: of the poison in RAM.
        ram: memory from `ram_for` with the same spec and seed, if it is shared; else its own.
        log: where operations are noted, if they are to be.

    Raises:
        InputError: ``ram`` does not belong to ``spec``, or such a machine keeps no log.
    """

    def __init__(
        self,
        spec: MachineSpec,
        *,
        seed: int = 0,
        ram: Ram | None = None,
        log: OperationLog | None = None,
    ) -> None:
        self.spec = spec
        self.seed = seed
        self.log = log
        self.ram = ram if ram is not None else ram_for(spec, seed=seed)
        if ram is not None and ram.ranges != tuple(_ram_ranges(spec)):
            raise InputError("the memory given belongs to another machine", where=spec.name)
        limit = highest_frame_end if spec.long_mode else physical_limit
        self.physical_limit = limit(available_ranges(spec))
        self._boot_info: BootInfo | None = None
        self._build()

    def _build(self) -> None:
        self.trace = Trace() if self.log is None else LoggedTrace(self.log)
        self.cpus = build_processors(self.spec, self.ram, self.trace, self.log)
        self.cpu = self.cpus[0]
        self.bus = self.cpu.bus
        self.ports = self.cpu.ports
        self.dma = DmaDevice(self.ram, backed_ranges(self.spec), self.trace)
        self.ram.on_move = WeakMethod(self._follow_memory)
        self.vga = VgaText(self.ram)
        place = framebuffer_range(self.spec)
        self.framebuffer = Framebuffer(self.ram, place) if place else None

    def _follow_memory(self) -> None:
        for cpu in self.cpus:
            cpu.refresh_views()

    @property
    def boot_info(self) -> BootInfo:
        """What the firmware handed over.

        Raises:
            KernelError: the machine is not powered on.
        """
        if self._boot_info is None:
            raise KernelError(self.spec.name, expected="a machine that is powered on")
        return self._boot_info

    def power_on(self) -> BootInfo:
        """Fill RAM as firmware does and hand over.

        With an e820 table: PE=1, PG=0, WP=1, CR4.PSE as the spec says. In long mode: as
        `kernel_sim.machine.firmware.long_mode` describes.

        Raises:
            InputError: the firmware finds no room for what it hands over; says why.
        """
        reason = why_no_hand_over(self.spec)
        if reason:
            kernel = "no kernel" if self.spec.long_mode else "kernel-v cannot"
            verb = "can boot" if self.spec.long_mode else "boot"
            raise InputError(f"{kernel} {verb} here: {reason}", where=f"machine {self.spec.name}")
        self.vga.clear()
        self._boot_info = self._long_mode() if self.spec.long_mode else self._protected_mode()
        if self.log is not None:
            self.log.begin(self.cpu)
        return self._boot_info

    def _long_mode(self) -> BootInfo:
        placement = place_long_mode(self.spec)
        if placement is None:
            raise InputError("no room for a kernel", where=f"machine {self.spec.name}")
        if not self.spec.descriptors:
            self._fill_first_frame()
        return LongModeFirmware(self.spec, self.ram, placement).hand_over(self.cpus)

    def _protected_mode(self) -> BootInfo:
        placement = place(self.spec)
        if placement is None:
            raise InputError("no room for a kernel", where=f"machine {self.spec.name}")
        self._fill_first_frame()
        self._fill_image(placement)
        write_e820(self.ram, self.spec, placement)
        symbols = placement.symbols()
        for number, cpu in enumerate(self.cpus):
            self._start_cpu(cpu, number, placement, symbols)
        return BootInfo(
            kind="e820",
            table=placement.table.start,
            count=len(self.spec.entries),
            entry_size=self.spec.entry_size,
            kernel=placement.image,
            stack=placement.stack,
            symbols=symbols,
        )

    def reset(self) -> None:
        """Power cycle: contents, registers and trace are gone; `power_on` comes next."""
        self.ram.journal = None
        self.ram.clear()
        self._boot_info = None
        self._build()

    def attach(self, place: AddrRange, device: Device) -> None:
        """Let ``device`` answer all processors in the physical range ``place``.

        Raises:
            InputError: another device is there, or the range is not in whole frames.
        """
        for cpu in self.cpus:
            cpu.bus.attach(place, device)

    def tick(self, clocks: int = 1) -> None:
        """Let ``clocks`` bus clocks pass: timers count, and interrupts are delivered when due.

        A processor takes them while its RFLAGS.IF is set; the handlers run before this returns.
        Time stands still in them, unless they call this.

        Raises:
            ValueError: ``clocks`` is negative.
        """
        if clocks < 0:
            raise ValueError(f"{clocks} clocks; time does not run backwards")
        while True:
            step = clocks_to_next_timer(self.cpus, clocks)
            clocks -= step
            for cpu in self.cpus:
                if cpu.lapic is not None:
                    cpu.lapic.advance(step)
            for cpu in self.cpus:
                cpu.take_interrupts()
            if not clocks:
                return

    def record_stores(self, when: Stores) -> None:
        """Let the trace record every store, none, or those from the moment CR0.PG is set."""
        self.trace.stores = when is True
        if when == "paging":
            self.trace.subscribe(self._record_under_paging)

    def _record_under_paging(self, event: Event) -> None:
        new = event.fields.get("new") if event.fields.get("register") == "cr0" else None
        if isinstance(new, int) and new & CR0_PG and not self.trace.stores:
            self.trace.stores = True

    def rewind(self, number: int) -> None:
        """Take memory and control registers back to when the trace held ``number`` events.

        What was stored after the last of them is undone too; registers that no event records stay.

        Raises:
            ValueError: ``trace.stores`` was not on all the time since then.
        """
        events, stores = self.trace.cut(number)
        journal, self.ram.journal = self.ram.journal, None
        for record in reversed(stores):
            self.ram.write(record.physical, record.old)
        self.ram.journal = journal
        for event in reversed(events):
            if event.kind == "control" and "old" in event.fields:
                owner = event.fields.get("cpu", 0)
                cpu = self.cpus[owner if isinstance(owner, int) else 0]
                cpu.put_back(event.fields["register"], event.fields["old"])
        for cpu in self.cpus:
            cpu.tlb.flush()
            cpu.reconfigure()

    def close(self) -> None:
        """Give the memory back at once, without waiting for the garbage collector."""
        self.ram.close()

    def _fill_first_frame(self) -> None:
        """The interrupt vectors and data area of a BIOS, which knows nothing of paging."""
        vectors = _IVT_VECTOR * (_IVT_BYTES // 4)
        self.ram.write(0, vectors + bytes(PAGE_SIZE - _IVT_BYTES))

    def _fill_image(self, placement: Placement) -> None:
        """Code bytes at the entry point, and the firmware's own GDT: null, code, data."""
        self.ram.write(placement.image.start, _NOP * 64)
        gdt = bytes(8) + code_segment() + data_segment()
        self.ram.write(placement.symbols()["gdt"], gdt)

    def _start_cpu(
        self, cpu: Cpu, number: int, placement: Placement, symbols: dict[str, int]
    ) -> None:
        """Processor 0 starts on the boot stack, the others on stacks at the end of the text."""
        stacks = [placement.stack.end, *range(placement.text.end, 0, -AP_STACK_BYTES)]
        cpu.start(
            text=placement.text,
            symbols=dict(symbols),
            ip=symbols["kernel_main"],
            sp=stacks[number],
        )
        cpu.gdtr = TableRegister(symbols["gdt"], 23)
        cpu.segments = {"cs": KERNEL_CODE, "ds": KERNEL_DATA, "es": KERNEL_DATA, "ss": KERNEL_DATA}
        cpu.hand_over(cr4=CR4_PSE if self.spec.pse else 0, bootstrap=number == 0)
