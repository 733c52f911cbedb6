"""What Cyrius does not have yet, and the extension lab that builds each of it (MS-32)."""

from typing import Final

FUTURE: Final = {
    "userland paging policy": "Lab E11",
    "per-process permissions": "Lab E11",
    "copy-on-write": "Lab E12",
    "large-page awareness": "Lab E3",
    "telemetry and fragmentation": "Lab E10",
    "cluster-wide pooling": "Lab E16",
}
"""Feature → the lab that it becomes."""
