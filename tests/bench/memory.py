"""How fast the machine's memory is, beside its peers in the same run: ``make bench``.

Each figure is the median of several rounds in which ours and the peer's take turns.
"""

import ctypes
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.machine.access_rights import Access
from kernel_sim.machine.batch import BatchWalker
from kernel_sim.machine.control_bits import (
    CR0_PE,
    CR0_PG,
    CR0_WP,
    CR4_PAE,
    EFER_LME,
    EFER_NXE,
    MSR_EFER,
)
from kernel_sim.machine.cpu import Cpu
from kernel_sim.machine.devices.bus import Bus
from kernel_sim.machine.mmu import Mmu
from kernel_sim.machine.paging_modes import FOUR_LEVEL
from kernel_sim.machine.ram import Ram
from kernel_sim.trace import Trace
from kernel_sim.values import AddrRange

ROUNDS = 7
RAM_BYTES = 0x100_0000
TABLES = 0x10_0000
GIBIBYTE = 1 << 30
GIBIBYTES = 3
"""What the tables map: more last-level tables than volatility3 caches (1025)."""


def tables() -> bytes:
    """16 MiB of memory with 4-level tables at 0x1000 that map 3 GiB by 4 KiB pages.

    The pages lead, over and over, to the 16 MiB that are there.
    """
    memory = bytearray(RAM_BYTES)

    def put(address: int, entry: int) -> None:
        memory[address : address + 8] = entry.to_bytes(8, "little")

    put(0x1000, 0x2003)
    for number in range(GIBIBYTES):
        put(0x2000 + 8 * number, 0x3003 + 0x1000 * number)
    for number in range(512 * GIBIBYTES):
        table = TABLES + number * 0x1000
        put(0x3000 + 8 * number, table | 3)
        for index in range(512):
            put(table + 8 * index, (((number << 21) + (index << 12)) % RAM_BYTES) | 3)
    return bytes(memory)


def per_call(function: Callable[[], object], calls: int) -> float:
    """Seconds for each of the ``calls`` that one call of ``function`` makes."""
    started = time.perf_counter()
    function()
    return (time.perf_counter() - started) / calls


def medians(calls: int, *functions: Callable[[], object]) -> list[float]:
    """The functions' median seconds a call, their rounds interleaved."""
    for function in functions:
        function()
    rounds = [[per_call(function, calls) for function in functions] for _ in range(ROUNDS)]
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


class Ours:
    """The machine's processor in 64-bit mode on those tables."""

    def __init__(self, memory: bytes) -> None:
        self.ram = Ram([AddrRange(0, RAM_BYTES)])
        self.ram.write(0, memory)
        trace = Trace()
        self.mmu = Mmu(self.ram)
        self.cpu = Cpu(Bus(self.ram, trace), self.mmu, trace)
        self.cpu.start(text=AddrRange(0x8000, 0x9000), symbols={}, ip=0x8000, sp=0xA000)
        self.cpu.cr0 = CR0_PE
        self.cpu.cr3 = 0x1000
        self.cpu.cr4 = CR4_PAE
        self.cpu.wrmsr(MSR_EFER, EFER_LME | EFER_NXE)
        self.cpu.cr0 = CR0_PE | CR0_WP | CR0_PG


def loads(calls: int, ours: Ours, memory: bytes) -> list[tuple[str, float, str, float]]:
    """TLB-hit loads beside Unicorn's ``mem_read`` and volatility3's hot ``layer.read``."""
    addresses = [0x8000 + 8 * (n % 4096) for n in range(calls)]
    load, read = ours.cpu.load, unicorn_reader(memory)
    layer = volatility_layer(memory).read

    def mine() -> None:
        for address in addresses:
            load(address, 8)

    def unicorn() -> None:
        for address in addresses:
            read(address, 8)

    def volatility() -> None:
        for address in addresses:
            layer(address, 8)

    a, b, c = medians(calls, mine, unicorn, volatility)
    name = "8-byte load, TLB hit"
    return [(name, a, "Unicorn mem_read", b), (name, a, "volatility3 layer.read, hot", c)]


def unicorn_reader(memory: bytes) -> Callable[[int, int], object]:
    """Unicorn's ``mem_read`` over the same bytes."""
    import unicorn  # noqa: PLC0415 - a peer

    uc = unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)
    uc.mem_map(0, RAM_BYTES)
    uc.mem_write(0, memory)
    reader: Callable[[int, int], object] = uc.mem_read
    return reader


def volatility_layer(memory: bytes):
    """volatility3's 4-level translation layer over the same bytes."""
    from volatility3.framework import contexts  # noqa: PLC0415 - a peer
    from volatility3.framework.layers import intel, physical  # noqa: PLC0415

    context = contexts.Context()
    context.add_layer(physical.BufferDataLayer(context, "p", "physical", memory))
    context.config["l.memory_layer"] = "physical"
    context.config["l.page_map_offset"] = 0x1000
    layer = intel.Intel32e(context, "l", "virtual")
    context.add_layer(layer)
    return layer


