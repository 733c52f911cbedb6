"""What a page-fault report says, whatever its form: prose, or labels with values (KV-24).

::

    Page not present, Write access, Supervisor mode       P=0 W/R=1 U/S=0       present: no ...
"""

import re
from dataclasses import dataclass
from typing import Final

PRESENT, WRITE, USER, RESERVED, FETCH = (1 << bit for bit in range(5))
_SET: Final = r"(?:1|yes|true|set|on)\b"
_CLEAR: Final = r"(?:0|no|false|clear|off)\b"
_JOIN: Final = r"(?:[\s_-]?(?:bit|mode|access))?['\")]*\s*[:=]\s*['\"]?"
"""What stands between a label and its value."""
_ABSENT: Final = r"(?:is|was)?\s*(?:not|non|isn't|un)[\s_-]*(?:yet[\s_-]*)?(?:present|mapped)"


@dataclass(frozen=True, slots=True)
class Bit:
    """One bit of the error code and the words that speak of it.

    Args:
        mask: the bit.
        letters: its name in the manual.
        concept: what is not understood where a report gets it wrong.
        names: labels whose value is the bit's.
        opposites: labels whose value is the opposite.
        is_set: words that say that it is set.
        is_clear: words that say that it is clear.
    """

    mask: int
    letters: str
    concept: str
    names: str
    opposites: str
    is_set: str
    is_clear: str


BITS: Final = (
    Bit(
        PRESENT,
        "P",
        "fault-present",
        "present|mapped|protection|p",
        "absent",
        "present|protection|violation|permission|privilege|access rights|forbidden|not allowed",
        "absent|no mapping|no page|missing|page not found",
    ),
    Bit(
        WRITE,
        "W/R",
        "fault-write",
        "write|w/r|r/w|wr|rw|w",
        "read",
        "write|writes|writing|written|store|stored|storing",
        r"read(?![\s-]*(?:only|/|or))|reads|reading|load|loaded|loading",
    ),
    Bit(
        USER,
        "U/S",
        "fault-user",
        "user|u/s|us|u",
        "supervisor|kernel",
        r"user|ring ?3|cpl[ =:]*3",
        r"supervisor|kernel|ring ?0|cpl[ =:]*0",
    ),
)
"""The bits that every report has to decode."""
RARE_BITS: Final = (
    Bit(RESERVED, "RSVD", "fault-reserved", "rsvd|reserved", "", "reserved|rsvd", ""),
    Bit(FETCH, "I/D", "fault-fetch", "i/d|fetch|instruction|exec", "", "fetch|instruction", ""),
)
"""Bits that 32-bit paging seldom sets: their reports only have to differ."""


def plain(text: str) -> str:
    """A report in lower case, without the numbers that address and error code are."""
    told = re.sub(r"0x[0-9a-f_]+|0b[01]+|\b[0-9a-f]{5,}\b|\b\d{2,}\b", "#", text.lower())
    told = re.sub(r"\b(?:error|code|err)[ _]*(?:code)?\s*[:=]?\s*\d\b", "#", told)
    return re.sub(_ABSENT, " absent ", told)


def says_address(text: str, address: int) -> bool:
    """Whether a report has ``address`` in hexadecimal, in any grouping and case."""
    digits = re.sub(r"(?<=[0-9a-f])_(?=[0-9a-f])", "", text.lower())
    return re.search(rf"(?<![0-9a-f])0*{address:x}h?(?![0-9a-f])", digits) is not None


def stated(text: str, bit: Bit) -> bool | None:
    """The value that a report states for ``bit``; None if it says nothing, or both."""
    told = plain(text)
    labelled = {
        value
        for value, names, words in (
            (True, bit.names, _SET),
            (False, bit.names, _CLEAR),
            (False, bit.opposites, _SET),
            (True, bit.opposites, _CLEAR),
        )
        if names and re.search(rf"(?<![a-z/])(?:{names}){_JOIN}{words}", told)
    }
    if labelled:
        return labelled.pop() if len(labelled) == 1 else None
    clear, is_set = _has(told, bit.is_clear), _has(told, bit.is_set)
    return None if clear == is_set else is_set


def same_words(one: str, two: str) -> bool:
    """Whether two reports say the same but for their numbers."""
    return plain(one).split() == plain(two).split()


def _has(told: str, words: str) -> bool:
    return bool(words) and re.search(rf"(?<![a-z])(?:{words})(?![a-z])", told) is not None
