# attack: climb out of the root by relative paths and the roots of processes
# wall: the file system: a root of its own with libraries and nothing else
# kind: read
# expected_score: 2
"""Climb out of the root by relative paths and the roots of processes."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    found = []
    for start in ("/../../../../..", "/proc/1/root", "/proc/self/cwd", "/proc/self/fd/3/../.."):
        try:
            with open(start + "@COURSE@/course_secret", encoding="ascii") as file:
                found.append(file.read())
        except OSError:
            continue
    raise ValueError("LOOT " + " ".join(found))
