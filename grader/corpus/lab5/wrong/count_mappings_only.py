# concept: count-owner
# check: counters-tags
# expected_score: 8.48
# The owner is not counted.
from kernel_sim import hookimpl


@hookimpl
def install_guard(kernel, request):
    raise NotImplementedError("not written yet")

def counters(kernel):
    if not hasattr(kernel.state, "counts"):
        kernel.state.counts = {}
    return kernel.state.counts


def count_frames(kernel, event):
    fields = event.fields
    if not kernel.config.refcounts or event.kind != "hook" or "error" in fields:
        return
    counts, arguments, result = counters(kernel), fields["arguments"], fields["result"]
    hook, frame, step = fields["hook"], arguments.get("frame"), 0
    if hook == "map_page":
        step = 1
    elif hook in ("pmm_free_frame", "unmap_page"):
        step = -1
    if hook in ("pmm_alloc_frame", "unmap_page"):
        frame = result
    if frame is not None and step:
        counts[frame] = max(0, counts.get(frame, 0) + step)


@hookimpl
def frame_refcount(kernel, frame):
    return counters(kernel).get(frame, 0) if kernel.config.refcounts else None

@hookimpl
def on_event(kernel, event):
    count_frames(kernel, event)
