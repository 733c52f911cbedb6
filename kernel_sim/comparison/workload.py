"""Workloads: the same requests for every kernel, through its hooks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from kernel_sim.boot import Boot
from kernel_sim.errors import BudgetExceeded, KernelError, MachineStopped
from kernel_sim.host.oops import KernelOops
from kernel_sim.traces import make_trace
from kernel_sim.traces.allocation_trace import ALLOCATE, FREE

FRAMES: Final = 256
TRACE: Final = "boot"
ALIGNMENT: Final = 8


@dataclass(frozen=True, slots=True)
class Work:
    """What became of one request: asked of a kernel, and whether it was ``served``.

    ``refused`` says why not: an error of the contract, or None where memory was needed.
    """

    hook: str
    served: bool
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """The state between two requests: bytes in use and free in the heap, and frames in use.

    None where the kernel has no answer.
    """

    request: int
    heap_used: int | None
    heap_free: int | None
    frames_used: int | None


def boot_only(boot: Boot) -> Iterator[Work]:
    """Nothing beyond the boot itself."""
    del boot
    return iter(())


def frames(boot: Boot) -> Iterator[Work]:
    """256 frames, every second one back, and 128 again."""
    owned: list[int] = []
    for _ in range(FRAMES):
        work, frame = _ask(boot, "pmm_alloc_frame")
        if isinstance(frame, int):
            owned.append(frame)
        yield work
    for frame in owned[::2]:
        yield _ask(boot, "pmm_free_frame", frame)[0]
    for _ in range(FRAMES // 2):
        yield _ask(boot, "pmm_alloc_frame")[0]


def heap(boot: Boot) -> Iterator[Work]:
    """The allocation trace of a kernel that starts; a block's first and last byte are written."""
    blocks: dict[int, int] = {}
    for request in make_trace(TRACE).requests:
        if request.kind != ALLOCATE and request.block in blocks:
            yield _ask(boot, "kfree", blocks.pop(request.block))[0]
        if request.kind == FREE:
            continue
        work, pointer = _ask(boot, "kmalloc", request.size, ALIGNMENT)
        if isinstance(pointer, int):
            blocks[request.block] = pointer
            boot.machine.cpu.store(pointer, 1, 0xA5)
            boot.machine.cpu.store(pointer + request.size - 1, 1, 0x5A)
        yield work


WORKLOADS: Final[dict[str, Callable[[Boot], Iterator[Work]]]] = {
    "heap": heap,
    "frames": frames,
    "boot": boot_only,
}
"""Name → workload; its docstring says what it asks for."""


def sample(boot: Boot, request: int) -> Sample:
    """The state of the kernel now, by its own counters."""
    stats = _ask(boot, "heap_stats")[1]
    memory = _ask(boot, "pmm_stats")[1]
    return Sample(
        request,
        getattr(stats, "used", None),
        getattr(stats, "free", None),
        getattr(memory, "used", None),
    )


def _ask(boot: Boot, hook: str, *arguments: object) -> tuple[Work, object]:
    """Call a hook; a refusal is an answer.

    Raises:
        MachineStopped: the machine did; nothing can be asked after that.
    """
    try:
        value = boot.call(hook, *arguments)
    except (KernelError, KernelOops, BudgetExceeded) as error:
        if isinstance(error, KernelOops) and boot.host.stopped is not None:
            raise MachineStopped(str(error), {}) from error
        return Work(hook, served=False, refused=_reason(hook, error)), None
    needed = hook in {"kmalloc", "pmm_alloc_frame"}
    if value is None and needed:
        return Work(hook, served=False, refused="no memory"), None
    return Work(hook, served=True), value


def _reason(hook: str, error: BaseException) -> str:
    """Why ``hook`` refused, without the value: the same reason is the same text."""
    if isinstance(error, KernelError):
        kind = error.reason or type(error).__name__
        return f"{hook}: {kind}{f', expected {error.expected}' if error.expected else ''}"
    return f"{hook}: {' '.join(str(error).split())}"
