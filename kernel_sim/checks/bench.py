"""The test bench: the thing under test as a check meets it, on either side of a process boundary.

::

    check ──boot(Scenario)──▶ Bench ──▶ Run ──batch([Operation, …])──▶ [Outcome, …]
                               │         └─ regions, screen, ram, events
                               └─ one plugin, loaded once; each boot is a new machine

Everything that crosses is plain data: None, bool, int, float, str, bytes, lists, tuples and dicts
of these, and the frozen values of `kernel_sim.values`. A bench never raises for what the plugin
does: that is a `Failure`, or where there is no place for one, `RunLost`. What it does raise beside
that is ours, and makes a check ``errored``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from kernel_sim.machine import MachineSpec
from kernel_sim.machine.machine import Stores
from kernel_sim.values import BootInfo, Event, MemoryRegion

FAILURE_KINDS: Final = (
    "raised",
    "oops",
    "wrong_type",
    "budget",
    "stopped",
    "missing",
    "load",
    "died",
)
"""``raised``: a `KernelError`, which a hook may raise. ``oops``: any other exception.
``wrong_type``: an answer that the contract does not allow. ``budget``: a limit was passed.
``stopped``: the machine stopped. ``missing``: no plugin implements the hook. ``load``: the plugin
can't be loaded or was rejected. ``died``: the process under test ended."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """One boot: which machine, how far, and with which configuration.

    Args:
        machine: the machine's description.
        profile: the kernel that boots.
        until: the last boot step to take, None for all.
        config: what differs from the profile's configuration.
        seed: of the poison in RAM.
        stores: whether the trace records stores once paging is on.
    """

    machine: MachineSpec
    profile: str = "kernel-v"
    until: str | None = None
    config: Mapping[str, object] = field(default_factory=dict)
    seed: int = 0
    stores: bool = False

    @property
    def recorded(self) -> Stores:
        """Which stores the machine records."""
        return "paging" if self.stores else False


@dataclass(frozen=True, slots=True)
class Ref:
    """Stands for the result of the ``index``-th operation of the same batch, counted from 0.

    Of a record ``part`` names the field that is meant. To a number ``offset`` is added.
    """

    index: int
    offset: int = 0
    part: str = ""

    def of(self, result: Any) -> Any:  # noqa: ANN401 - any result
        """What this stands for, given the result; None where the field is None."""
        meant = getattr(result, self.part) if self.part else result
        return meant + self.offset if self.offset and meant is not None else meant


@dataclass(frozen=True, slots=True)
class Operation:
    """One hook call; ``args`` are the parameters after ``kernel``, in the order of the contract.

    A name of `kernel_sim.checks.accesses` stands for an access of the processor's.
    """

    hook: str
    args: tuple[object, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """How a boot or a hook call went wrong.

    Args:
        kind: one of `FAILURE_KINDS`.
        error: the exception's class name, empty if there was none.
        reason: the ``reason`` of a `KernelError`, else empty.
        message: one line for the student.
        hook: where it happened, empty if outside any hook.
        line: the line in the plugin's own source, if known.
        source_line: the text of that line.
    """

    kind: str
    error: str = ""
    reason: str = ""
    message: str = ""
    hook: str = ""
    line: int | None = None
    source_line: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came back: a value, or a failure."""

    value: object = None
    failure: Failure | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing went wrong."""
        return self.failure is None


class RunLost(Exception):  # noqa: N818 - what it says of a run, as `BudgetExceeded` of a budget
    """A run of which nothing more is to be believed, or to be had; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class PhysicalMemory(Protocol):
    """The machine's RAM by physical address, read by the check itself."""

    def load(self, physical: int, size_bytes: int, /) -> int:
        """The little-endian unsigned number of ``size_bytes`` at ``physical``."""

    def read(self, physical: int, size_bytes: int, /) -> bytes:
        """``size_bytes`` from ``physical``."""


class Run(Protocol):
    """One booted machine. A failed boot answers every call with the boot's failure."""

    @property
    def booted(self) -> Outcome:
        """Whether the boot came as far as the scenario asked."""

    @property
    def regions(self) -> Sequence[MemoryRegion]:
        """The kernel's memory descriptor table; empty if the boot did not come so far."""

    @property
    def boot_info(self) -> BootInfo | None:
        """What the firmware handed over."""

    @property
    def ram(self) -> PhysicalMemory:
        """Physical memory as it is now."""

    def screen(self) -> list[str]:
        """The 25 rows of the text screen, 80 characters each."""

    def call(self, hook: str, *args: object) -> Outcome:
        """Call one hook; shorthand for a batch of one."""

    def batch(self, operations: Sequence[Operation]) -> list[Outcome]:
        """Call hooks one after another. A `Ref` in the arguments becomes the earlier result.

        An operation whose `Ref` names a failed one is not called: it gets the same failure.
        Where the result is None, NULL, the operation is not called either; its outcome is None.
        Behind an operation that used up its budget none is called: they get the same failure.
        """

    def events(self) -> list[Event]:
        """The trace's events so far.

        Where the scenario asks for stores, each is an event of kind ``store`` with ``physical``,
        ``old`` and ``new``, numbered as the event that came after it.

        Raises:
            RunLost: the process under test has none that can be believed.
        """


class Bench(Protocol):
    """A loaded plugin, to be booted again and again; its module globals survive each boot."""

    @property
    def loaded(self) -> Outcome:
        """Whether the plugin could be loaded; a failure has the kind ``load``."""

    def boot(self, scenario: Scenario) -> Run:
        """A new machine, booted as far as ``scenario`` says. The run before it is over then."""

    def close(self) -> None:
        """Give back what the bench holds."""
