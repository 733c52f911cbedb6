"""The student's side of the boundary: loads a plugin, boots machines, answers in plain data.

Run by the grader as ``python -m kernel_sim_grader.worker MODE FD ROLES LIMITS``. MODE ``walled``
forks workers with all walls of the sandbox round each, ``unfiltered`` with all but the filter of
system calls (for `ksim doctor`), ``zygote`` without (Linux); ``worker`` serves one channel,
``shared`` gets its channel on standard input (Windows). Nothing here knows a hidden check, a seed
of the course, or a reference of a graded role.
"""

import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from types import ModuleType
from typing import Final

import msgspec

from kernel_sim import checks
from kernel_sim.checks.bench import Run
from kernel_sim.checks.local_bench import CHECK_BUDGET, LocalBench
from kernel_sim.host.budget import Budget
from kernel_sim.loading import ENTRY_POINT_GROUP, LOAD_BUDGET, load_text
from kernel_sim.machine import Ram, ram_for
from kernel_sim.machine.operation_log import Entry, OperationLog
from kernel_sim.profiles import profile, profile_names
from kernel_sim_grader import wire
from kernel_sim_grader.frames import EndOfStream, receive_with_descriptor, send_frame
from kernel_sim_grader.isolation import Limits, isolate
from kernel_sim_grader.reported import reported
from kernel_sim_grader.sandbox.wall_error import WallError
from kernel_sim_grader.sandbox.walls import LastWall, fork_isolated, wall_in
from kernel_sim_grader.signal_timer import SignalTimer
from kernel_sim_grader.zygote import fork_plainly, refuse, run_zygote

HIDDEN_MODULES: Final = (
    "kernel_sim_grader.build",
    "kernel_sim_grader.checks",
    "kernel_sim_grader.corpus",
    "kernel_sim_grader.course",
)


class Server:
    """Answers one grader's requests about one plugin."""

    def __init__(self) -> None:
        self._bench: LocalBench | None = None
        self._run: Run | None = None
        self._ram: Ram | None = None
        self._log: OperationLog | None = None

    def answer(self, request: wire.Request, descriptor: int | None) -> wire.Message:
        """What ``request`` asks for; ``descriptor`` is the shared memory of a boot."""
        if isinstance(request, wire.Load):
            return self._load(request)
        if isinstance(request, wire.Boot):
            return self._boot(request, descriptor)
        if self._run is None:
            raise wire.ProtocolError("nothing is booted")
        if isinstance(request, wire.Batch):
            outcomes = self._run.batch(wire.operations_of(request))
            return wire.results(outcomes, self._taken())
        if isinstance(request, wire.Screen):
            return wire.Lines(self._run.screen())
        return wire.Data(self._run.ram.read(request.physical, request.size_bytes))

    def _taken(self) -> list[Entry]:
        """The log since the last answer; empty where none is kept."""
        return self._log.take() if self._log is not None else []

    def _load(self, request: wire.Load) -> wire.Loaded:
        plugin = load_text(request.text, request.name, in_worker(LOAD_BUDGET))
        self._bench = LocalBench(plugin, request.roles, in_worker(CHECK_BUDGET))
        return wire.Loaded(reported(self._bench.loaded.failure))

    def _boot(self, request: wire.Boot, descriptor: int | None) -> wire.Booted:
        if self._bench is None:
            raise wire.ProtocolError("nothing is loaded")
        scenario = wire.scenario_of(request)
        self._run = self._ram = None
        if descriptor is not None:
            self._ram = ram_for(scenario.machine, seed=scenario.seed, fd=descriptor)
            os.close(descriptor)
        self._log = OperationLog() if request.logged else None
        self._run = self._bench.boot(scenario, ram=self._ram, log=self._log)
        return wire.booted_message(self._run, self._taken())


def in_worker(budget: Budget) -> Budget:
    """``budget``, its time kept without a thread where there are signals."""
    return replace(budget, timer=SignalTimer()) if hasattr(signal, "setitimer") else budget


