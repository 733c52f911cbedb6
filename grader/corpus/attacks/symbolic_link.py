# attack: read the secret through a symbolic link
# wall: the file system: a root of its own with libraries and nothing else
# kind: read
# expected_score: 2
"""Read the secret through a symbolic link."""

import os
import tempfile

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    link = os.path.join(tempfile.mkdtemp(), "link")
    os.symlink("@COURSE@/course_secret", link)
    with open(link, encoding="ascii") as file:
        raise ValueError("LOOT " + file.read())
