"""The meter counts touches and walks, and leaves no trace behind."""

from kernel_sim.boot import boot
from kernel_sim.inspection import metered


def test_it_counts_loads_stores_and_walks():
    run = boot(machine="pc4")
    cpu = run.machine.cpu
    cpu.invlpg(0x10_0000)
    with metered(run.machine) as meter:
        cpu.load(0x10_0000, 4)
        cpu.load(0x10_0004, 4)
        cpu.store(0x10_0008, 4, 1)
        cpu.read(0x10_0000, 64)
    assert meter.touches == 4
    assert meter.walks == 1, "the TLB has the rest"


def test_afterwards_the_processor_is_as_it_was():
    run = boot(machine="pc4")
    before = dict(vars(run.machine.cpu)), dict(vars(run.machine.cpu.mmu))
    with metered(run.machine) as meter:
        run.machine.cpu.load(0x10_0000, 4)
    counted = meter.touches
    run.machine.cpu.load(0x10_0000, 4)
    assert meter.touches == counted == 1
    assert (vars(run.machine.cpu).keys(), vars(run.machine.cpu.mmu).keys()) == (
        before[0].keys(),
        before[1].keys(),
    )
