"""Kill the grader, a judge, a zygote or a worker at random moments: ``kills.py MOMENTS [SEED]``.

After each kill the class is graded again where that is needed; then every grade has to be there
once and equal the undisturbed run's, and no process may be left. Linux only.
"""

import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from kernel_sim_grader.class_grading import Means, grade_class
from kernel_sim_grader.class_recorder import recorder
from kernel_sim_grader.grading import end_workers

CLASS = import_module("class_folder")  # beside this script
REAL = ("wrong/acpi_available",)
QUICK = ("raise SystemExit", "import os\nos._exit(3)", "1 / 0")


def make_class(folder):
    """One answer whose checks take half a second, and some that are judged at once."""
    room, released = CLASS.released_class(folder)
    CLASS.hand_in_corpus(room, released, REAL)
    for number, source in enumerate(QUICK):
        CLASS.hand_in_text(room, released, f"quick-{number}", source)
    return room


def graded_by_fork(room, jobs):
    """The process id of a fork of this warm process that grades the whole class again."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        result = grade_class(room, Means(jobs), sandbox=SANDBOX, force=True)
        status = 3 if result.errored else 0
    finally:
        end_workers()
        os._exit(status)


def descendants(pid):
    """All processes that ``pid`` started and that those started."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += [child, *descendants(child)]
    return found


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_something(grader, chance):
    """Kill the grader or one of its descendants; its name, and all that there were."""
    others = descendants(grader)
    victim = grader if not others or chance.random() < 0.4 else chance.choice(others)
    name = "grader" if victim == grader else command_of(victim)
    with contextlib.suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    return name, others


def command_of(pid):
    """What a descendant is: the warm judge process or a fork of it, a zygote, a worker."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return "ended"
    kind = "judge" if "kernel_sim_grader.judge" in words else "worker"
    return kind if descendants(pid) else f"{kind} without children"


def one_moment(room, jobs, longest, chance):
    """One disturbed run, and what is needed after it; what was killed when, and what is wrong."""
    grader = graded_by_fork(room, jobs)
    moment = chance.uniform(0, longest)
    time.sleep(moment)
    name, others = kill_something(grader, chance)
    status = os.waitpid(grader, 0)[1]
    until = time.monotonic() + 10
    while (left := [pid for pid in others if is_alive(pid)]) and time.monotonic() < until:
        time.sleep(0.01)
    if status:
        grade_class(room, sandbox=SANDBOX)
        end_workers()
    return f"{jobs} jobs, after {moment:4.2f} s: {name}", [f"left behind: {left}"] if left else []


def main(moments, seed):
    """Kill ``moments`` times; 1 if something came out otherwise than undisturbed."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        room = make_class(Path(folder))
        grade_class(room, sandbox=SANDBOX)
        end_workers()
        expected = CLASS.snapshot(room.course)
        longest = {1: 2.0, 2: 4.0}
        chance = random.Random(seed)
        for number in range(moments):
            jobs = 1 + number % 2
            said, problems = one_moment(room, jobs, longest[jobs], chance)
            found = CLASS.snapshot(room.course)
            problems += [f"{part} differ" for part in expected if found[part] != expected[part]]
            sys.stdout.write(f"{said}: {'; '.join(problems) or 'as undisturbed'}\n")
            sys.stdout.flush()
            wrong += problems
    return bool(wrong)


SANDBOX = os.environ.get("KSIM_SANDBOX", "auto")
if __name__ == "__main__":
    assert recorder  # imported before the first fork
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
