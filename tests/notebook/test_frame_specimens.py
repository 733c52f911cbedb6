"""The allocator of Lab 2's experiment: right until somebody gives a frame back twice."""

from kernel_sim import RegionKind
from kernel_sim.notebook import boot
from kernel_sim.notebook.booting import Booted
from kernel_sim.notebook.frame_specimens import FreeList


def booted(machine: str = "pc4") -> Booted:
    return boot(machine, until="pmm", show=False, pmm=FreeList())


def test_it_hands_out_each_frame_of_the_largest_region_once_and_then_none():
    machine = booted()
    free = machine.call("pmm_stats").free
    frames = [machine.call("pmm_alloc_frame") for _ in range(free)]
    assert len(set(frames)) == free == 736
    assert {frame % 4096 for frame in frames} == {0}
    assert machine.call("pmm_alloc_frame") is None
    assert machine.call("pmm_stats").free == 0


def test_what_was_given_back_last_comes_first():
    machine = booted()
    first, second, _ = (machine.call("pmm_alloc_frame") for _ in range(3))
    machine.call("pmm_free_frame", first)
    machine.call("pmm_free_frame", second)
    assert [machine.call("pmm_alloc_frame") for _ in range(2)] == [second, first]


def test_a_frame_given_back_twice_comes_for_ever():
    machine = booted()
    frame = machine.call("pmm_alloc_frame")
    machine.call("pmm_free_frame", frame)
    machine.call("pmm_free_frame", frame)
    assert [machine.call("pmm_alloc_frame") for _ in range(5)] == [frame] * 5


def test_on_an_untidy_machine_its_frames_are_whole_and_behind_what_is_reserved():
    machine = booted("pc-nasty")
    frame = machine.call("pmm_alloc_frame")
    assert frame % 4096 == 0
    (region,) = [r for r in machine.regions if r.base <= frame < r.end]
    assert region.kind is RegionKind.AVAILABLE
    assert frame >= 0x10_0000
