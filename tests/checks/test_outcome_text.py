"""What a call returned, as a replay and a counterexample tell it: in one line, and once."""

from kernel_sim.checks.bench import Failure, Outcome
from kernel_sim.checks.operations_counterexample import outcome_text


def test_a_refusal_is_told_by_its_error():
    text = "FrameError: RESERVED 0xb8000 (expected a frame of the allocator's)"
    failure = Failure("raised", "FrameError", message=text, hook="pmm_free_frame")
    assert outcome_text(Outcome(failure=failure)) == text


def test_a_hook_that_is_not_written_is_told_in_one_sentence():
    text = "pmm_free_frame is not written yet"
    failure = Failure("oops", "NotImplementedError", message=text, hook="pmm_free_frame")
    assert outcome_text(Outcome(failure=failure)) == text


def test_another_failure_names_what_happened_and_the_hook():
    failure = Failure("budget", message="200,000 events", hook="pmm_alloc_frame")
    assert outcome_text(Outcome(failure=failure)).startswith("budget: pmm_alloc_frame does not")
