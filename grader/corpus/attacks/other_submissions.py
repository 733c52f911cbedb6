# attack: read what others have handed in
# wall: the file system: a root of its own with libraries and nothing else
# kind: read
# expected_score: 2
"""Read what others have handed in."""

import os

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    found = []
    for where, _, names in os.walk("@COURSE@/submitted"):
        found += [os.path.join(where, name) for name in names]
    raise ValueError("LOOT " + " ".join(found))
