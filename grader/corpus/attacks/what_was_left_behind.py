# attack: leave a note for the next worker, and look for one
# wall: scratch is each worker's own
# kind: read
# expected_score: 2
"""Leave a note for the next worker, and look for one."""

import os
import tempfile

from kernel_sim import hookimpl

LEFT = []


@hookimpl
def parse_memory_map(kernel, boot_info):
    note = os.path.join(tempfile.gettempdir(), "attack-note")
    if os.path.exists(note) and not LEFT:
        raise ValueError("LOOT a note of another worker's")
    LEFT.append(note)
    with open(note, "w", encoding="ascii") as file:
        file.write("seen")
    return []
