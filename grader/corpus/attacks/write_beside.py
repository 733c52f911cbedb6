# attack: write a file outside
# wall: the file system: a root of its own with libraries and nothing else
# kind: reach
# expected_score: 2
"""Write a file outside."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    with open("@FOLDER@/written", "w", encoding="ascii") as file:
        file.write("here")
    return []
