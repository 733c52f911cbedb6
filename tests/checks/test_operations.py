from random import Random

import pytest

from kernel_sim import hookimpl
from kernel_sim.checks.bench import Operation, Outcome, Ref
from kernel_sim.checks.local_bench import LocalBench
from kernel_sim.checks.operations import EACH, Call, Case, Of, Place, Ramp, Script, flat
from kernel_sim.checks.operations_generator import Live, random_case
from kernel_sim.checks.operations_replay import OperationReplay, is_operations, read_operations
from kernel_sim.checks.operations_run import Breach, run_case
from kernel_sim.checks.operations_shrink import smallest_case
from kernel_sim.checks.operations_text import line_of, parse_call, parse_cases
from kernel_sim.errors import InputError
from kernel_sim.values import AddrRange, GuardKind, GuardRequest

PLACE = Place("pc4", seed=7, config=(("demand_paging", True),))


class Scripted:
    """A frame allocator that returns what it is told to."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.freed = []

    @hookimpl
    def pmm_init(self):
        pass

    @hookimpl
    def pmm_alloc_frame(self):
        return self.answers.pop(0) if self.answers else None

    @hookimpl
    def pmm_free_frame(self, frame):
        self.freed.append(frame)

    @hookimpl
    def pmm_stats(self):
        raise ValueError("not asked in these tests")


class Recording:
    """An oracle that remembers, and finds fault with one value."""

    def __init__(self, _place, wrong=None):
        self.turns = []
        self.looks = 0
        self.wrong = wrong

    def begin(self, _run):
        return None

    def judge(self, turn):
        self.turns.append(turn)
        bad = self.wrong is not None and turn.outcome.value == self.wrong
        return Breach("wrong", "KV-10", "a wrong value") if bad else None

    def look(self, _run):
        self.looks += 1

    def boot_failed(self, outcome):
        return Breach("boot", "KV-13", outcome.failure.message)

    def scene(self, _run):
        return None


def test_a_step_with_turns_becomes_that_many_operations_and_symbols_become_references():
    script = Script()
    frames = script.add("pmm_alloc_frame", times=3)
    script.add("pmm_free_frame", Of(frames.step, EACH), times=2)
    script.add("pmm_free_frame", Of(frames.step, -1, 0x10))
    script.add("pmm_free_frame", Ramp(0x1000, 0x20), times=2)
    todo = flat(script.at(PLACE))
    assert [item.args for item in todo.operations] == [
        (), (), (), (Ref(0),), (Ref(1),), (Ref(2, 0x10),), (0x1000,), (0x1020,)
    ]  # fmt: skip
    assert todo.origins[3:6] == ((1, 0), (1, 1), (2, 0))


def test_leaving_out_a_step_leaves_out_what_needs_it_and_renumbers_the_rest():
    script = Script()
    first = script.add("pmm_alloc_frame")
    second = script.add("pmm_alloc_frame")
    script.add("pmm_free_frame", first)
    script.add("pmm_free_frame", second)
    kept = script.at(PLACE).keeping([1, 2, 3])
    assert kept.calls == (Call("pmm_alloc_frame"), Call("pmm_free_frame", (Of(0),)))


def test_a_line_is_read_back_as_the_same_cases():
    script = Script()
    frames = script.add("pmm_alloc_frame", times=300)
    script.add("pmm_free_frame", Of(frames.step, 2, -0x10))
    script.add("pmm_free_frame", Of(frames.step, EACH), times=9)
    script.add("map_page", 0x1000, Ramp(0x1000, 0x1000), frames, 7)
    script.add("install_guard", GuardRequest(GuardKind.STACK, 0x2000, "a; 'b'"))
    script.add("pmm_init", [], [AddrRange(0, 0x1000)])
    script.add("kfree", None)
    cases = [script.at(PLACE), Case(Place("24 0x100000+0x100000:1", "memmap"))]
    assert parse_cases(line_of("lab2", cases)) == ("lab2", cases)


def test_a_replay_document_is_read_back_as_the_same_replay():
    script = Script()
    script.add("pmm_free_frame", script.add("pmm_alloc_frame", times=2))
    replay = OperationReplay("lab2", (script.at(PLACE), Case(Place())), "free-reuse")
    assert is_operations(replay.as_json())
    assert read_operations(replay.as_json()) == replay
    assert read_operations(str(replay)).cases == replay.cases


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("lab2: ", "no steps"),
        ("lab2: pmm_alloc_frame()", "boot"),
        ("lab2: boot('pc4'); pmm_aloc_frame()", "pmm_alloc_frame"),
        ("lab2: boot('pc4'); pmm_free_frame(r1)", "no result"),
        ("lab2: boot('pc4'); pmm_free_frame(__import__('os'))", "record"),
        ("lab2: boot('pc4'); pmm_alloc_frame() * 0", "turns"),
        ("lab2: boot('pc4'); pmm_alloc_frame(1)", "0 arguments"),
        ("lab2: boot('pc5')", "pc5"),
        ("lab2: boot('pc4'", "not a line"),
    ],
)
def test_a_line_that_cannot_be_read_is_answered_with_what_is_wrong(line, said):
    with pytest.raises(InputError, match=said):
        parse_cases(line)


def test_an_offset_is_added_to_a_result_and_null_is_never_passed_on():
    plugin = Scripted(0x5000)
    run = LocalBench(plugin, ["pmm"]).boot(Place().scenario())
    outcomes = run.batch(
        [
            Operation("pmm_alloc_frame"),
            Operation("pmm_free_frame", (Ref(0, 0x10),)),
            Operation("pmm_alloc_frame"),
            Operation("pmm_free_frame", (Ref(2),)),
        ]
    )
    assert outcomes[2:] == [Outcome(), Outcome()]
    assert plugin.freed == [0x5010]


@pytest.mark.parametrize("batch", [1, 2, 64])
def test_batches_of_any_size_tell_the_oracle_the_same(batch):
    script = Script()
    frames = script.add("pmm_alloc_frame", times=3)
    for turn in (2, 1, 0):
        script.add("pmm_free_frame", Of(frames.step, turn, turn))
    plugin = Scripted(0x1000, 0x2000)
    seen = run_case(LocalBench(plugin, ["pmm"]), script.at(Place()), Recording, batch=batch)
    told = [(turn.step, turn.number, turn.args, turn.outcome.value) for turn in seen.oracle.turns]
    assert told == [
        (0, 0, (), 0x1000),
        (0, 1, (), 0x2000),
        (0, 2, (), None),
        (2, 0, (0x2001,), None),
        (3, 0, (0x1000,), None),
    ]
    assert plugin.freed == [0x2001, 0x1000]
    assert seen.oracle.looks == -(-6 // batch)


def test_a_violation_ends_the_case_and_names_the_turn():
    script = Script()
    script.add("pmm_alloc_frame", times=5)
    bench = LocalBench(Scripted(0x1000, 0x2000, 0x3000), ["pmm"])
    seen = run_case(bench, script.at(Place()), lambda place: Recording(place, 0x2000))
    assert (seen.at.step, seen.at.number) == (0, 1)
    assert seen.cut.calls == (Call("pmm_alloc_frame", (), 2),)


def test_a_failing_case_shrinks_to_the_calls_that_matter():
    script = Script()
    frames = [script.add("pmm_alloc_frame", times=4) for _ in range(5)]
    for symbol in frames:
        script.add("pmm_free_frame", Of(symbol.step, 3, 0x800))

    def fails(case):
        freed = [call for call in case.calls if call.hook == "pmm_free_frame"]
        total = sum(call.times for call in case.calls if call.hook == "pmm_alloc_frame")
        return total >= 3 and any(call.args[0].offset for call in freed)

    smallest = smallest_case(script.at(Place()), fails)
    assert smallest.calls == (
        Call("pmm_alloc_frame", (), 3),
        Call("pmm_free_frame", (Of(0, 0, 1),)),
    )


def test_shrinking_ends_when_its_calls_are_used_up():
    tried = []
    script = Script()
    for _ in range(64):
        script.add("pmm_alloc_frame", times=100)

    def fails(case):
        tried.append(case.turns())
        return False

    assert smallest_case(script.at(Place()), fails, calls=5_000) == script.at(Place()).merged()
    assert sum(tried) <= 5_000 + 64 * 100


def test_the_same_seed_makes_the_same_random_case():
    def made(seed):
        live = Live()

        def allocate(_, script):
            live.add(script.add("pmm_alloc_frame"))

        def free(rng, script):
            if live:
                script.add("pmm_free_frame", live.take(rng))

        return random_case(Random(seed), Place(), [(2, allocate), (1, free)], 50)

    assert made(1) == made(1)
    assert made(1) != made(2)
    frees = [call for call in made(1).calls if call.hook == "pmm_free_frame"]
    assert len({call.args for call in frees}) == len(frees) > 5


def test_a_single_step_is_read_with_the_number_of_steps_before_it():
    assert parse_call("pmm_free_frame(r2[1])", 2) == Call("pmm_free_frame", (Of(1, 1),))
    with pytest.raises(InputError, match="r1 to r1"):
        parse_call("pmm_free_frame(r2[1])", 1)


def test_equal_neighbours_become_one_step_and_symbols_follow_their_turns():
    script = Script()
    frames = [script.add("pmm_alloc_frame", times=times) for times in (1, 2, 1)]
    script.add("pmm_free_frame", Of(frames[1].step, -1))
    script.add("pmm_free_frame", Of(frames[2].step))
    case = script.at(Place())
    merged = case.merged()
    assert merged.calls == (
        Call("pmm_alloc_frame", (), 4),
        Call("pmm_free_frame", (Of(0, 2),)),
        Call("pmm_free_frame", (Of(0, 3),)),
    )
    assert flat(merged).operations == flat(case).operations


def test_steps_whose_turns_are_paired_are_not_merged():
    script = Script()
    script.add("pmm_alloc_frame", times=2)
    second = script.add("pmm_alloc_frame", times=2)
    script.add("pmm_free_frame", Of(second.step, EACH), times=2)
    case = script.at(Place())
    assert case.merged() == case
