"""How far submissions are isolated: all walls, or none because the instructor said so."""

import sys
from typing import Final, Literal

from kernel_sim.errors import InputError
from kernel_sim.nearest import unknown_name

Sandbox = Literal["auto", "none"]
"""What can be asked for."""

AUTO: Final = "auto"
NONE: Final = "none"
MODES: Final = (AUTO, NONE)
NAMESPACES: Final = "namespaces"
"""What reports say of a submission that was graded with every wall standing."""
WITHOUT: Final = "--sandbox none, for submissions that you trust"


def chosen(mode: str) -> Sandbox:
    """The mode called ``mode``.

    Raises:
        InputError: there is none, or this platform can't isolate.
    """
    if mode not in MODES:
        raise unknown_name("sandbox", mode, list(MODES))
    if mode == NONE:
        return "none"
    if sys.platform != "linux":
        raise refusal(f"{sys.platform} has no namespaces")
    return "auto"


def refusal(reason: str) -> InputError:
    """The one line with which grading is refused where submissions can't be isolated."""
    return InputError(f"submissions can't be isolated here: {reason}", expected=WITHOUT)


def told(mode: Sandbox) -> str:
    """What a report says about a submission that was graded in ``mode``."""
    return NAMESPACES if mode == AUTO else NONE
