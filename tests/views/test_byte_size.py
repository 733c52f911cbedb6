import pytest

from kernel_sim.views.byte_size import byte_size


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (0x400, "1 KiB"),
        (0x9FC00, "639 KiB"),
        (0x11810, "71696 B"),
        (0x7EE0000, "~126.9 MiB"),
        (1 << 40, "1 TiB"),
        (1 << 64, "16 EiB"),
    ],
)
def test_a_size_is_exact_or_marked_as_rounded(size: int, words: str):
    assert byte_size(size) == words
