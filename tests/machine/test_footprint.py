"""A large machine costs what is touched, not what is installed."""

import subprocess
import sys
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
"""Its VmHWM is the process's own peak; ``ru_maxrss`` starts at the parent's."""
pytestmark = pytest.mark.skipif(not STATUS.exists(), reason="needs /proc, which Linux has")

BOOT = """
import re
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
print(1024 * int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]))
"""


def test_a_machine_of_64_gib_boots_with_less_than_60_mib_resident():
    done = subprocess.run([sys.executable, "-c", BOOT], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60 << 20
