"""Grade COUNT submissions in one run: memory stays flat, nothing is left behind: ``many.py COUNT``.

One answer in ten is a real one, the others end at once, so that what grading itself does is what is
repeated. Linux only.
"""

import os
import sys
import tempfile
import time
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from kernel_sim_grader.class_grading import Means, grade_class
from kernel_sim_grader.grading import end_workers

CLASS = import_module("class_folder")  # beside this script
SANDBOX = os.environ.get("KSIM_SANDBOX", "auto")
QUICK = ("raise SystemExit", "import os\nos._exit(3)", "1 / 0")
MOST_GROWTH = 1.10
"""Memory at the end, over memory after a fifth of the submissions."""
PLACES = ("/tmp", "/dev/shm")  # noqa: S108 - looked at, not written to


def make_class(folder, count):
    room, released = CLASS.released_class(folder)
    for number in range(count):
        if number % 10:
            text = f"# {number}\n{QUICK[number % len(QUICK)]}"
            CLASS.hand_in_text(room, released, f"student-{number:04}", text)
    CLASS.hand_in_corpus(room, released, ["wrong/acpi_available"] * len(range(0, count, 10)))
    return room


def tree(pid):
    """``pid`` and all that it started and that those started."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, task.read_text().split()):
                found += tree(child)
    return found


def resident(pid):
    """Memory that ``pid`` alone would give back, and its share of the rest, in bytes."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class Meter:
    """Memory of the whole grader, and of the grader alone, as submissions are done."""

    def __init__(self):
        self.points = []

    def __call__(self, _name):
        self.points.append((resident(os.getpid()), len(list(Path("/proc/self/fd").iterdir()))))

    def growth(self):
        """Memory, and open files: in the last tenth, over the tenth after the first fifth."""
        tenth = max(1, len(self.points) // 10)
        early, late = self.points[2 * tenth : 3 * tenth], self.points[-tenth:]
        return [max(p[k] for p in late) / max(p[k] for p in early) for k in (0, 1)]


def left_in(places):
    """What lies in the places where something could be left."""
    return {str(path) for place in places for path in Path(place).glob("*")}


def main(count):
    """1 if memory grew or something was left."""
    with tempfile.TemporaryDirectory() as folder:
        room = make_class(Path(folder), count)
        before, meter, started = left_in(PLACES), Meter(), time.monotonic()
        result = grade_class(room, Means(2), sandbox=SANDBOX, on_done=meter)
        seconds = time.monotonic() - started
        end_workers()
        again = grade_class(room, Means(2), sandbox=SANDBOX)
        end_workers()
        processes = tree(os.getpid())[1:]
        left = {path for path in left_in(PLACES) - before if "ksim" in path or "kernel" in path}
    memory, files = meter.growth()
    facts = [
        (f"{len(result.graded)} graded in {seconds:.0f} s", len(result.graded) == count),
        (f"{len(again.skipped)} unchanged in the next run", len(again.skipped) == count),
        (f"memory of the writer x {memory:.3f}", memory <= MOST_GROWTH),
        (f"open files x {files:.3f}", files <= 1.0),
        (f"processes left: {len(processes)}", not processes),
        (f"files left: {len(left)}", not left),
    ]
    for words, is_right in facts:
        sys.stdout.write(f"{'ok   ' if is_right else 'WRONG'} {words}\n")
    return not all(is_right for _, is_right in facts)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
