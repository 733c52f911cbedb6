"""Allocation traces: what a program asked of a heap, to be asked again of another heap."""

from kernel_sim.traces.allocation_trace import AllocationTrace, Request
from kernel_sim.traces.catalogue import TRACES, make_trace
from kernel_sim.traces.rep_file import parse_rep, read_rep, rep_text

__all__ = [
    "TRACES",
    "AllocationTrace",
    "Request",
    "make_trace",
    "parse_rep",
    "read_rep",
    "rep_text",
]
