"""A plugin in a worker: judged as in process, and ended whatever it does."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

import kernel_sim_kernel_v.memmap as reference
from kernel_sim.checks.bench import Operation, Ref, Scenario
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.run import run_checks
from kernel_sim.loading import load_text
from kernel_sim.machine import machine_spec
from kernel_sim.values import MemoryRegion, RegionKind
from kernel_sim_grader import wire
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.plain import flatten
from kernel_sim_grader.worker_bench import Deaths, PluginText, WorkerBench
from kernel_sim_grader.worker_sources import Spawner, worker_command, worker_source

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and limits are Unix's")

ROLES = ("memmap",)
PC128 = machine_spec("pc128")
MEMMAP_ONLY = Scenario(PC128, until="memmap")
REFERENCE = Path(reference.__file__).read_text(encoding="utf-8")
REGION = MemoryRegion(0, 4096, RegionKind.AVAILABLE, 1)
PROCESSOR_LABS = (("lab3", "paging"), ("lab5", "guard"))
"""Where a log of the processor's operations comes with each answer."""
LIMITS = Limits(cpu_seconds=4, request_seconds=2.0, load_seconds=6.0)


@pytest.fixture(scope="module")
def source():
    workers = worker_source(ROLES, LIMITS)
    yield workers
    workers.close()


@pytest.fixture
def bench(source):
    made = []

    def bench(text, deaths=None):
        made.append(WorkerBench(source, PluginText("answer.py", text, ROLES), deaths))
        return made[-1]

    yield bench
    for item in made:
        item.close()


def hook(*lines):
    body = "".join(f"    {line}\n" for line in lines)
    return f"{REFERENCE}\n@hookimpl\ndef parse_memory_map(kernel, boot_info):\n{body}"


def death(bench, text):
    failure = bench(text).boot(MEMMAP_ONLY).booted.failure
    assert failure.kind == "died"
    return failure.message


def test_a_machine_boots_in_a_worker_as_in_process(bench):
    there = bench(REFERENCE).boot(Scenario(PC128, seed=7))
    here = LocalBench(load_text(REFERENCE, "answer.py"), ROLES).boot(Scenario(PC128, seed=7))
    assert there.booted.ok
    assert there.regions == here.regions
    assert there.boot_info == here.boot_info
    assert there.screen() == here.screen()
    assert there.ram.read(0x2000, 6) == here.ram.read(0x2000, 6)
    with pytest.raises(ValueError, match="not logged"):
        there.events()


def test_memory_is_read_from_the_file_that_both_sides_share(bench):
    run = bench(REFERENCE).boot(Scenario(PC128, until="memmap", seed=3))
    untouched = run.ram.load(0x500_0000, 8)
    assert untouched == LocalBench(load_text(REFERENCE, "a.py"), ROLES).boot(
        Scenario(PC128, until="memmap", seed=3)
    ).ram.load(0x500_0000, 8)
    assert run.ram.load(0x2000, 4) == run.boot_info.table


def test_a_batch_names_earlier_results(bench):
    run = bench(REFERENCE).boot(Scenario(PC128))
    freed = Operation("pmm_free_frame", (Ref(0),))
    first, second, third = run.batch([Operation("pmm_alloc_frame"), freed, freed])
    assert isinstance(first.value, int)
    assert second.ok
    assert (third.failure.kind, third.failure.reason) == ("raised", "DOUBLE_FREE")


def test_globals_of_a_plugin_survive_from_boot_to_boot(bench):
    text = hook("global boots", "boots = globals().get('boots', 0) + 1", "return []") + (
        "\n@hookimpl\ndef describe_region(kernel, region):\n    return str(boots)\n"
    )
    tried = bench(text)
    answers = []
    for _ in range(2):
        run = tried.boot(MEMMAP_ONLY)
        answers.append(run.call("describe_region", REGION).value)
    assert answers == ["1", "2"]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["import os", "os._exit(3)"], "status 3"),
        (["import os", "os._exit(0)"], "ended the process"),
        (["import os", "os.kill(os.getpid(), 11)"], "SIGSEGV"),
        (["import time", "time.sleep(100)"], "no answer within 2 seconds"),
        (["import os", "os.closerange(3, 100)", "return []"], "closed its channel"),
    ],
    ids=["exit 3", "exit 0", "segfault", "sleep", "close"],
)
def test_a_worker_that_ends_or_hangs_is_an_answer_with_its_reason(bench, lines, words):
    assert words in death(bench, hook(*lines))


def test_an_endless_loop_is_a_spent_budget_as_in_process(bench):
    failure = bench(hook("while True: pass")).boot(MEMMAP_ONLY).booted.failure
    assert (failure.kind, failure.hook) == ("budget", "parse_memory_map")


def test_a_loop_that_swallows_everything_is_a_spent_budget_too(bench):
    text = hook(
        "while True:", "    try:", "        while True: pass", "    except BaseException: 0"
    )
    assert bench(text).boot(MEMMAP_ONLY).booted.failure.kind == "budget"


