import pytest

from kernel_sim.errors import InputError
from kernel_sim.notebook import hint
from kernel_sim.notebook.hints import hints_of


def test_the_list_of_hints_gives_none_of_them_away(capsys: pytest.CaptureFixture[str]):
    listed = hint("lab1").text()
    assert capsys.readouterr().out == listed + "\n"
    for title, body in hints_of("lab1"):
        assert title in listed
        assert body not in listed


def test_a_hint_is_shown_with_its_place_in_the_order():
    shown = hint("lab1", 2)
    assert shown.title.startswith(f"Hint 2 of {len(hints_of('lab1'))}")
    assert "16" in shown.body


@pytest.mark.parametrize("number", [0, 99])
def test_a_hint_that_does_not_exist_is_answered_with_the_range(number: int):
    with pytest.raises(InputError, match="1 to 12"):
        hint("lab1", number)


def test_a_lab_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(InputError, match="lab1"):
        hint("lab99")
