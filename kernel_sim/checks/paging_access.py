"""The processor's own accesses, judged: whether they go through, and which bytes they reach."""

from typing import Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import Run
from kernel_sim.checks.hook_failure import sentence
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.checks.paging_model import AddressSpaceModel

WRITES: Final = frozenset({"store", "write", "fill"})


class AccessJudge:
    """Knows which bytes were stored, and which pages were taken away."""

    def __init__(self) -> None:
        self._bytes: dict[int, bytes] = {}
        self._unmapped: set[int] = set()
        self._changed: set[int] = set()

    def unmapped(self, page: int) -> None:
        """Note that ``page`` was taken away."""
        self._unmapped.add(page)

    def changed(self, page: int) -> None:
        """Note that ``page`` has other rights than before."""
        self._changed.add(page)

    def judge(self, turn: Turn, model: AddressSpaceModel, run: Run) -> Breach | None:
        """What is wrong with an access; the machine is as the access left it."""
        who, _, what = turn.hook.partition(".")
        address = int(turn.args[0])  # type: ignore[call-overload]
        write, user = what in WRITES, who == "user"
        allowed = model.allows(address, write=write, user=user)
        if turn.outcome.failure is not None:
            return self._refused(turn, address, user=user, write=write) if allowed else None
        if not allowed:
            return self._let_through(turn, address, model, user=user)
        physical = model.physical(address) or 0
        if what in {"store", "write"}:
            return self._stored(turn, address, physical, run)
        return self._loaded(turn, address, physical) if what in {"load", "read"} else None

    def _stored(self, turn: Turn, address: int, physical: int, run: Run) -> Breach | None:
        data = _data(turn.args[-1], turn.args[1])
        self._bytes[physical] = data
        if run.ram.read(physical, len(data)) == data:
            return None
        return self._breach(
            "reached",
            "KV-26",
            f"a store to {address:#x} did not reach the frame that the tables name",
            self._cause(address) or "frame-address",
            f"{data.hex()} at {physical:#x}",
            f"{run.ram.read(physical, len(data)).hex()} at {physical:#x}",
        )

    def _loaded(self, turn: Turn, address: int, physical: int) -> Breach | None:
        known = self._bytes.get(physical)
        got = _data(turn.outcome.value, turn.args[1])
        if known is None or len(known) != len(got) or known == got:
            return None
        return self._breach(
            "reached",
            "KV-26",
            f"a load from {address:#x} did not read the frame that the tables name",
            self._cause(address) or "frame-address",
            known.hex(),
            got.hex(),
        )

    def _refused(self, turn: Turn, address: int, *, user: bool, write: bool) -> Breach:
        concept = "user-page" if user else "rights-levels" if write else "identity-missing"
        failure = turn.outcome.failure
        got = sentence(failure) if failure is not None else ""
        problem = f"{turn.hook} at {address:#x} faults, but the page was mapped for it"
        return self._breach(
            "refused", "KV-21", problem, concept, "an access that goes through", got
        )

    def _let_through(
        self, turn: Turn, address: int, model: AddressSpaceModel, *, user: bool
    ) -> Breach:
        stale = self._cause(address)
        if stale:
            gone = model.find(address) is None
            state = "was unmapped" if gone else "may no longer be used like that"
            problem = f"{turn.hook} at {address:#x} still goes through, but the page {state}"
            return self._breach("stale", "KV-26", problem, stale, "a page fault", "no fault")
        concept = "user-access" if user else "stray-mapping"
        problem = f"{turn.hook} at {address:#x} goes through, but must not"
        return self._breach("let-through", "KV-26", problem, concept, "a page fault", "no fault")

    def _cause(self, address: int) -> str:
        """The concept of a translation that outlived its entry; empty if there was no change."""
        page = align_down(address, PAGE_SIZE)
        if page in self._changed:
            return "invlpg-protect"
        return "invlpg-unmap" if page in self._unmapped else ""

    @staticmethod
    def _breach(  # noqa: PLR0913, PLR0917 - the fields of a breach, named once
        rule: str, requirement: str, problem: str, concept: str, expected: str, got: str
    ) -> Breach:
        return Breach(rule, requirement, problem, concept=concept, expected=expected, got=got)


def _data(value: object, size: object) -> bytes:
    """What was stored or loaded, as bytes."""
    if isinstance(value, bytes):
        return value
    return int(value).to_bytes(int(size), "little")  # type: ignore[call-overload, no-any-return]
