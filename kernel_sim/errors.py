"""The error tree: what a hook may raise, what stops the machine, and what is wrong with an input.

::

    KernelError            a kernel part refuses: a hook may raise these, checks judge the class
    ├── FrameError  HeapError  HeapInitError  MapError  UnmapError  NotSupported
    └── TranslationError ── NotMapped
    InputError             a file, name or option of the user's is wrong: one line, exit status 2
    MachineStopped         (BaseException) stopped: panic, kill, triple fault, fault loop
    BudgetExceeded         (BaseException) a hook used up its events or its time
"""

from enum import StrEnum


class FrameErrorReason(StrEnum):
    """Why ``pmm_free_frame`` refused."""

    DOUBLE_FREE = "DOUBLE_FREE"
    MISALIGNED = "MISALIGNED"
    OUT_OF_RANGE = "OUT_OF_RANGE"
    RESERVED = "RESERVED"


class HeapErrorReason(StrEnum):
    """Why ``kfree`` refused."""

    DOUBLE_FREE = "DOUBLE_FREE"
    FOREIGN_POINTER = "FOREIGN_POINTER"
    CORRUPTED = "CORRUPTED"


class HeapInitErrorReason(StrEnum):
    """Why ``heap_init`` refused (MS-8)."""

    ALREADY_INITIALIZED = "ALREADY_INITIALIZED"
    INVALID_RANGE = "INVALID_RANGE"
    EMPTY_RANGE = "EMPTY_RANGE"


class MapErrorReason(StrEnum):
    """Why ``map_page`` or ``install_guard`` refused (MS-15)."""

    ALREADY_MAPPED = "ALREADY_MAPPED"
    NOT_MAPPED = "NOT_MAPPED"
    FRAME_ALLOCATION_FAILED = "FRAME_ALLOCATION_FAILED"
    UNSUPPORTED_PAGE_SIZE = "UNSUPPORTED_PAGE_SIZE"
    MISALIGNED_FRAME = "MISALIGNED_FRAME"
    NON_CANONICAL = "NON_CANONICAL"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class UnmapErrorReason(StrEnum):
    """Why ``unmap_page`` refused (MS-15)."""

    NOT_MAPPED = "NOT_MAPPED"
    UNSUPPORTED_PAGE_SIZE = "UNSUPPORTED_PAGE_SIZE"
    HUGE_PAGE = "HUGE_PAGE"


class TranslationErrorReason(StrEnum):
    """Why ``translate`` refused (MS-15)."""

    NOT_MAPPED = "NOT_MAPPED"
    HUGE_PAGE = "HUGE_PAGE"


def show(value: object) -> str:
    """``value`` as a reader of a kernel log expects it: integers in hexadecimal."""
    if isinstance(value, int) and not isinstance(value, bool):
        return hex(value)
    return repr(value)


class KernelError(Exception):
    """A part of the kernel refuses what it was asked for.

    Args:
        value: the offending value, most often an address; shown in hexadecimal.
        expected: what would have been accepted, in words.
        reason: a member of the error's reason enumeration, or its name.
    """

    def __init__(self, value: object, expected: str = "", reason: str | None = None) -> None:
        super().__init__(value, expected, reason)
        self.value = value
        self.expected = expected
        self.reason = reason

    def __str__(self) -> str:
        words = [str(self.reason) if self.reason else type(self).__name__, show(self.value)]
        if self.expected:
            words.append(f"(expected {self.expected})")
        return " ".join(words)


class FrameError(KernelError):
    """A frame can't be freed; ``reason`` is a `FrameErrorReason`."""


class HeapError(KernelError):
    """A block can't be freed; ``reason`` is a `HeapErrorReason`."""


class HeapInitError(KernelError):
    """The heap can't be set up; ``reason`` is a `HeapInitErrorReason`."""


class MapError(KernelError):
    """A page can't be mapped; ``reason`` is a `MapErrorReason`."""


class UnmapError(KernelError):
    """A page can't be unmapped; ``reason`` is an `UnmapErrorReason`."""


class TranslationError(KernelError):
    """An address can't be translated; ``reason`` is a `TranslationErrorReason`."""


class NotMapped(TranslationError):  # noqa: N818 - the name is part of the hook contract
    """No present entry leads to the address."""

    def __init__(self, value: object, expected: str = "", reason: str | None = None) -> None:
        super().__init__(value, expected, reason or TranslationErrorReason.NOT_MAPPED)


class NotSupported(KernelError):  # noqa: N818 - the name is part of the hook contract
    """The plugin does not offer this operation, on purpose."""


class InputError(Exception):
    """Something the user gave is wrong: one line, and exit status 2 on the command line.

    Args:
        problem: what is wrong.
        where: file, line, field or option; may be empty.
        expected: what would have been accepted; may be empty.
    """

    def __init__(self, problem: str, *, where: str = "", expected: str = "") -> None:
        super().__init__(problem, where, expected)
        self.problem = problem
        self.where = where
        self.expected = expected

    def __str__(self) -> str:
        line = f"{self.where}: {self.problem}" if self.where else self.problem
        return f"{line}; expected {self.expected}" if self.expected else line

    def _render_traceback_(self) -> list[str]:
        """What IPython prints in the place of a traceback through our code."""
        return [str(self)]


class MachineStopped(BaseException):
    """The machine has stopped: a state of it, not a programming error.

    Derives from ``BaseException`` so that ``except Exception`` in a hook lets it pass.

    Args:
        cause: one sentence for a person.
        post_mortem: the machine's last state, as plain data.
    """

    def __init__(self, cause: str, post_mortem: dict[str, object] | None = None) -> None:
        super().__init__(cause)
        self.cause = cause
        self.post_mortem: dict[str, object] = post_mortem or {}


class TripleFault(MachineStopped):
    """A fault during the delivery of a double fault: the processor shuts down.

    References: Intel SDM vol. 3A, 6.15, vector 8.
    """


class FaultLoop(MachineStopped):
    """A handler answered RETRY but changed nothing: the same access faulted eight times."""


class BudgetExceeded(BaseException):
    """A hook used more events or processor time than it may: a limit, not a programming error.

    Args:
        what: ``"events"`` or ``"seconds"``.
        limit: the budget in that unit.
    """

    def __init__(self, what: str, limit: float) -> None:
        super().__init__(what, limit)
        self.what = what
        self.limit = limit

    def __str__(self) -> str:
        return f"more than {self.limit:g} {self.what} used: does a loop never end?"
