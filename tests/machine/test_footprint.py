"""A large machine costs what is touched, not what is installed."""

import subprocess
import sys

import pytest

resource = pytest.importorskip("resource", reason="this platform does not tell a process's memory")

BOOT = """
import resource, sys
from kernel_sim.boot import boot
from kernel_sim.machine import FirmwareEntry, MachineSpec
GIB = 1 << 30
entries = (
    FirmwareEntry(0, 0x9FC00, 1),
    FirmwareEntry(0xF0000, 0x10000, 2),
    FirmwareEntry(0x100000, 3 * GIB - 0x100000, 1),
    FirmwareEntry(4 * GIB, 61 * GIB, 1),
)
result = boot("kernel-v", MachineSpec("big", 64 * GIB, "e820", entries))
assert result.ok, result.oops
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def test_a_machine_of_64_gib_boots_with_less_than_60_mib_resident():
    done = subprocess.run([sys.executable, "-c", BOOT], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60 << 20
