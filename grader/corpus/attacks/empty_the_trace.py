# attack: empty the trace, and fill it with events that never happened
# wall: RAM that the grader reads itself
# kind: forge
# expected_score: 2
"""Empty the trace, and fill it with events that never happened."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    trace = kernel.cpu.trace
    trace.events.clear()
    trace.emit("hook", hook="parse_memory_map", result="passed", depth=0)
    trace.emit("control", register="cr3", new="0x1000", old=None)
    return []
