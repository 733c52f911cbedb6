"""A failing case drawn: a map beside what was expected, or memory before and after a call."""

from collections.abc import Mapping
from typing import Any

from kernel_sim.checks.bench import Bench
from kernel_sim.checks.operations_replay import is_operations
from kernel_sim.checks.replays import drawings_of, read_any
from kernel_sim.notebook.failing_map import failing_map_svg


def failing_case_svg(counterexample: Mapping[str, Any], bench: Bench) -> str:
    """The drawings of a failed check's case, done again on ``bench``; empty if there are none."""
    replay = counterexample.get("replay") or {}
    if not is_operations(replay):
        return failing_map_svg(counterexample, bench)
    return "".join(f"<div>{drawn}</div>" for drawn in drawings_of(read_any(replay), bench))
