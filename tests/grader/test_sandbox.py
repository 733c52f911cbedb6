"""The walls of the sandbox: each is tried by a worker, alone and all together."""

import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import kernel_sim_kernel_v.memmap as reference
from kernel_sim.checks.bench import Scenario
from kernel_sim.errors import InputError
from kernel_sim.machine import machine_spec
from kernel_sim_grader.isolation import Limits
from kernel_sim_grader.sandbox import modes
from kernel_sim_grader.sandbox.attempts import MARK
from kernel_sim_grader.sandbox.doctor import diagnose
from kernel_sim_grader.sandbox.file_system import SCRATCH_FOLDERS, scratch_folder
from kernel_sim_grader.sandbox.system_call_filter import (
    ALLOW,
    ARCHITECTURES,
    KILL_PROCESS,
    REFUSE,
    instructions,
)
from kernel_sim_grader.sandbox.system_call_numbers import IOCTL, allowed_numbers
from kernel_sim_grader.sandbox.visible import visible_files
from kernel_sim_grader.sandbox.wall_error import WallError
from kernel_sim_grader.seeds import make_secret
from kernel_sim_grader.worker_bench import PluginText, WorkerBench
from kernel_sim_grader.worker_sources import worker_source

ROLES = ("memmap",)
LIMITS = Limits(cpu_seconds=4, request_seconds=2.0, load_seconds=6.0)
REFERENCE = Path(reference.__file__).read_text(encoding="utf-8")
NAMES = {"x86_64": "x86_64-linux-gnu/asm/unistd_64.h", "aarch64": "asm-generic/unistd.h"}
UNSHARE = shutil.which("unshare")
NEVER = "socket connect bind clone clone3 fork vfork execve execveat ptrace mount umount2 unshare"
NEVER += " setns bpf keyctl add_key io_uring_setup perf_event_open memfd_create shmget mq_open"
NEVER += " process_vm_readv process_vm_writev userfaultfd pivot_root chroot mknod init_module"
NEVER += " prctl seccomp setuid setgid setresuid capset mount_setattr move_mount open_tree"


def _missing():
    """Why no worker can be isolated here, or nothing."""
    if sys.platform != "linux":
        return "namespaces are Linux's"
    try:
        worker_source(ROLES, LIMITS, "auto").close()
    except InputError as error:
        return str(error)
    return ""


MISSING = _missing()
walled = pytest.mark.skipif(bool(MISSING), reason=MISSING)
linux = pytest.mark.skipif(sys.platform != "linux", reason="system calls are Linux's")


@pytest.fixture(scope="module")
def source():
    workers = worker_source(ROLES, LIMITS, "auto")
    yield workers
    workers.close()


def answer(source, *lines):
    """What a plugin says that runs ``lines`` as it is loaded and calls ``say``."""
    text = "def say(what):\n    raise ValueError('said: ' + str(what))\n" + "\n".join(lines)
    bench = WorkerBench(source, PluginText("answer.py", text, ROLES))
    bench.close()
    return bench.loaded.failure.message.partition("said: ")[2]


@pytest.fixture(scope="module")
def diagnosis():
    return diagnose("auto")


@walled
def test_every_wall_stands(diagnosis):
    assert [item for item in diagnosis.walls if not item.stands] == []
    assert diagnosis.all_stand
    assert (diagnosis.sandbox, diagnosis.refusal) == ("namespaces", "")
    assert {item.wall for item in diagnosis.walls} > {"net namespace", "file system", "limits"}


@linux
@pytest.mark.skipif(platform.machine() not in ARCHITECTURES, reason="no table for this machine")
def test_the_doctor_sees_what_is_open_where_nothing_is_walled():
    found = {(item.wall, item.tried): item for item in diagnose("none").walls}
    opened = {key for key, item in found.items() if not item.stands}
    assert opened >= {
        ("pid namespace", "signal the grader"),
        ("ipc namespace", "open shared memory"),
        ("net namespace", "connect to a port"),
        ("net namespace", "connect to a socket"),
        ("file system", "read a file of outside"),
        ("file system", "write beside it"),
        ("file system", "read lab1.py"),
        ("file system", "run a program"),
        ("system calls", "socket"),
    }
    assert found["limits", "use 1 GiB of memory"].stands


@walled
def test_a_kernel_boots_behind_the_walls(source):
    bench = WorkerBench(source, PluginText("answer.py", REFERENCE, ROLES))
    run = bench.boot(Scenario(machine_spec("pc128")))
    assert run.booted.ok
    assert run.ram.load(0x2000, 4) == run.boot_info.table
    bench.close()


