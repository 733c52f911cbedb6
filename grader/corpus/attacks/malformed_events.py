# attack: leave events in the trace that break whoever reads them, so that the check fails instead of the plugin
# wall: a check that breaks is tried with a reference, and what only this plugin breaks earns nothing
# kind: forge
# expected_score: 2
"""Leave events in the trace that break whoever reads them, so that the check fails instead of the plugin."""

from kernel_sim import hookimpl


@hookimpl
def parse_memory_map(kernel, boot_info):
    trace = kernel.cpu.trace
    trace.emit("control", register=[1], new="zero", old={})
    trace.emit("fault", address="nowhere", error_code=None)
    trace.emit("store", physical=-1, old="x", new=3)
    trace.emit("hook", hook="install_guard", depth=0, result={"no": "region"})
    return []
