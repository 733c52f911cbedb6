"""The console: text through the processor onto the VGA screen."""

from kernel_sim.boot import boot


def screen_after(*lines):
    booted = boot(until="console")
    booted.kernel.console.clear()
    for line in lines:
        booted.kernel.console.print(line)
    return [line.rstrip() for line in booted.machine.vga.lines()]


def test_each_print_is_a_line():
    assert screen_after("one", "", "two")[:4] == ["one", "", "two", ""]


def test_a_long_line_goes_on_in_the_next_row():
    assert screen_after("x" * 170, "y")[:4] == ["x" * 80, "x" * 80, "x" * 10, "y"]


def test_a_line_of_exactly_80_characters_takes_one_row():
    assert screen_after("x" * 80, "y")[:2] == ["x" * 80, "y"]


def test_line_breaks_and_tabs_are_kept():
    assert screen_after("a\nb\tc")[:2] == ["a", "b       c"]


def test_the_screen_scrolls_and_the_transcript_keeps_everything():
    booted = boot(until="console")
    for number in range(40):
        booted.kernel.console.print(number)
    rows = [line.rstrip() for line in booted.machine.vga.lines()]
    assert rows == [str(number) for number in range(15, 40)]
    assert booted.transcript[-40:] == [str(number) for number in range(40)]


def test_a_character_that_the_screen_lacks_becomes_a_question_mark():
    assert screen_after("é € ═")[0] == "é ? ═"


def test_every_line_is_in_the_trace_with_its_author():
    booted = boot(until="console")
    booted.kernel.console.print("hello")
    assert booted.machine.trace.events[-1].fields == {
        "event": "console",
        "plugin": "kernel",
        "text": "hello",
    }


def test_text_is_grey_on_black():
    booted = boot(until="console")
    cells = booted.machine.vga.cells()
    assert set(cells[1::2]) == {0x07}