def serve(channel: int, limits: Limits, forbidden: tuple[str, ...]) -> None:
    """Isolate this process and answer requests on the open file ``channel`` until it is closed."""
    isolate([channel], limits, forbidden)
    answer_all(channel)


def answer_all(channel: int) -> None:
    """Answer requests on the open file ``channel`` until it is closed."""
    connection = socket.socket(fileno=channel)
    server = Server()
    with contextlib.suppress(EndOfStream):
        while True:
            payload, descriptor = receive_with_descriptor(connection)
            answer = server.answer(wire.decode_request(payload), descriptor)
            send_frame(connection, wire.encode(answer))


def warm_up(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Import what every submission uses; the modules that none may import.

    Those are the graded roles' references, with what only they use and what could stand in their
    place, and the checks with their models of a right answer.
    """
    forbidden = set(HIDDEN_MODULES) | (check_modules() - set(sys.modules))
    import_module("kernel_sim.notebook")  # every lab's first cell imports it
    packages: set[str] = set()
    for name in profile_names():
        kernel = profile(name)
        parts = [(extra.part_of, extra.plugin) for extra in kernel.extras]
        for role, plugin in (*kernel.roles.items(), *parts):
            module = reference_module(plugin)
            packages.add(module.rpartition(".")[0])
            if role in roles:
                forbidden.add(module)
            else:
                import_module(module)
    for package in packages:
        forbidden |= modules_of(import_module(package)) - set(sys.modules)
    return tuple(sorted(forbidden))


def check_modules() -> set[str]:
    """The modules of the public checks."""
    return modules_of(checks)


def modules_of(package: ModuleType) -> set[str]:
    """The full names of the modules in a package."""
    return {f"{package.__name__}.{item.name}" for item in iter_modules(package.__path__)}


def reference_module(plugin: str) -> str:
    """The module of the reference plugin that an entry point names."""
    (point,) = entry_points(group=ENTRY_POINT_GROUP, name=plugin)
    return point.module


def run_walled_zygote(
    control: socket.socket, limits: Limits, forbidden: tuple[str, ...], *, filtered: bool
) -> None:
    """Fork workers from inside the sandbox, or say which of its walls does not stand.

    Not ``filtered``, they may make any system call: so the other walls can be tried alone.
    """

    def fork(channel: int) -> int:
        def serve_isolated(last_wall: LastWall) -> None:
            isolate([channel, last_wall.tell], limits, forbidden)
            last_wall.put_up(filtered=filtered)
            answer_all(channel)

        return fork_isolated(walls, serve_isolated)

    try:
        walls = wall_in(forbidden)
        try_one(fork)
    except WallError as error:
        refuse(control, str(error))
    else:
        run_zygote(control, fork)


def try_one(fork: Callable[[int], int]) -> None:
    """Fork a worker that is asked nothing.

    Raises:
        WallError: a wall does not stand.
    """
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = fork(theirs.fileno())
    os.waitpid(pid, 0)


def main(arguments: list[str]) -> None:
    """Run the mode that the command line names."""
    mode, descriptor, role_names, options = arguments
    roles = tuple(filter(None, role_names.split(",")))
    limits = msgspec.json.decode(options, type=Limits)
    forbidden = warm_up(roles)
    if mode in {"walled", "unfiltered"}:
        control = socket.socket(fileno=int(descriptor))
        run_walled_zygote(control, limits, forbidden, filtered=mode == "walled")
    elif mode == "zygote":
        run_zygote(
            socket.socket(fileno=int(descriptor)),
            lambda channel: fork_plainly(channel, lambda kept: serve(kept, limits, forbidden)),
        )
    elif mode == "shared":
        channel = socket.fromshare(sys.stdin.buffer.read())  # type: ignore[attr-defined] # Windows
        serve(channel.detach(), limits, forbidden)
    else:
        serve(int(descriptor), limits, forbidden)


if __name__ == "__main__":
    main(sys.argv[1:])
