"""One access of the processor's, and what became of it."""

from kernel_sim.checks.accesses import perform
from kernel_sim.errors import MachineStopped
from kernel_sim.host.oops import KernelOops
from kernel_sim.nearest import unknown_name
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.quiet import quiet_while_loading
from kernel_sim.notebook.showing import Shown

KINDS = {"read": "load", "write": "store", "fetch": "fetch"}
VALUE = 0x1234_5678
"""What a write stores."""


class Touch(Shown):
    """The outcome of an access; true if it went through.

    Args:
        what: the access in words.
        went_through: whether it did.
        lines: what was read, or what stopped it and what the kernel printed.
    """

    def __init__(self, what: str, lines: list[str], *, went_through: bool) -> None:
        self.what = what
        self.lines = lines
        self.went_through = went_through

    def __bool__(self) -> bool:
        return self.went_through

    def __repr__(self) -> str:
        return f"<{self.what}: {'went through' if self.went_through else 'stopped'}>"

    def text(self) -> str:
        """The access, its outcome, and what the kernel said."""
        verdict = "goes through" if self.went_through else "is stopped"
        return "\n".join([f"{self.what} {verdict}", *(f"    {line}" for line in self.lines)])


@quiet_while_loading
def touch(booted: Booted, kind: str, address: int, *, user: bool = False) -> Touch:
    """Let the processor read, write or fetch at ``address``, 4 bytes, and show what happens.

    Args:
        booted: the result of `boot`.
        kind: ``'read'``, ``'write'`` or ``'fetch'``.
        address: where, as the processor sees it.
        user: at CPL 3, as a program would.

    Raises:
        InputError: there is no such kind.
    """
    if kind not in KINDS:
        raise unknown_name("kind of access", kind, KINDS)
    outcome = touched(booted, kind, address, user=user)
    outcome.show()
    return outcome


def touched(booted: Booted, kind: str, address: int, *, user: bool) -> Touch:
    """The access and its outcome."""
    what = f"{'a program' if user else 'the kernel'}: {kind} at {address:#010x}"
    name = f"{'user' if user else 'cpu'}.{KINDS[kind]}"
    args = {"read": (address, 4), "write": (address, 4, VALUE), "fetch": (address,)}[kind]
    printed = len(booted.result.transcript)
    try:
        value = perform(booted.result, name, args)
    except (MachineStopped, KernelOops) as error:
        lines = [str(error).splitlines()[0]]
        lines += [f"screen: {line}" for line in booted.result.transcript[printed:]]
        return Touch(what, lines, went_through=False)
    return Touch(
        what, [f"the bytes are {value:#x}"] if value is not None else [], went_through=True
    )
