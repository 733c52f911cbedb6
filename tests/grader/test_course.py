"""course.yml: what it holds, and the line that each mistake is answered with."""

from pathlib import Path

import pytest

from kernel_sim.errors import InputError
from kernel_sim_grader.course import (
    AUTOMATIC_POINTS,
    RATIONALE_POINTS,
    find_course,
    read_course,
)

ROOT = Path(__file__).parents[2]

COURSE = """\
id: a-course
name: A course
labs:
  lab1:
    title: First
    folder: first
    roles: [memmap]
    hours: [4, 6]
    profile: kernel-v
    machines: [pc128]
    hidden_feedback: rule
    rationale: 10
    checks:
      - {id: seen, points: 40, visible: true, requirements: [KV-1]}
      - {id: unseen, points: 50, visible: false, requirements: [KV-2, KV-3]}
"""


@pytest.fixture
def course_file(tmp_path: Path) -> Path:
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "lab.md").write_text("text\n", encoding="utf-8")
    file = tmp_path / "course.yml"
    file.write_text(COURSE, encoding="utf-8")
    return file


def message_for(file: Path, text: str) -> str:
    """What reading ``text`` as the course says, without the folder's name."""
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_course(file)
    return str(caught.value).replace(f"{file.parent}/", "").replace(f"{file.parent}\\", "")


def test_a_course_is_read_with_every_field(course_file):
    lab = read_course(course_file).lab("lab1")
    assert (lab.title, lab.roles, lab.hours) == ("First", ("memmap",), (4, 6))
    assert (lab.profile, lab.machines, lab.hidden_feedback) == ("kernel-v", ("pc128",), "rule")
    assert lab.text_file == course_file.parent / "first" / "lab.md"
    assert [(check.id, check.points, check.visible) for check in lab.checks] == [
        ("seen", 40, True),
        ("unseen", 50, False),
    ]
    assert lab.checks[1].requirements == ("KV-2", "KV-3")


def test_the_courses_own_weights_follow_the_topics_of_lab_1():
    lab = read_course(ROOT / "course.yml").lab("lab1")
    points = {check.id: check.points for check in lab.checks}
    topics = {
        ("regions-pc128", "hidden-regions"): 15,
        ("classes", "hidden-classes"): 15,
        ("wide-addresses", "hidden-wide-addresses"): 10,
        ("order-overlap", "hidden-order-overlap"): 20,
        ("robustness", "hidden-robustness"): 15,
        ("boot-log", "hidden-boot-log"): 15,
    }
    assert {ids: sum(points[name] for name in ids) for ids in topics} == topics
    assert set(points) == {name for ids in topics for name in ids}


def test_every_lab_of_the_course_is_worth_ninety_and_ten():
    for lab in read_course(ROOT / "course.yml").labs.values():
        assert sum(check.points for check in lab.checks) == AUTOMATIC_POINTS == 90
        assert lab.rationale == RATIONALE_POINTS == 10


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(
            "points: 40",
            "points: forty",
            "course.yml:14: labs.lab1.checks[0].points: this is 'forty'; expected a whole number "
            "from 1 to 90",
            id="a number that is a word",
        ),
        pytest.param(
            "points: 40",
            "points: 40.5",
            "course.yml:14: labs.lab1.checks[0].points: this is '40.5'; expected a whole number "
            "from 1 to 90",
            id="half a point",
        ),
        pytest.param(
            "points: 40",
            "points: -1",
            "course.yml:14: labs.lab1.checks[0].points: -1 is out of range; expected a whole "
            "number from 1 to 90",
            id="negative points",
        ),
        pytest.param(
            "points: 40",
            "points: 41",
            "course.yml:14: labs.lab1.checks: the points add up to 91; expected 90",
            id="a sum that is not 90",
        ),
        pytest.param(
            "rationale: 10",
            "rationale: 15",
            "course.yml:12: labs.lab1.rationale: the rationale is worth 15 points; expected 10",
            id="a rationale that is not 10",
        ),
        pytest.param(
            "id: unseen",
            "id: seen",
            "course.yml:15: labs.lab1.checks[1]: the id 'seen' is taken by the check on line 14",
            id="a duplicate id",
        ),
        pytest.param(
            "id: unseen",
            "id: Un seen",
            "course.yml:15: labs.lab1.checks[1].id: 'Un seen' can't be a name; expected lower-case"
            " letters, digits and hyphens",
            id="an id that is no grade_id",
        ),
        pytest.param(
            "KV-3",
            "kv3",
            "course.yml:15: labs.lab1.checks[1].requirements[1]: 'kv3' is no requirement's id; "
            "expected an id such as KV-4",
            id="a requirement that is none",
        ),
        pytest.param(
            "KV-3",
            "KV-48",
            "course.yml:15: labs.lab1.checks[1].requirements[1]: there is no requirement KV-48; "
            "expected KV-1 to KV-47, BD-1 to BD-31, BO-1 to BO-17, TH-1 to TH-27, MS-1 to MS-32",
            id="a requirement beyond the last",
        ),
        pytest.param(
            "visible: true",
            "visible: maybe",
            "course.yml:14: labs.lab1.checks[0].visible: this is 'maybe'; expected true or false",
            id="a truth value that is a word",
        ),
        pytest.param(
            "visible: true, ",
            "",
            "course.yml:14: labs.lab1.checks[0].visible: the field is missing",
            id="a missing field",
        ),
        pytest.param(
            "folder: first",
            "folder: frist",
            "course.yml:6: labs.lab1.folder: the folder frist has no lab.md",
            id="a missing folder",
        ),
        pytest.param(
            "[4, 6]",
            "[6, 4]",
            "course.yml:8: labs.lab1.hours: these are not two hours; expected the least and the "
            "most, such as [4, 6]",
            id="hours the wrong way round",
        ),
        pytest.param(
            "roles: [memmap]",
            "roles: memmap",
            "course.yml:7: labs.lab1.roles: this is not a list; expected a list",
            id="a list that is none",
        ),
        pytest.param(
            "roles: [memmap]",
            "roles: []",
            "course.yml:7: labs.lab1.roles: the list has 0 items; expected at least 1",
            id="an empty list",
        ),
        pytest.param(
            "[pc128]",
            "[pc128, pc128]",
            "course.yml:10: labs.lab1.machines[1]: 'pc128' is listed twice",
            id="a machine twice",
        ),
        pytest.param(
            "title: First",
            "title:",
            "course.yml:5: labs.lab1.title: this is empty; expected a text",
            id="an empty title",
        ),
        pytest.param(
            "title: First",
            "title: First\n    title: Second",
            "course.yml:6: labs.lab1.title: given twice, first on line 5",
            id="a field given twice",
        ),
        pytest.param(
            "title: First",
            "title: [First",
            "course.yml:6: this is not YAML: expected ',' or ']', but got ':'",
            id="a syntax error",
        ),
        pytest.param(
            "title: First",
            "title: *first",
            "course.yml:5: this is not YAML: found undefined alias 'first'",
            id="an alias to nothing",
        ),
        pytest.param(
            "  lab1:",
            "  Lab 1:",
            "course.yml:5: labs.Lab 1: 'Lab 1' can't name a lab; expected lower-case letters, "
            "digits and hyphens",
            id="a lab that nbgrader can't name",
        ),
    ],
)
def test_a_mistake_is_answered_with_file_line_and_field(course_file, old, new, message):
    assert COURSE.count(old) == 1
    assert message_for(course_file, COURSE.replace(old, new)) == message


