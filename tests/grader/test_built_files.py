"""What the build wrote it may overwrite; what somebody changed since, only when told so."""

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.built_files import LIST_FILE, BuiltFiles


def test_files_are_written_with_their_folders(tmp_path):
    written = BuiltFiles(tmp_path / "course").write({"source/lab1/lab1.ipynb": "one\n"})
    assert written == [tmp_path / "course" / "source" / "lab1" / "lab1.ipynb"]
    assert written[0].read_bytes() == b"one\n"


def test_a_file_that_is_as_it_should_be_is_left_alone(tmp_path):
    BuiltFiles(tmp_path).write({"a": "one\n"})
    before = (tmp_path / "a").stat().st_mtime_ns
    assert BuiltFiles(tmp_path).write({"a": "one\n"}) == []
    assert (tmp_path / "a").stat().st_mtime_ns == before


def test_a_built_file_is_built_again(tmp_path):
    BuiltFiles(tmp_path).write({"a": "one\n"})
    assert BuiltFiles(tmp_path).write({"a": "two\n"}) == [tmp_path / "a"]
    assert (tmp_path / "a").read_bytes() == b"two\n"


def test_a_file_changed_by_hand_is_kept_and_nothing_else_is_written(tmp_path):
    BuiltFiles(tmp_path).write({"a": "one\n", "b": "one\n"})
    (tmp_path / "b").write_bytes(b"mine\n")
    with pytest.raises(InputError) as caught:
        BuiltFiles(tmp_path).write({"a": "two\n", "b": "two\n"})
    assert str(caught.value) == (
        f"{tmp_path / 'b'}: was changed since it was built; expected --force, to overwrite it"
    )
    assert (tmp_path / "a").read_bytes() == b"one\n"
    assert (tmp_path / "b").read_bytes() == b"mine\n"


def test_force_overwrites_and_the_file_counts_as_built_again(tmp_path):
    BuiltFiles(tmp_path).write({"a": "one\n"})
    (tmp_path / "a").write_bytes(b"mine\n")
    assert BuiltFiles(tmp_path).write({"a": "two\n"}, force=True) == [tmp_path / "a"]
    assert not BuiltFiles(tmp_path).is_changed("a")


def test_a_file_that_was_never_built_is_somebodys(tmp_path):
    (tmp_path / "a").write_bytes(b"mine\n")
    with pytest.raises(InputError):
        BuiltFiles(tmp_path).write({"a": "one\n"})


def test_a_deleted_file_is_built_again(tmp_path):
    BuiltFiles(tmp_path).write({"a": "one\n"})
    (tmp_path / "a").unlink()
    assert BuiltFiles(tmp_path).write({"a": "one\n"}) == [tmp_path / "a"]


@pytest.mark.parametrize("damage", ["", "[]", "{"])
def test_a_damaged_list_makes_every_file_somebodys(tmp_path, damage):
    BuiltFiles(tmp_path).write({"a": "one\n"})
    (tmp_path / LIST_FILE).write_text(damage, encoding="utf-8")
    assert BuiltFiles(tmp_path).is_changed("a")
