# concept: walk-wrong
# check: fault-log
# expected_score: 8.48
# The walk starts at sp, where the trap frame lies.
from kernel_sim import KernelError, hookimpl


@hookimpl
def install_guard(kernel, request):
    raise NotImplementedError("not written yet")

def readable(kernel, address):
    try:
        kernel.hooks.translate(kernel.root, address)
    except KernelError:
        return False
    return True


def callers(kernel, bp):
    found = []
    lowest = 1
    while len(found) < 16 and bp >= lowest and bp % 4 == 0:
        if not (readable(kernel, bp) and readable(kernel, bp + 4)):
            break
        found.append(kernel.cpu.load(bp + 4, 4))
        lowest, bp = bp + 8, kernel.cpu.load(bp, 4)
    return found


def log_fault(kernel, event):
    if not kernel.config.faultlog or event.kind != "fault" or event.fields["vector"] != 14:
        return
    frames = [event.fields["ip"], *callers(kernel, kernel.cpu.sp)]
    address, code = event.fields["address"], event.fields["error_code"]
    kernel.log("fault_trace", address=address, error_code=code, frames=frames)

@hookimpl
def on_event(kernel, event):
    log_fault(kernel, event)