@pytest.mark.parametrize(
    ("old", "new", "beginning"),
    [
        pytest.param(
            "[memmap]",
            "[memap]",
            "course.yml:7: labs.lab1.roles[0]: there is no role 'memap'; did you mean memmap?",
            id="role",
        ),
        pytest.param(
            "[pc128]",
            "[pc182]",
            "course.yml:10: labs.lab1.machines[0]: there is no machine 'pc182'; did you mean "
            "pc128?",
            id="machine",
        ),
        pytest.param(
            "profile: kernel-v",
            "profile: kernelv",
            "course.yml:9: labs.lab1.profile: there is no profile 'kernelv'; did you mean "
            "kernel-v?",
            id="profile",
        ),
        pytest.param(
            "hidden_feedback: rule",
            "hidden_feedback: rules",
            "course.yml:11: labs.lab1.hidden_feedback: there is no kind of feedback 'rules'; did "
            "you mean rule?",
            id="feedback",
        ),
        pytest.param(
            "title: First",
            "titel: First",
            "course.yml:5: labs.lab1.titel: there is no such field; did you mean title?",
            id="field",
        ),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest_right_one(course_file, old, new, beginning):
    assert message_for(course_file, COURSE.replace(old, new)).startswith(beginning)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "course.yml: the file is empty", id="empty"),
        pytest.param(
            "- a\n",
            "course.yml:1: this is not a mapping; expected a mapping with id, name, labs",
            id="a list",
        ),
        pytest.param(
            "id: a\nname: b\nlabs: {}\n",
            "course.yml:3: labs: there are no labs",
            id="no labs",
        ),
        pytest.param(
            "? [a]\n: b\n",
            "course.yml:1: ?: a key must be a plain word; expected a mapping with id, name, labs",
            id="a key that is a list",
        ),
        pytest.param(
            "a: \x07\n",
            "course.yml: this is not YAML: unacceptable character #x0007: special characters are "
            'not allowed in "<unicode string>", position 3',
            id="a control character",
        ),
    ],
)
def test_a_file_that_is_no_course_is_refused_as_a_whole(course_file, text, message):
    assert " ".join(message_for(course_file, text).split()) == message


def test_a_file_that_is_not_text_is_refused(course_file):
    course_file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="this is not UTF-8 text"):
        read_course(course_file)


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.yml: No such file"):
        read_course(tmp_path / "nowhere.yml")


def test_a_lab_that_does_not_exist_is_answered_with_the_nearest_one(course_file):
    with pytest.raises(InputError, match=r"there is no lab 'lab11'; did you mean lab1\?"):
        read_course(course_file).lab("lab11")


def test_a_second_lab_may_have_the_same_check_ids(course_file):
    lab = COURSE[COURSE.index("  lab1:") :].replace("lab1", "lab2")
    course_file.write_text(COURSE + lab, encoding="utf-8")
    assert list(read_course(course_file).labs) == ["lab1", "lab2"]


def test_the_course_is_found_from_a_folder_below_it(course_file):
    below = course_file.parent / "first"
    assert find_course(below) == course_file.resolve()