def walks(calls: int, ours: Ours, memory: bytes) -> list[tuple[str, float, str, float]]:
    """One full walk beside volatility3's cold translation: its cache of tables never has the last.

    Each address lies in another last-level table than the 1535 before it.
    """
    count = 512 * GIBIBYTES
    addresses = [((n % count) << 21) + 0x1000 * (n // count) for n in range(calls)]
    translate, access = ours.mmu.translate, Access()
    layer = volatility_layer(memory)
    cold = layer._translate

    def mine() -> None:
        for address in addresses:
            translate(address, access)

    def volatility() -> None:
        for address in addresses:
            cold(address)

    a, b = medians(calls, mine, volatility)
    return [("walk of one address", a, "volatility3, cold", b)]


def batches(ours: Ours) -> list[tuple[str, float, str, float]]:
    """A million random addresses by NumPy beside the C walker."""
    import numpy as np  # noqa: PLC0415 - an extra

    count = 1_000_000
    addresses = np.random.default_rng(1).integers(0, GIBIBYTE, count, np.uint64)
    batch = BatchWalker(ours.mmu, ours.ram)
    walk = c_walker(ours.ram, addresses)
    a, b = medians(count, lambda: batch.translate(addresses, Access(write=True)), walk)
    return [("batch of a million addresses, NumPy", a, "C walker, -O2", b)]


def c_walker(ram: Ram, addresses) -> Callable[[], object]:
    """The C walker of ``walker.c``, compiled now, on the same memory and addresses."""
    import numpy as np  # noqa: PLC0415 - an extra

    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        sys.exit("no C compiler found: the batch benchmark needs one for its peer")
    folder = Path(tempfile.mkdtemp())
    library = folder / "walker.so"
    source = Path(__file__).with_name("walker.c")
    subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    function = ctypes.CDLL(str(library)).walk
    shutil.rmtree(folder)
    memory = np.frombuffer(ram.u64, np.uint64)
    physical, codes = np.zeros(len(addresses), np.uint64), np.zeros(len(addresses), np.int8)
    start = memory.ctypes.data + ram.offset(0)

    def pointer(value: int) -> ctypes.c_void_p:
        return ctypes.c_void_p(value)

    return lambda: function(
        pointer(start), ctypes.c_uint64(0x1000), pointer(addresses.ctypes.data),
        ctypes.c_size_t(len(addresses)), 1, 0, 0, 1, ctypes.c_uint64(0),
        pointer(physical.ctypes.data), pointer(codes.ctypes.data),
    )  # fmt: skip


def sweeps(ours: Ours) -> list[tuple[str, float, str, float]]:
    """The exhaustive sweep of one gibibyte."""
    ours.ram.store(0x2008, 8, 0)
    ours.ram.store(0x2010, 8, 0)
    space = AddressSpace(ours.ram, FOUR_LEVEL, 0x1000, nxe=True)
    fast, plain = medians(1, lambda: sweep(space, numpy=True), lambda: sweep(space, numpy=False))
    return [
        ("sweep of 1 GiB of small pages, NumPy", fast, "bound", 0.1),
        ("sweep of 1 GiB of small pages, pure Python", plain, "bound", 1.0),
    ]


def processes() -> list[tuple[str, float, str, float]]:
    """Whole processes: a boot through the library, import included, and the help."""
    boot = "from kernel_sim.boot import boot; assert boot('kernel-v', 'pc128').ok"

    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, capture_output=True)

    ksim = str(Path(sys.executable).with_name("ksim"))
    nothing, booted, helped = medians(
        1, run(sys.executable, "-c", ""), run(sys.executable, "-c", boot), run(ksim, "--help")
    )
    return [
        ("boot of kernel-v on pc128, import included", booted - nothing, "bound", 0.15),
        ("ksim --help", helped, "bound", 0.3),
    ]


TARGETS = {
    "Unicorn mem_read": 4.0,
    "volatility3 layer.read, hot": 2.5,
    "volatility3, cold": 4.0,
    "C walker, -O2": 0.2,
    "bound": 1.0,
}


def main() -> int:
    """Print the table; 1 if a target is missed."""
    memory = tables()
    ours = Ours(memory)
    rows = loads(40_000, ours, memory) + walks(20_000, ours, memory)
    rows += batches(ours) + sweeps(ours) + processes()
    table = Table(title="Speed of the machine (medians of interleaved rounds)")
    for column in ("what", "ours", "peer", "peer's", "times the peer", "target"):
        table.add_column(column, justify="left" if column in ("what", "peer") else "right")
    missed = 0
    for what, mine, peer, other in rows:
        ratio, target = other / mine, TARGETS[peer]
        missed += ratio < target
        mark = "" if ratio >= target else "  missed"
        table.add_row(what, shown(mine), peer, shown(other), f"{ratio:.2f}", f"{target:g}{mark}")
    Console(width=140).print(table)
    return 1 if missed else 0


def shown(seconds: float) -> str:
    """Seconds with a unit that fits."""
    if seconds >= 0.001:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e9:.0f} ns"


if __name__ == "__main__":
    sys.exit(main())
