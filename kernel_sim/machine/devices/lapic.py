"""The local APIC of one processor: its timer, and which interrupt it may deliver.

Registers, each 32 bits wide at a multiple of 16 bytes from 0xFEE00000, for 32-bit accesses alone::

    0x020 ID (31:24)       0x080 TPR      0x0F0 SVR: bit 8 enable, 7:0 spurious vector
    0x030 VERSION          0x0B0 EOI      0x100..0x170 ISR   0x200..0x270 IRR
    0x280 ESR              0x320 LVT timer: 7:0 vector, bit 16 mask, bit 17 periodic
    0x350 LINT0  0x360 LINT1  0x370 LVT error
    0x380 INITIAL count    0x390 CURRENT count    0x3E0 DIVIDE (bits 3, 1, 0)

References: Intel SDM vol. 3A, 10.4 (registers), 10.5.4 (timer), 10.8 (priorities, EOI), 10.9 (SVR).
"""

from typing import Final

from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

LAPIC: Final = AddrRange(0xFEE0_0000, 0xFEE0_1000)
LAPIC_VERSION: Final = 0x0005_0014
"""Version 0x14, highest LVT entry 5."""
ID, VERSION, TPR, EOI, SVR, ESR = 0x20, 0x30, 0x80, 0xB0, 0xF0, 0x280
LVT_TIMER, LINT0, LINT1, LVT_ERROR = 0x320, 0x350, 0x360, 0x370
INITIAL, CURRENT, DIVIDE = 0x380, 0x390, 0x3E0
SVR_ENABLE: Final = 1 << 8
LVT_MASKED: Final = 1 << 16
LVT_PERIODIC: Final = 1 << 17
_ISR, _IRR = 0x100, 0x200
_BITMAP_BYTES: Final = 0x80
_LVTS: Final = (LVT_TIMER, LINT0, LINT1, LVT_ERROR)
_WRITABLE_BITS: Final = {TPR: 0xFF, DIVIDE: 0xB, ESR: 0}
_TSC_DEADLINE: Final = 1 << 18
_ESR_ILLEGAL_VECTOR: Final = 1 << 6
_ESR_ILLEGAL_REGISTER: Final = 1 << 7
_FIRST_VECTOR: Final = 16
_DIVISORS: Final = {0: 2, 1: 4, 2: 8, 3: 16, 8: 32, 9: 64, 10: 128, 11: 1}
_ALL_ONES: Final = 0xFFFF_FFFF


class LocalApic:
    """Registers, timer and interrupt state.

    Args:
        number: of the processor; what ID reports.
        trace: hears of accesses that no local APIC takes.
    """

    def __init__(self, number: int, trace: Trace) -> None:
        self.number = number
        self._trace = trace
        self._requested = 0
        self._in_service = 0
        self._clocks = 0
        self._registers = {
            TPR: 0,
            SVR: 0xFF,
            ESR: 0,
            INITIAL: 0,
            CURRENT: 0,
            DIVIDE: 0,
            **dict.fromkeys(_LVTS, LVT_MASKED),
        }

    # --- registers -------------------------------------------------------------------------------

    def load(self, offset: int, size_bytes: int) -> int:
        """The register at ``offset``; all-ones and a ``bus_error`` unless 32 bits are read."""
        if self._is_misfit(offset, size_bytes):
            return (1 << 8 * size_bytes) - 1
        if offset == ID:
            return self.number << 24
        if offset == VERSION:
            return LAPIC_VERSION
        for start, bits in ((_ISR, self._in_service), (_IRR, self._requested)):
            if start <= offset < start + _BITMAP_BYTES and not offset & 0xF:
                return bits >> (offset - start) // 16 * 32 & _ALL_ONES
        if offset in self._registers:
            return self._registers[offset]
        self._registers[ESR] |= _ESR_ILLEGAL_REGISTER
        return 0

    def store(self, offset: int, size_bytes: int, value: int) -> None:
        """Write a register; only a ``bus_error`` unless 32 bits are written."""
        if self._is_misfit(offset, size_bytes):
            return
        if offset == EOI:
            self._end_interrupt()
        elif offset in _LVTS:
            self._registers[offset] = value | (0 if self.enabled else LVT_MASKED)
        elif offset == SVR:
            self._write_spurious(value)
        elif offset == INITIAL:
            self._registers[INITIAL] = self._registers[CURRENT] = value
            self._clocks = 0
        elif offset in _WRITABLE_BITS:
            self._registers[offset] = value & _WRITABLE_BITS[offset]
        elif offset not in {ID, VERSION, CURRENT}:
            self._registers[ESR] |= _ESR_ILLEGAL_REGISTER

    def _end_interrupt(self) -> None:
        """EOI: the highest vector in service is no longer."""
        if self._in_service:
            self._in_service ^= 1 << (self._in_service.bit_length() - 1)

    def _write_spurious(self, value: int) -> None:
        """SVR; switching the APIC off masks every LVT entry."""
        self._registers[SVR] = value & 0x1FF
        if not value & SVR_ENABLE:
            for lvt in _LVTS:
                self._registers[lvt] |= LVT_MASKED

    def _is_misfit(self, offset: int, size_bytes: int) -> bool:
        """Whether the access is not 32-bit aligned; if so it becomes a ``bus_error`` event."""
        if size_bytes == 4 and not offset & 3:
            return False
        self._trace.emit("bus_error", physical=LAPIC.start + offset, size=size_bytes)
        return True

    @property
    def enabled(self) -> bool:
        """SVR bit 8: whether anything is delivered."""
        return bool(self._registers[SVR] & SVR_ENABLE)

    # --- timer -----------------------------------------------------------------------------------

    @property
    def divisor(self) -> int:
        """Bus clocks for one step of the timer."""
        return _DIVISORS[self._registers[DIVIDE]]

    def clocks_left(self) -> int | None:
        """Bus clocks until the timer reaches 0; None if it stands still."""
        current = self._registers[CURRENT]
        if not current or self._registers[LVT_TIMER] & _TSC_DEADLINE:
            return None
        return current * self.divisor - self._clocks

    def advance(self, clocks: int) -> None:
        """Let ``clocks`` bus clocks pass, at most `clocks_left`; at 0 the timer asks for delivery.

        A periodic timer starts over, a one-shot timer stands still.
        """
        if self.clocks_left() is None:
            return
        steps, self._clocks = divmod(self._clocks + clocks, self.divisor)
        self._registers[CURRENT] = max(0, self._registers[CURRENT] - steps)
        if self._registers[CURRENT]:
            return
        lvt = self._registers[LVT_TIMER]
        if lvt & LVT_PERIODIC:
            self._registers[CURRENT] = self._registers[INITIAL]
        if not lvt & LVT_MASKED:
            self._request(lvt & 0xFF)

    def _request(self, vector: int) -> None:
        if vector < _FIRST_VECTOR:
            self._registers[ESR] |= _ESR_ILLEGAL_VECTOR
        else:
            self._requested |= 1 << vector

    # --- delivery --------------------------------------------------------------------------------

    def acknowledge(self) -> int | None:
        """The vector to deliver now, which is in service from then on; None if none may be.

        None before EOI of one of the same or a higher class (vector // 16), nor below TPR's.
        """
        if not self.enabled or not self._requested:
            return None
        vector = self._requested.bit_length() - 1
        serving = self._in_service.bit_length() - 1 if self._in_service else 0
        if vector >> 4 <= max(serving, self._registers[TPR]) >> 4:
            return None
        self._requested &= ~(1 << vector)
        self._in_service |= 1 << vector
        return vector
