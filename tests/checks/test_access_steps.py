"""Accesses and stores in the text form of a sequence."""

import pytest

from kernel_sim import AddrRange, MapRequest, PageTableFlags
from kernel_sim.checks.operations import Place, Script
from kernel_sim.checks.operations_text import line_of, parse_cases
from kernel_sim.errors import InputError

RW = PageTableFlags.PRESENT | PageTableFlags.WRITABLE


def test_a_line_with_accesses_reads_back_as_the_case_that_it_was():
    script = Script()
    root = script.add("init_paging", [MapRequest(AddrRange(0, 0x40_0000), 0, RW, "identity")])
    script.add("enable_paging", root)
    script.add("user.store", 0xD000_0000, 4, 5)
    script.add("cpu.write", 0xB_8000, b"ab")
    case = script.at(Place(stores=True))
    line = line_of("lab3", [case])
    assert "user.store(0xd0000000, 4, 5)" in line
    lab, cases = parse_cases(line)
    assert (lab, cases) == ("lab3", [case])
    request = cases[0].calls[0].args[0][0]
    assert type(request.flags) is PageTableFlags


@pytest.mark.parametrize(
    "line",
    [
        "lab3: boot('pc4'); cpu.halt()",
        "lab3: boot('pc4'); cpu.load(1)",
        "lab3: boot('pc4', stores=2)",
    ],
)
def test_an_access_that_does_not_exist_is_named(line):
    with pytest.raises(InputError):
        parse_cases(line)
