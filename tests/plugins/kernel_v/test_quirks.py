"""The quirks of Kernel-V's code: off by default, and what each of them breaks."""

import pytest

from kernel_sim.boot import boot
from kernel_sim.cli.main import run
from kernel_sim.errors import FrameError, InputError, MachineStopped
from kernel_sim.profiles import profile


def quirky(name, machine="pc128", **arguments):
    return boot("kernel-v", machine, config={"quirks": name}, **arguments)


def taken(booted, most=10_000):
    """The frames that are handed out until there are none, ``most`` at most."""
    frames = []
    while len(frames) < most and (frame := booted.call("pmm_alloc_frame")) is not None:
        frames.append(frame)
    return frames


def test_none_is_on_by_default():
    plain, named = boot("kernel-v"), boot("kernel-v", config={"quirks": ""})
    assert plain.machine.trace.hash() == named.machine.trace.hash()
    assert plain.call("pmm_stats").total == 32_639


def test_outward_rounding_finds_a_frame_that_is_partly_somebody_else_s():
    booted = quirky("outward_rounding", until="pmm")
    assert booted.call("pmm_stats").total == 32_640


def test_search_bound_never_finds_the_last_frames():
    plain, booted = boot("kernel-v", "pc4"), quirky("search_bound", "pc4")
    lost = set(taken(plain)) - set(taken(booted))
    total = booted.call("pmm_stats").total
    assert lost == {frame for frame in lost if frame // 4096 >= total}
    assert len(lost) == 97, "96 in the code, which counts one frame too many"
    assert booted.call("pmm_stats").free == 97, "the counter says that there are some"


def test_free_unchecked_hands_a_frame_out_twice_and_loses_count():
    with pytest.raises(FrameError):
        boot("kernel-v").call("pmm_free_frame", 0x5000)
    booted = quirky("free_unchecked")
    before = booted.call("pmm_stats")
    booted.call("pmm_free_frame", 0x5000)
    assert booted.call("pmm_alloc_frame") == 0x5000, "the firmware's table lies there"
    frame = booted.call("pmm_alloc_frame")
    booted.call("pmm_free_frame", frame)
    booted.call("pmm_free_frame", frame)
    assert booted.call("pmm_stats").free == before.free + 1


def test_null_page_mapped_lets_a_null_pointer_through():
    with pytest.raises(MachineStopped):
        boot("kernel-v").machine.cpu.load(0, 4)
    booted = quirky("null_page_mapped")
    booted.machine.cpu.store(0, 4, 7)
    assert booted.machine.ram.load(0, 4) == 7
    assert booted.faults == []


def test_decimal_behind_0x_shows_numbers_that_are_none():
    booted = quirky("decimal_behind_0x", until="memmap")
    assert any("Base: 0x1048576," in line for line in booted.transcript)
    plain = boot("kernel-v", until="memmap")
    assert any("Base: 0x0000000000100000," in line for line in plain.transcript)


def test_each_quirk_says_where_it_was_seen():
    assert all("(KV-U" in sentence for sentence in profile("kernel-v").quirks.values())


def test_several_can_be_on_at_once(capsys):
    settings = "quirks=outward_rounding,null_page_mapped"
    assert run(["boot", "--set", settings, "--json"]) == 0
    assert '"usable": 32639' in capsys.readouterr().out


def test_an_unknown_one_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="did you mean null_page_mapped"):
        quirky("null_page_maped")
