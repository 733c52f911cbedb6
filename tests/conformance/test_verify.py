from dataclasses import replace
from importlib.util import find_spec
from shutil import which

import pytest

from kernel_sim.boot import boot
from kernel_sim.conformance import verify as verify_module
from kernel_sim.conformance.qemu_process import PROGRAM
from kernel_sim.conformance.verify import verify
from kernel_sim.errors import InputError, KernelError
from kernel_sim.inspection import AddressSpace, sweep
from kernel_sim.machine import Machine, machine_spec

ENGINES = [
    pytest.param(
        "unicorn",
        marks=pytest.mark.skipif(find_spec("unicorn") is None, reason="no Unicorn installed"),
    ),
    pytest.param(
        "qemu", marks=pytest.mark.skipif(which(PROGRAM) is None, reason=f"no {PROGRAM} installed")
    ),
]


@pytest.fixture(scope="module")
def booted():
    result = boot("kernel-v", "pc4")
    assert result.ok
    return result.machine


@pytest.mark.parametrize("engine", ENGINES)
def test_an_emulator_sees_the_address_space_that_kernel_v_built(booted, engine):
    *_, report = verify(booted, engine)
    assert report.divergences == []
    mapped = sum(item.length for item in sweep(AddressSpace.of(booted)))
    assert report.pages_checked == mapped // 0x1000 > 900
    assert report.accesses > 50


@pytest.mark.parametrize("engine", ENGINES)
def test_a_page_that_leads_elsewhere_is_reported(booted, engine, monkeypatch):
    def astray(space):
        first, *others = sweep(space)
        return [replace(first, physical=first.physical + 0x1000), *others]

    monkeypatch.setattr(verify_module, "sweep", astray)
    *_, report = verify(booted, engine)
    assert f"leads to {0x2000:#x}, but {engine} finds 0x1000" in report.divergences[0]


@pytest.mark.parametrize("engine", ENGINES)
def test_verifying_leaves_the_machine_as_it_was(booted, engine):
    before = {frame: booted.ram.read(frame << 12, 0x1000) for frame in booted.ram.touched_frames()}
    for _ in verify(booted, engine):
        pass
    after = {frame: booted.ram.read(frame << 12, 0x1000) for frame in booted.ram.touched_frames()}
    assert after == before


def test_an_unknown_engine_is_answered_with_the_known_ones(booted):
    with pytest.raises(InputError, match="expected one of unicorn, qemu"):
        next(verify(booted, "bochs"))


def test_without_paging_there_is_nothing_to_verify():
    machine = Machine(machine_spec("pc4"))
    machine.power_on()
    with pytest.raises(KernelError, match="paging is off"):
        next(verify(machine))