@walled
def test_a_worker_sees_itself_as_the_first_process_of_a_nameless_user(source):
    line = "say((os.getpid(), os.getuid(), os.getgroups(), os.uname().nodename, os.getppid()))"
    assert answer(source, "import os", line) == "(1, 1000, [], 'worker', 0)"


@walled
def test_the_root_holds_libraries_and_nothing_else(source):
    seen = answer(
        source,
        "import os",
        "say(sorted(os.path.join(where, name) for where, _, names in os.walk('/')"
        " for name in names if not name.endswith(('.py', '.pyc', '.so')))[:5000])",
    )
    paths = re.findall(r"'(/[^']+)'", seen)
    assert paths
    assert not [path for path in paths if re.search(r"course_secret|gradebook|/bin/|^/proc/", path)]


@walled
def test_nothing_of_the_grader_s_can_be_found(source):
    line = "say([p for p, _, _ in os.walk('/') if 'kernel_sim_grader' in p or 'corpus' in p])"
    assert answer(source, "import os", line) == "[]"


@walled
def test_the_graded_reference_and_the_models_are_no_files(source):
    lines = [
        "import os, kernel_sim, kernel_sim_kernel_v",
        "found = [os.path.join(where, name) for package in (kernel_sim, kernel_sim_kernel_v)",
        "         for where, _, names in os.walk(package.__path__[0]) for name in names]",
        "say([name for name in found if 'memmap.' in name or 'parser_model' in name])",
    ]
    assert answer(source, *lines) == "[]"


@walled
def test_scratch_is_empty_at_first_and_each_worker_s_own(source):
    lines = [
        "import os, tempfile",
        "before = os.listdir(tempfile.gettempdir())",
        "tempfile.mkstemp()",
        "say((before, len(os.listdir(tempfile.gettempdir()))))",
    ]
    assert [answer(source, *lines) for _ in range(2)] == ["([], 1)"] * 2


@walled
@pytest.mark.parametrize("name", ["numpy", "rich.table", "pluggy", "decimal", "sqlite3", "ctypes"])
def test_what_students_import_is_there(source, name):
    pytest.importorskip(name)
    assert answer(source, f"import {name}", "say('imported')") == "imported"


@walled
def test_a_null_device_is_there_and_nothing_else_is(source):
    line = "say((sorted(os.listdir('/dev')), open('/dev/null', 'w').write('abc')))"
    assert answer(source, "import os", line) == "(['null', 'urandom', 'zero'], 3)"


@walled
def test_an_isolated_worker_costs_little_more_than_a_fork(source):
    def median(workers):
        taken = []
        for _ in range(21):
            start = time.perf_counter()
            workers.start().end()
            taken.append(time.perf_counter() - start)
        return sorted(taken)[10]

    plain = worker_source(ROLES, LIMITS)
    try:
        without, within = median(plain), median(source)
    finally:
        plain.close()
    assert within < 6 * without


@walled
@pytest.mark.skipif(not MISSING and os.geteuid() != 0, reason="is an ordinary user's run already")
def test_an_ordinary_user_has_the_same_walls(tmp_path):
    here = sys.version_info[:2]
    same = f"/usr/bin/python{here[0]}.{here[1]}"
    for python in (sys.executable, same):
        command = [python, "-P", "-c", "from kernel_sim.cli.main import main; main()"]
        try:
            result = subprocess.run(
                [*command, "doctor", "--json"],
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "HOME": str(tmp_path)},
                user=65534,
                group=65534,
                extra_groups=[],
            )
        except OSError:
            continue
        if "No module named" not in result.stderr:
            break
    else:
        pytest.skip("no interpreter here can be run by another user")
    document = json.loads(result.stdout)
    assert [item for item in document["walls"] if not item["stands"]] == []
    assert (document["sandbox"], document["refusal"]) == ("namespaces", "")


def in_a_namespace_without_more_users(*command):
    """Run ``command`` where no further user namespace can be made: the limit counts from here."""
    limit = "echo 0 > /proc/sys/user/max_user_namespaces"
    python = f"{sys.executable} -P -c 'from kernel_sim.cli.main import main; main()'"
    return subprocess.run(
        [UNSHARE, "-Ur", "/bin/sh", "-c", f"{limit} && {python} {' '.join(command)}"],
        capture_output=True,
        text=True,
        check=False,
    )


