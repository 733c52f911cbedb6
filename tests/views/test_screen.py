from kernel_sim.views.screen import Screen


def test_blank_lines_below_the_text_are_left_out():
    assert Screen(["one  ", "", "two", "", ""]).shown_lines() == ["one", "", "two"]


def test_the_text_form_is_framed_to_the_longest_line():
    assert Screen(["ab", "c"]).text().splitlines() == ["┌────┐", "│ ab │", "│ c  │", "└────┘"]


def test_an_empty_screen_says_so():
    assert "empty" in Screen([" " * 80] * 25).text()


def test_what_a_student_prints_is_not_taken_for_html():
    assert "<script>" not in Screen(["<script>"]).html()
    assert "&lt;script&gt;" in Screen(["<script>"]).html()


def test_control_characters_do_not_reach_the_page():
    assert Screen(["a\x1b[31mb"]).shown_lines() == ["a [31mb"]
