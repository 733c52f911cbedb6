"""The task switch through a task gate: the only safe way into a 32-bit double-fault handler.

Fields of the 32-bit TSS that are used::

    0 back link | 4 esp0 | 8 ss0 | 28 cr3 | 32 eip | 36 eflags | 56 esp | 60 ebp
    72 es | 76 cs | 80 ss | 84 ds

CR3 is loaded from the TSS and never saved to it: one that was not kept up to date leads nowhere
(KV-U7).

References: Intel SDM vol. 3A, 7.2.1 (TSS), 7.3 (task switching), 7.4 (back link and NT).
"""

from kernel_sim.errors import MachineStopped
from kernel_sim.machine.control_bits import FLAG_NT
from kernel_sim.machine.descriptor_tables import EXTERNAL, DescriptorUnit
from kernel_sim.machine.descriptors import TSS_32_BYTES, TSS_AVAILABLE
from kernel_sim.machine.exceptions import CpuException, Vector, general_protection
from kernel_sim.machine.registers import TaskRegister


class TaskUnit(DescriptorUnit):
    """Saves and loads task states."""

    def enter_task(self, selector: int) -> None:
        """Save this task in its TSS (if TR was loaded) and go on in the one at ``selector``.

        Raises:
            CpuException: #GP, #NP or #TS, there is no available TSS; #PF, it is not mapped.
        """
        segment = self.segment(selector, external=EXTERNAL)
        error_code = selector & ~3 | EXTERNAL
        if not segment.system or segment.type != TSS_AVAILABLE:
            raise general_protection(f"{selector:#x} is no available TSS", error_code)
        if segment.limit < TSS_32_BYTES - 1:
            raise CpuException(Vector.TS, error_code, why=f"the TSS at {selector:#x} is too short")
        if self.tr.selector:
            self._save_task(self.tr.base)
        self.system_write(segment.base, self.tr.selector.to_bytes(4, "little"))
        state = self.system_read(segment.base, TSS_32_BYTES)
        self.take_task(selector, segment.base)
        self._load_task(state)
        self.flags |= FLAG_NT

    def leave_task(self) -> None:
        """IRET with NT set: go back to the task that the TSS links to.

        Raises:
            MachineStopped: it links to none, because TR was empty when the task was entered.
        """
        selector = self.system_load(self.tr.base, 4) & 0xFFFF
        if not selector:
            cause = "a task returned, but its TSS links back to none"
            raise MachineStopped(cause, self.post_mortem())
        self.release_task(self.tr.selector)
        base = self.segment(selector).base
        self.tr = TaskRegister(selector, base)
        self._load_task(self.system_read(base, TSS_32_BYTES))

    def _save_task(self, base: int) -> None:
        for offset, value in (
            (32, self.ip),
            (36, self.flags),
            (56, self.sp),
            (60, self.bp),
            (72, self.segments["es"]),
            (76, self.segments["cs"] | self.cpl),
            (80, self.segments["ss"] | self.cpl),
            (84, self.segments["ds"]),
        ):
            self.system_write(base + offset, value.to_bytes(4, "little"))

    def _load_task(self, state: bytes) -> None:
        def field(offset: int) -> int:
            return int.from_bytes(state[offset : offset + 4], "little")

        if self.paging:
            root = field(28)
            self.trace.emit("control", operation="task", register="cr3", old=self._cr3, new=root)
            self.switch_root(root)
        self.ip = field(32)
        self.set_flags(field(36))
        self.sp = field(56)
        self.bp = field(60)
        self.set_cpl(field(76) & 3)
        for name, offset in (("es", 72), ("cs", 76), ("ss", 80), ("ds", 84)):
            self.segments[name] = field(offset) & 0xFFFC