@walled
@pytest.mark.skipif(UNSHARE is None, reason="unshare(1) is not installed")
def test_where_there_is_no_isolation_grading_refuses_with_one_line(tmp_path):
    hand_in(tmp_path)
    refused = in_a_namespace_without_more_users("grade", "lab1", "--course", str(tmp_path))
    assert (refused.returncode, refused.stdout) == (2, "")
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("ksim: ")]
    assert "namespaces" in line
    assert "--sandbox none" in line
    assert not (tmp_path / "autograded").exists()
    doctor = in_a_namespace_without_more_users("doctor", "--json")
    document = json.loads(doctor.stdout)
    assert (doctor.returncode, document["sandbox"]) == (1, "none")
    assert [item["stands"] for item in document["walls"]] == [False]


def hand_in(course):
    (course / "nbgrader_config.py").write_text("c = get_config()\n", encoding="utf-8")
    make_secret(course)
    answer = course / "submitted" / "somebody" / "lab1" / "lab1.ipynb"
    answer.parent.mkdir(parents=True)
    answer.write_text("{}", encoding="utf-8")


# --- what needs no namespace ----------------------------------------------------------------------


def test_a_platform_without_namespaces_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(InputError) as caught:
        modes.chosen("auto")
    assert "can't be isolated" in str(caught.value)
    assert "--sandbox none" in str(caught.value)
    assert modes.chosen("none") == "none"


def test_an_unknown_mode_is_answered_with_the_nearest():
    with pytest.raises(InputError) as caught:
        modes.chosen("non")
    assert "none" in str(caught.value)


def run_filter(machine, number, argument=0, architecture=None):
    """The filter's answer to a system call, its program interpreted here."""
    data = {0: number, 4: architecture or ARCHITECTURES[machine], 24: argument}
    program = instructions(machine)
    value = place = 0
    while True:
        code, if_true, if_false, constant = program[place]
        place += 1
        if code == 0x20:
            value = data[constant]
        elif code == 0x15:
            place += if_true if value == constant else if_false
        else:
            return constant


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_the_filter_lets_through_what_is_listed_and_nothing_else(machine):
    listed = set(allowed_numbers(machine).values())
    for number in range(600):
        if number == IOCTL[machine]:
            continue
        assert run_filter(machine, number) == (ALLOW if number in listed else REFUSE), number
    assert run_filter(machine, 0x4000_0000) == REFUSE
    assert run_filter(machine, IOCTL[machine], 0x5401) == ALLOW
    assert run_filter(machine, IOCTL[machine], 0x5412) == REFUSE
    assert run_filter(machine, 0, architecture=0x4000_0003) == KILL_PROCESS


@pytest.mark.parametrize("machine", sorted(ARCHITECTURES))
def test_what_opens_a_way_out_is_not_listed(machine):
    assert not set(NEVER.split()) & allowed_numbers(machine).keys()


@linux
@pytest.mark.parametrize("machine", sorted(NAMES))
def test_the_table_says_the_same_as_the_kernel_s_own(machine):
    header = Path("/usr/include", NAMES[machine])
    if not header.is_file():
        pytest.skip(f"{header} is not installed")
    pairs = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", header.read_text("ascii"))
    theirs = {name: int(number) for name, number in pairs}
    theirs.setdefault("newfstatat", theirs.get("fstatat", 0))
    ours = allowed_numbers(machine)
    assert ours == {name: theirs[name] for name in ours}


@linux
def test_neither_the_grader_nor_what_is_forbidden_is_visible():
    seen = visible_files(["kernel_sim_kernel_v.memmap"])
    paths = list(seen.every_path())
    assert not [path for path in paths if "kernel_sim_grader" in path]
    assert {"memmap"} in seen.copied.values()
    own = [Path(path).name for path in seen.copied]
    assert {"kernel_sim", "kernel_sim_kernel_v"} <= set(own)
    assert not set(seen.within) & seen.copied.keys()


def test_the_scratch_folder_hides_nothing_that_must_be_seen():
    first, second = SCRATCH_FOLDERS
    assert scratch_folder(["/usr/lib", "/opt/kernel_sim"]) == first
    assert scratch_folder(["/usr/lib", f"{first}/me/kernel_sim"]) == second
    with pytest.raises(WallError):
        scratch_folder([f"{first}/a", f"{second}/b"])


def test_what_a_probe_says_can_be_told_from_any_other_failure():
    assert MARK.strip() not in REFERENCE
