# attack: write one's own grade into the gradebook
# wall: the file system: a root of its own with libraries and nothing else
# kind: reach
# expected_score: 2
"""Write one's own grade into the gradebook."""

import sqlite3

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    with sqlite3.connect("file:@COURSE@/gradebook.db?mode=rw", uri=True) as book:
        book.execute("update grade set auto_score = 90")
    return []
