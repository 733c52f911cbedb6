"""What students read: the smallest case, escaped, and no more of a hidden check than is allowed."""

import pytest

from kernel_sim_grader import feedback

CASE = {
    "operations": ["the firmware lists <1>", "parse_memory_map"],
    "expected": ["0x1000"],
    "got": "nothing",
    "replay": {"format": 1},
    "line": "replay('x')",
    "picture": "",
}


def check(**other):
    return {
        "id": "classes",
        "title": "Every type & kind.",
        "status": "failed",
        "points": 0,
        "max_points": 8,
        "rule": "kind",
        "requirement": "KV-4",
        "message": "type 7 became <b>available</b>",
        "parts": [],
        "counterexample": CASE,
        **other,
    }


def test_a_failure_names_points_rule_message_case_and_replay():
    text = feedback.as_text(check())
    for words in (
        "FAILED",
        "0 of 8",
        "KV-4 kind",
        "type 7",
        "1. the firmware",
        "0x1000",
        "nothing",
    ):
        assert words in text
    assert '{"format": 1}' in text
    assert "replay('x')" in text


def test_a_picture_takes_the_place_of_expected_and_got():
    text = feedback.as_text(check(counterexample={**CASE, "picture": "! 0x1000  -"}))
    assert "! 0x1000  -" in text
    assert "nothing" not in text


def test_a_replay_that_lies_in_a_file_is_named_not_printed():
    text = feedback.as_text(check(), "case.json")
    assert "ksim replay case.json" in text
    assert '{"format"' not in text


def test_no_text_of_a_plugin_becomes_markup():
    page = feedback.as_html(check())
    assert "<b>" not in page
    assert "&lt;b&gt;available&lt;/b&gt;" in page
    assert "Every type &amp; kind." in page
    assert "lists &lt;1&gt;" in page


@pytest.mark.parametrize(
    ("status", "points", "word"),
    [
        ("passed", 8, "PASSED"),
        ("failed", 3.5, "PARTLY PASSED"),
        ("failed", 0, "FAILED"),
        ("errored", 8, "COULD NOT BE CHECKED"),
    ],
)
def test_the_verdict_is_a_word_and_not_only_a_colour(status, points, word):
    report = check(status=status, points=points)
    assert word in feedback.as_text(report)
    assert word in feedback.as_html(report)


def test_what_broke_on_our_side_says_so_and_keeps_its_cause_to_the_instructor():
    text = feedback.as_text(check(status="errored", points=8, message="KeyError: 3 (inner.py)"))
    assert "costs you nothing" in text
    assert "KeyError" not in text


def test_a_partly_passed_check_names_the_parts_that_failed():
    parts = [{"title": "many entries", "passed": False}, {"title": "two boots", "passed": True}]
    text = feedback.as_text(check(points=3, parts=parts))
    assert "lost points for: many entries" in text


@pytest.mark.parametrize(
    ("level", "told", "kept"),
    [
        ("nothing", ["FAILED", "hidden"], ["KV-4", "type 7", "firmware"]),
        ("rule", ["FAILED", "KV-4 kind"], ["type 7", "firmware", "many entries"]),
        ("counterexample", ["KV-4", "type 7", "firmware"], []),
    ],
)
def test_a_hidden_check_tells_what_its_level_allows(level, told, kept):
    parts = [{"title": "many entries", "passed": False}]
    report = feedback.shown(check(points=3 if level == "rule" else 0, parts=parts), level)
    for text in (feedback.as_text(report), feedback.as_html(report)):
        assert all(words in text or words == "FAILED" for words in told)
        assert not any(words in text for words in kept)


def test_a_very_long_message_is_cut():
    text = feedback.as_text(check(message="x" * 100_000))
    assert len(text) < 50_000
    assert "characters more" in text