def test_a_loop_that_takes_the_timer_away_is_ended(bench):
    text = hook(
        "import signal", "signal.signal(signal.SIGPROF, signal.SIG_IGN)", "while True: pass"
    )
    assert "no answer" in death(bench, text)


def test_a_memory_eater_gets_no_more_than_its_limit(bench):
    text = hook("eaten = []", "while True: eaten.append(bytearray(1 << 26))")
    failure = bench(text).boot(MEMMAP_ONLY).booted.failure
    assert failure.error == "MemoryError" or "memory" in failure.message


@pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux's")
def test_nothing_that_a_worker_started_outlives_it(bench, tmp_path):
    mark = tmp_path / "pid"
    text = hook(
        "import os, time",
        "if os.fork() == 0:",
        "    os.setsid()",
        f"    open({str(mark)!r}, 'w').write(str(os.getpid()))",
        "    time.sleep(100)",
        f"while not os.path.exists({str(mark)!r}): pass",
        "return []",
    )
    tried = bench(text)
    failure = tried.boot(MEMMAP_ONLY).booted.failure
    if failure is not None and failure.error == "BlockingIOError":
        return
    tried.close()
    pid = int(mark.read_text() or 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    "frame",
    [b"", b"\\xc1", b"\\x92\\xa6Booted\\xc0", b"\\x93\\xa6Booted\\xc0\\x91\\x01", b"\\x91" * 9999],
    ids=["empty", "never", "short", "no regions", "deep"],
)
def test_a_forged_answer_is_never_a_result(bench, frame):
    raw = frame.decode("ascii")
    text = hook(
        "import os",
        f"frame = b'{raw}'",
        "for number in range(3, 64):",
        "    try: os.write(number, len(frame).to_bytes(4, 'big') + frame)",
        "    except OSError: pass",
        "os._exit(0)",
    )
    run = bench(text).boot(MEMMAP_ONLY)
    assert run.booted.failure.kind == "died"
    assert list(run.regions) == []


def test_an_answer_before_the_question_is_refused(bench):
    text = REFERENCE + (
        "\n@hookimpl\ndef describe_region(kernel, region):\n"
        "    import os\n"
        "    for number in range(3, 64):\n"
        "        try: os.write(number, b'\\0\\0\\0\\1\\x90' * 2)\n"
        "        except OSError: pass\n"
        "    return ''\n"
    )
    run = bench(text).boot(MEMMAP_ONLY)
    assert run.booted.failure.kind == "died"


def test_a_frame_without_end_is_refused(bench):
    text = hook(
        "import os",
        "for number in range(3, 64):",
        "    try: os.write(number, b'\\xff' * 4)",
        "    except OSError: pass",
        "return []",
    )
    assert "limit" in death(bench, text)


def test_the_next_boot_after_a_death_is_a_new_worker(bench):
    text = hook(
        "import os",
        "if boot_info.count == 6: os._exit(1)",
        "return []",
    )
    tried = bench(text)
    assert tried.boot(MEMMAP_ONLY).booted.failure.kind == "died"
    assert tried.boot(Scenario(machine_spec("pc-nasty"), until="memmap")).booted.ok


def test_a_death_in_loading_is_not_awaited_twice(bench):
    deaths = Deaths()
    text = "import os\nos._exit(7)"
    first, second = bench(text, deaths), bench(text, deaths)
    assert first.loaded.failure == second.loaded.failure
    assert deaths.count == 1


def test_two_slow_deaths_are_enough(bench):
    tried = bench(hook("import time", "time.sleep(100)"), Deaths())
    start = time.monotonic()
    failures = [tried.boot(MEMMAP_ONLY).booted.failure for _ in range(5)]
    assert {failure.kind for failure in failures} == {"died"}
    assert time.monotonic() - start < 3 * LIMITS.request_seconds


def test_the_graded_reference_and_the_hidden_checks_are_not_there(bench):
    graded, hidden = "kernel_sim_kernel_v.memmap", "kernel_sim_grader.checks.lab1"
    for name in (graded, hidden, "kernel_sim.checks.parser_model", "kernel_sim.checks.lab1"):
        failure = bench(f"import {name}").loaded.failure
        assert (failure.kind, "ModuleNotFoundError" in failure.message) == ("load", True)


def test_the_references_of_other_roles_are_there(bench):
    assert bench(f"import kernel_sim_kernel_v.pmm\n{REFERENCE}").loaded.ok


def test_what_a_lab_s_first_cell_imports_is_there(bench):
    text = f"from kernel_sim.notebook import boot, check, hint, replay, use\n{REFERENCE}"
    assert bench(text).boot(MEMMAP_ONLY).booted.ok


