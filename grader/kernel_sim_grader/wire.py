"""The messages between the grader and a worker: msgspec structures in msgpack, nothing else.

Each request has one kind of answer, decoded by a decoder of just that kind. Values inside stay
plain data until `kernel_sim_grader.plain.restore` has built what the hook's annotation names.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from kernel_sim.checks.accesses import ACCESSES
from kernel_sim.checks.bench import Failure, Operation, Outcome, Run, Scenario
from kernel_sim.hookspecs import FIRST_ANSWER_HOOKS
from kernel_sim.host.results import RESULTS, WrongResult
from kernel_sim.machine.operation_log import Entry
from kernel_sim_grader.plain import MismatchError, extension, flatten, hook_types, restore
from kernel_sim_grader.reported import Reported, failure_of, reported

MAX_LOG_BYTES: Final = 8 << 20
"""A longer log is not taken apart: with one answer come a few hundred kilobytes at most."""


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True, forbid_unknown_fields=True):
    """What crosses the channel."""


class Load(Message, frozen=True):
    """Load a plugin: ``text`` is the content of the file ``name``, which says what it is."""

    name: str
    text: str
    roles: list[str]


class Boot(Message, frozen=True):
    """Boot a new machine.

    With ``shared_ram`` its memory is the file that comes along; with ``logged`` the processor's
    operations are noted.
    """

    scenario: dict[str, Any]
    shared_ram: bool
    logged: bool


class Batch(Message, frozen=True):
    """Call hooks one after another: ``[hook, arguments]`` each."""

    operations: list[tuple[str, list[Any]]]


class Screen(Message, frozen=True):
    """Ask for the text screen."""


class Read(Message, frozen=True):
    """Ask for physical memory, where it is not shared."""

    physical: int
    size_bytes: int


class Loaded(Message, frozen=True):
    """The answer to `Load`."""

    failure: Reported | None


class Booted(Message, frozen=True):
    """The answer to `Boot`; ``log`` is for `entries_of`."""

    failure: Reported | None
    regions: list[Any]
    log: msgspec.Raw


class Results(Message, frozen=True):
    """The answer to `Batch`: one ``[value, failure]`` for each operation, and the log of them."""

    outcomes: list[tuple[Any, Reported | None]]
    log: msgspec.Raw


class Lines(Message, frozen=True):
    """The answer to `Screen`."""

    lines: list[str]


class Data(Message, frozen=True):
    """The answer to `Read`."""

    data: bytes


Request = Load | Boot | Batch | Screen | Read
Answer = Loaded | Booted | Results | Lines | Data
ANSWERS: Final[dict[type[Message], type[Message]]] = {
    Load: Loaded,
    Boot: Booted,
    Batch: Results,
    Screen: Lines,
    Read: Data,
}
_decoders: Final = {
    kind: msgspec.msgpack.Decoder(answer, ext_hook=extension) for kind, answer in ANSWERS.items()
}
_entries: Final = msgspec.msgpack.Decoder(list[tuple[str, list[Any]]], ext_hook=extension)
_requests: Final = msgspec.msgpack.Decoder(Request, ext_hook=extension)


class ProtocolError(Exception):
    """A message that is none."""


def encode(message: Message) -> bytes:
    """``message`` as bytes."""
    return msgspec.msgpack.encode(message)


def decode_request(payload: bytes) -> Request:
    """What the grader asks; it is trusted."""
    request: Request = _requests.decode(payload)
    return request


def decode_answer(payload: bytes, request: Message) -> Any:  # noqa: ANN401 - the kind in ANSWERS
    """The answer to ``request``.

    Raises:
        ProtocolError: the bytes are no such answer.
    """
    try:
        return _decoders[type(request)].decode(payload)
    except (msgspec.MsgspecError, MismatchError, RecursionError, ValueError) as error:
        raise ProtocolError(f"no {ANSWERS[type(request)].__name__}: {error}") from None


def boot_request(scenario: Scenario, *, shared_ram: bool, logged: bool) -> Boot:
    """The request that boots ``scenario``."""
    return Boot(flatten(scenario), shared_ram, logged)


def scenario_of(request: Boot) -> Scenario:
    """The scenario that a boot request holds."""
    scenario: Scenario = restore(request.scenario, Scenario)
    return scenario


def booted_message(run: Run, log: Sequence[Entry]) -> Booted:
    """The answer that tells how a boot went."""
    entries = _packed(log)
    try:
        return Booted(reported(run.booted.failure), flatten(run.regions), entries)
    except (MismatchError, RecursionError) as error:
        failure = Failure("wrong_type", message=f"the table holds {error}")
        return Booted(reported(failure), [], entries)


def batch_request(operations: list[Operation]) -> Batch:
    """The request that calls ``operations``."""
    return Batch([(item.hook, [flatten(value) for value in item.args]) for item in operations])


def operations_of(request: Batch) -> list[Operation]:
    """The operations that a request holds, their arguments of the types that the hooks take."""
    return [_operation(hook, arguments) for hook, arguments in request.operations]


def _operation(hook: str, arguments: list[Any]) -> Operation:
    hints, _ = hook_types(hook)
    pairs = zip(arguments, hints, strict=True)
    return Operation(hook, tuple(restore(value, hint) for value, hint in pairs))


def results(outcomes: list[Outcome], log: Sequence[Entry]) -> Results:
    """The answer that carries ``outcomes``, and the log of what the processor did for them."""
    return Results([_result(outcome) for outcome in outcomes], _packed(log))


def _result(outcome: Outcome) -> tuple[Any, Reported | None]:
    try:
        return flatten(outcome.value), reported(outcome.failure)
    except (MismatchError, RecursionError) as error:
        return None, reported(Failure("wrong_type", message=f"the hook returned {error}"))


def outcomes_of(answer: Results, operations: list[Operation]) -> list[Outcome]:
    """What the worker says of each operation, its value of the type the hook promises.

    Raises:
        ProtocolError: there are more or fewer outcomes than operations.
        MismatchError: a failure is of no known kind.
    """
    if len(answer.outcomes) != len(operations):
        raise ProtocolError(f"{len(answer.outcomes)} results of {len(operations)} operations")
    return [
        _outcome(operation.hook, value, failure)
        for operation, (value, failure) in zip(operations, answer.outcomes, strict=True)
    ]


def _outcome(hook: str, value: Any, failure: Reported | None) -> Outcome:  # noqa: ANN401
    if failure is not None:
        return Outcome(failure=failure_of(failure))
    try:
        return Outcome(believed(value, hook))
    except MismatchError as error:
        return Outcome(failure=Failure("wrong_type", message=f"{hook} returned {error}", hook=hook))


def believed(value: Any, hook: str) -> Any:  # noqa: ANN401 - typed by the hook
    """What a worker says that ``hook`` returned, if the contract allows it.

    The plugin host has judged it in the worker, whose word counts for nothing, so it is judged
    here again.

    Raises:
        MismatchError: the contract does not.
    """
    if value is None and (hook in FIRST_ANSWER_HOOKS or hook in ACCESSES):
        return None
    if hook in ACCESSES:
        if type(value) is not ACCESSES[hook].result:
            raise MismatchError(f"{type(value).__name__}, which no access gives")
        return value
    try:
        return RESULTS[hook](restore(value, hook_types(hook)[1]))
    except WrongResult as error:
        raise MismatchError(str(error)) from None


def _packed(log: Sequence[Entry]) -> msgspec.Raw:
    """Entries of a log as bytes."""
    try:
        return msgspec.Raw(msgspec.msgpack.encode(log))
    except (OverflowError, UnicodeEncodeError):  # what msgpack does not know has to be marked
        return msgspec.Raw(msgspec.msgpack.encode(flatten(log)))


def entries_of(log: msgspec.Raw) -> list[tuple[str, list[Any]]]:
    """The entries of a log: a name and its arguments each.

    Raises:
        ProtocolError: it holds something else, or far more than a kernel does.
    """
    size_bytes = memoryview(log).nbytes
    if size_bytes > MAX_LOG_BYTES:
        raise ProtocolError(f"a log of {size_bytes} bytes; the limit is {MAX_LOG_BYTES}")
    try:
        return _entries.decode(log)
    except (msgspec.MsgspecError, MismatchError, RecursionError, ValueError) as error:
        raise ProtocolError(f"no log: {error}") from None
