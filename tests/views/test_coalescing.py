"""How many messages a view costs, and that none of what it shows is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel_sim.views.coalescing import Coalescer, dirty_range


class Browser:
    """Applies patches, and knows the time."""

    def __init__(self, data: bytes) -> None:
        self.now = 0.0
        self.shown = bytearray(data)
        self.coalescer = Coalescer(self.patch, clock=lambda: self.now)
        self.coalescer.begin(data)

    def patch(self, start: int, data: bytes) -> None:
        self.shown[start : start + len(data)] = data


@given(st.binary(min_size=1, max_size=40), st.data())
def test_the_dirty_range_is_the_smallest_that_holds_every_difference(
    old: bytes, data: st.DataObject
):
    new = data.draw(st.binary(min_size=len(old), max_size=len(old)))
    differ = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    expected = (differ[0], differ[-1] + 1) if differ else None
    assert dirty_range(old, new) == expected


def test_a_hundred_thousand_changes_in_a_second_are_thirty_patches_and_the_last_is_shown():
    browser = Browser(bytes(4000))
    data = bytearray(4000)
    for step in range(100_000):
        data[step % 4000] = step % 251
        browser.now = step / 100_000
        browser.coalescer.offer(bytes(data))
    assert browser.coalescer.sent_count <= 31
    assert browser.shown != data
    assert browser.coalescer.flush(bytes(data))
    assert browser.shown == data


def test_what_has_not_changed_is_not_sent():
    browser = Browser(b"same")
    assert not browser.coalescer.offer(b"same")
    assert not browser.coalescer.flush(b"same")
    assert browser.coalescer.sent_count == 0


def test_a_buffer_of_another_length_is_refused():
    with pytest.raises(ValueError, match="3 bytes"):
        Browser(b"four").coalescer.flush(b"new")
