from shutil import which

import pytest

from kernel_sim.conformance import campaign
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.qemu_engine import QemuEngine
from kernel_sim.conformance.qemu_process import PROGRAM
from kernel_sim.machine.paging_modes import PAGING_MODES

pytestmark = pytest.mark.skipif(which(PROGRAM) is None, reason=f"{PROGRAM} is not installed")

ACCESSES = 1_000


@pytest.mark.parametrize("mode", PAGING_MODES)
def test_random_accesses_agree_with_qemu_but_for_its_known_divergences(mode):
    emulator = QemuEngine(PAGING_MODES[mode])
    try:
        *_, report = campaign.run(mode, ACCESSES, 2, emulator, ModelEngine())
    finally:
        emulator.close()
    assert report.divergences == []
    assert report.accesses == ACCESSES
    assert 0.2 < report.faults / report.accesses < 0.95
