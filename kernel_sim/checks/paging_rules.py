"""What a check of Lab 3 can ask for: a mistake costs points in the checks that are about it."""

from enum import Enum, auto
from typing import Final


class Rule(Enum):
    """One group of rules."""

    ADOPT = auto()
    """Take what `init_paging` built as it is; only changes from there on count."""
    MAPPED = auto()
    """What was asked for is mapped, and leads to the right frame."""
    NOTHING_ELSE = auto()
    """Nothing else is mapped."""
    RIGHTS = auto()
    """The flags are those that were asked for, U/S aside."""
    USER = auto()
    """U/S is as it was asked for, and no table can be written from CPL 3."""
    CONTROL = auto()
    """Control registers are written in order, and only by `enable_paging`."""
    CALLS = auto()
    """Each call of the interface answers as the contract says."""
    ACCESSES = auto()
    """The processor's own loads and stores come out as the model says."""
    FRAMES = auto()
    """Table frames are owned, zeroed, and not lost."""
    FLUSHED = auto()
    """INVLPG comes behind the entry that takes something away."""
    LINKED = auto()
    """A table is zeroed before it is linked."""
    REPORT = auto()
    """The page-fault handler reports address and error code."""


ALL_RULES: Final = frozenset(Rule) - {Rule.ADOPT}
