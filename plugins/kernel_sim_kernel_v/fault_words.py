"""A page fault in words: the error code decoded (KV-24).

::

    error code    4    3     2    1    0
                 I/D  RSVD  U/S  W/R   P

References: Intel SDM vol. 3A, 4.7, figure 4-12.
"""

from kernel_sim.page_table import PageFaultErrorCode
from kernel_sim.values import PageFault


def cause(error_code: int) -> str:
    """What was wrong with the page."""
    if error_code & PageFaultErrorCode.MALFORMED_TABLE:
        return "Reserved bit set in a table"
    if error_code & PageFaultErrorCode.PROTECTION_VIOLATION:
        return "Protection violation"
    return "Page not present"


def access(error_code: int) -> str:
    """What was tried."""
    if error_code & PageFaultErrorCode.INSTRUCTION_FETCH:
        return "Instruction fetch"
    return "Write access" if error_code & PageFaultErrorCode.CAUSED_BY_WRITE else "Read access"


def mode(error_code: int) -> str:
    """Who tried it."""
    return "User mode" if error_code & PageFaultErrorCode.USER_MODE else "Supervisor mode"


def fault_lines(fault: PageFault) -> list[str]:
    """The report for the screen: two lines of at most 80 columns."""
    code = fault.error_code
    return [
        f"PAGE FAULT at {fault.address:#010x}, error code {code:#x}, ip {fault.ip:#010x}",
        f"  {cause(code)}, {access(code)}, {mode(code)}",
    ]