def test_the_environment_and_the_command_line_tell_nothing(monkeypatch):
    for name in ("KSIM_TEST", "HOME", "LANG"):
        monkeypatch.setenv(name, "/secret")
    monkeypatch.setenv("PATH", f"/secret{os.pathsep}{os.environ['PATH']}")
    told = "str(dict(os.environ)) + str(sys.argv) + str(sys.orig_argv)"
    text = REFERENCE + (
        "\nimport os, sys\n@hookimpl\ndef describe_region(kernel, region):\n"
        f"    return 'x' if 'secret' in {told} or 'memmap' in {told} else 'nothing'\n"
    )
    workers = worker_source(ROLES, LIMITS)
    try:
        bench = WorkerBench(workers, PluginText("answer.py", text, ROLES), None)
        run = bench.boot(MEMMAP_ONLY)
        assert run.call("describe_region", REGION).value == "nothing"
        bench.close()
    finally:
        workers.close()


def test_printing_costs_nothing_and_does_not_disturb_the_protocol(bench):
    lines = ["import sys, os", "print('x' * 100000)", "sys.stderr.write('y' * 100000)"]
    lines += ["os.write(1, b'z')", "return []"]
    assert bench(hook(*lines)).boot(MEMMAP_ONLY).booted.ok


def test_an_answer_of_a_wrong_type_is_named(bench):
    failure = bench(hook("return [1]")).boot(MEMMAP_ONLY).booted.failure
    assert (failure.kind, failure.hook) == ("wrong_type", "parse_memory_map")


@pytest.mark.skipif(sys.platform != "linux", reason="the zygote is Linux's")
def test_a_plugin_that_kills_its_zygote_only_harms_itself(bench):
    text = hook("import os, time", "os.kill(os.getppid(), 9)", "time.sleep(1)", "return []")
    assert "SIGKILL" in death(bench, text)
    assert bench(REFERENCE).boot(MEMMAP_ONLY).booted.ok


class Liar:
    """A worker whose every answer is well formed and made up."""

    def __init__(self, seed):
        self.random = Random(seed)
        self.limits = LIMITS

    def start(self):
        return self

    def end(self, patience=0.0):
        pass

    def request(self, payload, _seconds, _descriptors=()):
        request = wire.decode_request(payload)
        if isinstance(request, wire.Load):
            return wire.encode(wire.Loaded(None))
        if isinstance(request, wire.Boot):
            return wire.encode(wire.Booted(None, flatten(self.regions()), self.log()))
        if isinstance(request, wire.Batch):
            answers = [(flatten(self.value(name)), None) for name, _ in request.operations]
            return wire.encode(wire.Results(answers, self.log()))
        raise AssertionError(request)

    def number(self):
        return self.random.choice((0, 1, 4096, 1 << 32, 1 << 64, -1, 1 << 255))

    def log(self):
        made = [[], [["store", [4096, 4, 1]]], [["emit", ["log", {"event": "", "plugin": ""}]]], 7]
        return wire.msgspec.Raw(wire.msgspec.msgpack.encode(self.random.choice(made)))

    def regions(self):
        kinds = [*RegionKind, 9]
        return [
            {
                "base": self.number(),
                "length": self.number(),
                "kind": self.random.choice(kinds),
                "type": self.number(),
            }
            for _ in range(self.random.randrange(6))
        ]

    def value(self, name):
        if name == "parse_memory_map" and self.random.random() < 0.9:
            return self.regions()
        return self.random.choice((None, self.number(), "", "x" * 200, "0x" + "f" * 16))


LIES = [("lab1", ROLES, seed) for seed in range(20)]
LIES += [(lab, (role,), seed) for lab, role in PROCESSOR_LABS for seed in range(5)]


@pytest.mark.parametrize(("lab", "roles", "seed"), LIES)
def test_made_up_answers_earn_nothing_by_breaking_a_check(lab, roles, seed):
    liar, deaths = Liar(seed), Deaths()
    report = run_checks(lab, lambda: WorkerBench(liar, PluginText("a.py", "", roles), deaths), seed)
    assert [item.result.error for item in report.reports if item.result.status == "errored"] == []
    assert report.score < report.max_score / 4


def test_a_worker_on_another_platform_is_a_fresh_interpreter():
    workers = Spawner(ROLES, LIMITS)
    try:
        tried = WorkerBench(workers, PluginText("answer.py", REFERENCE, ROLES))
        assert tried.boot(MEMMAP_ONLY).booted.ok
        hung = WorkerBench(workers, PluginText("a.py", hook("import os", "os._exit(5)"), ROLES))
        assert "status 5" in hung.boot(MEMMAP_ONLY).booted.failure.message
    finally:
        workers.close()


@pytest.mark.skipif(sys.platform != "linux", reason="zygotes are Linux's")
@pytest.mark.parametrize("mode", ["zygote", "walled"])
def test_a_zygote_whose_grader_is_gone_ends_without_a_word(mode):
    ours, theirs = socket.socketpair()
    ours.close()
    with theirs:
        result = subprocess.run(
            worker_command(mode, theirs.fileno(), ("memmap",), Limits()),
            pass_fds=[theirs.fileno()],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert result.stderr == ""
