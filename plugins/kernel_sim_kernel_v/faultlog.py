"""Fault logger: who called whom when a page fault came (KV-37).

Rationale: the address of a fault says what was touched, its ip by which function. Why that function
was there at all is on the stack, in the chain of saved frame pointers::

    higher       | return address |  bp + 4    into the caller's caller
                 | saved bp       |  bp        ---> the next frame, always further up
                 | locals ...     |
    lower        |                |  sp

Benefit: a fault report with the path that led to it. Cost: a few loads for each fault.

The logger runs when something is broken already, so it trusts nothing it reads. Each frame pointer
must be aligned, mapped for the kernel and higher than the last one; the walk ends after
`DEEPEST` frames. It takes no memory from the heap.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kernel_sim.errors import TranslationError
from kernel_sim.hookspecs import hookimpl
from kernel_sim.values import Event, SelfTestResult

if TYPE_CHECKING:
    from kernel_sim.kernel import Kernel

WORD: Final = 4
DEEPEST: Final = 16
"""Frames after which the walk ends, whatever the stack says."""
PAGE_FAULT: Final = 14
DOUBLE_FAULT: Final = 8
SAVED_BP: Final = 60
"""Offset of the saved bp in a 32-bit TSS (SDM vol. 3A, 7.2.1)."""


@hookimpl
def on_event(kernel: "Kernel", event: Event) -> None:
    """Log the call chain of each page fault; nothing with ``config.faultlog`` off (KV-40)."""
    fields = event.fields
    if not kernel.config.faultlog or event.kind != "fault":
        return
    if fields["vector"] == PAGE_FAULT:
        address, bp = fields["address"], kernel.cpu.bp
    elif fields["vector"] == DOUBLE_FAULT:
        address, bp = kernel.cpu.cr2, _saved_bp(kernel)
    else:
        return
    frames = [fields["ip"], *return_addresses(kernel, bp)]
    kernel.log("fault_trace", address=address, error_code=fields["error_code"], frames=frames)


@hookimpl
def selftest(kernel: "Kernel") -> SelfTestResult | None:
    """Two functions that call each other are found on the stack, the inner one first."""
    if not kernel.config.faultlog:
        return None
    cpu = kernel.cpu
    with cpu.frame("faultlog_outer", 16):
        outer = cpu.ip
        with cpu.frame("faultlog_inner", 16):
            found = list(return_addresses(kernel, cpu.bp))
    return SelfTestResult("faultlog", found[:1] == [outer], f"{len(found)} frames walked")


def _saved_bp(kernel: "Kernel") -> int:
    """The frame pointer of the task that a double fault interrupted, 0 if it was not saved.

    An overflowed stack has no room for the page fault's own frame, so that a double fault comes in
    its place; it runs as a task of its own, and the processor has put the old registers away.
    """
    tss = kernel.boot_info.symbols.get("tss", 0)
    return kernel.cpu.load(tss + SAVED_BP, WORD) if tss and _is_readable(kernel, tss) else 0


def return_addresses(kernel: "Kernel", bp: int) -> Iterator[int]:
    """The return addresses from the frame at ``bp`` outwards, as far as they can be trusted."""
    lowest = 0
    for _ in range(DEEPEST):
        if not _is_trustworthy(kernel, bp, lowest):
            return
        caller = kernel.cpu.load(bp + WORD, WORD)
        if caller == 0:
            return
        yield caller
        lowest, bp = bp + 2 * WORD, kernel.cpu.load(bp, WORD)


def _is_trustworthy(kernel: "Kernel", bp: int, lowest: int) -> bool:
    """Whether a frame lies at ``bp``: aligned, above the last one, readable, below the top."""
    outermost = bp + 2 * WORD > kernel.boot_info.stack.end >= bp
    if bp == 0 or bp % WORD or bp < lowest or outermost:
        return False
    return all(_is_readable(kernel, address) for address in (bp, bp + WORD))


def _is_readable(kernel: "Kernel", address: int) -> bool:
    """Whether a load would succeed; asked of the tables, since to try it could fault again."""
    try:
        kernel.hooks.translate(kernel.root, address)
    except TranslationError:
        return False
    return True
