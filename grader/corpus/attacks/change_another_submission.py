# attack: put a file beside another submission
# wall: the file system: a root of its own with libraries and nothing else
# kind: reach
# expected_score: 2
"""Put a file beside another submission."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    with open("@COURSE@/submitted/honest/lab1/attack-note", "w", encoding="ascii") as file:
        file.write("here")
    return []
