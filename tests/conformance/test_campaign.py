from importlib.util import find_spec

import pytest

from kernel_sim.conformance import campaign
from kernel_sim.conformance.model_engine import ModelEngine
from kernel_sim.conformance.scene import random_scene
from kernel_sim.conformance.unicorn_engine import UnicornEngine
from kernel_sim.machine.paging_modes import PAGING_MODES

pytestmark = pytest.mark.skipif(
    find_spec("unicorn") is None, reason="Unicorn, the second opinion, is not installed"
)

ACCESSES = 20_000


@pytest.fixture(scope="module", params=list(PAGING_MODES))
def mode(request):
    return request.param


@pytest.fixture(scope="module")
def report(mode):
    emulator = UnicornEngine(PAGING_MODES[mode])
    *_, last = campaign.run(mode, ACCESSES, 1, emulator, ModelEngine())
    return last


def test_random_accesses_agree_with_unicorn_on_fault_value_and_final_memory(report):
    assert report.divergences == []
    assert report.accesses == ACCESSES


def test_the_accesses_both_fault_and_go_through(report):
    assert 0.2 < report.faults / report.accesses < 0.95


def test_a_scene_is_determined_by_its_mode_and_seed(mode):
    assert random_scene(mode, 7) == random_scene(mode, 7)
    assert random_scene(mode, 7) != random_scene(mode, 8)
