# attack: read the course's secret, from which the seeds come
# wall: the file system: a root of its own with libraries and nothing else
# kind: read
# expected_score: 2
"""Read the course's secret, from which the seeds come."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    with open("@COURSE@/course_secret", encoding="ascii") as file:
        raise ValueError("LOOT " + file.read())
