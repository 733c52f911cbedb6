"""A boot as plain data: the fields of ``ksim boot --json``."""

from typing import TYPE_CHECKING, Any

from kernel_sim.errors import KernelError
from kernel_sim.host.oops import KernelOops, plain_json
from kernel_sim.host.reservation import usable_frames

if TYPE_CHECKING:
    from kernel_sim.boot import Boot


def boot_json(boot: "Boot") -> dict[str, Any]:
    """The document for ``boot``. Addresses and sizes are integers; what is unknown is null."""
    trace_hash = boot.machine.trace.hash()
    return {
        "profile": boot.profile.name,
        "machine": boot.machine.spec.name,
        "seed": boot.machine.seed,
        "roles": boot.roles,
        "ok": boot.ok,
        "steps": [{"name": step.name, "ok": step.ok} for step in boot.steps],
        "regions": [
            {"base": item.base, "length": item.length, "kind": item.kind.name, "type": item.type}
            for item in boot.regions
        ],
        "physical_limit": boot.machine.physical_limit,
        "first_frames": boot.first_frames,
        "frames": frames_json(boot),
        "screen": boot.machine.vga.lines(),
        "faults": [{"number": event.number, **_fields(event.fields)} for event in boot.faults],
        "selftests": [
            {"name": item.name, "passed": item.passed, "detail": item.detail}
            for item in boot.selftests
        ],
        "problems": [
            {"plugin": plugin.name, "message": str(problem)}
            for plugin in boot.plugins
            for problem in plugin.problems
        ],
        "oops": None if boot.oops is None else boot.oops.as_json(),
        "trace_hash": trace_hash,
    }


def frames_json(boot: "Boot") -> dict[str, int | None]:
    """Usable frames by the map, and the allocator's own counters if it answers."""
    usable = usable_frames(boot.regions, boot.machine.physical_limit)
    roles = boot.profile.step_roles
    counters: dict[str, int | None] = {"total": None, "used": None, "free": None}
    if any(step.ok and roles.get(step.name) == "pmm" for step in boot.steps):
        try:
            stats = boot.kernel.hooks.pmm_stats()
            counters = {"total": stats.total, "used": stats.used, "free": stats.free}
        except (KernelError, KernelOops):
            pass
    return {"usable": usable, **counters}


def _fields(fields: Any) -> dict[str, object]:  # noqa: ANN401 - an event's mapping
    return {name: plain_json(value) for name, value in fields.items()}
