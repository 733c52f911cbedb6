"""A kernel in its own process, driven as JupyterLab drives it: each cell has an id."""

from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import KernelManager

SETUP = (
    "from kernel_sim import MemoryRegion, RegionKind, hookimpl\nfrom kernel_sim.notebook import *"
)
TASK = (
    "@hookimpl\ndef {name}(kernel, boot_info):\n"
    "    return [MemoryRegion(0x100000, 0x700000, RegionKind.AVAILABLE, 1)]"
)
BOOT = (
    "booted = boot('pc128', until='memmap', show=False)\nprint(len(booted.regions), booted.notes)"
)
CHECK = "verdict = check('lab1', 'regions-pc128')"


class Kernel:
    """A running kernel and its client."""

    def __init__(self) -> None:
        self.manager = KernelManager(kernel_name="python3")
        self.manager.start_kernel()
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def run(self, source: str, cell_id: str) -> str:
        """What the cell with this id shows as text."""
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        request = self.client.session.msg("execute_request", content)
        request["metadata"]["cellId"] = cell_id
        self.client.shell_channel.send(request)
        shown: list[str] = []
        while True:
            message: dict[str, Any] = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != request["header"]["msg_id"]:
                continue
            content = message["content"]
            if content.get("execution_state") == "idle":
                return "\n".join(shown)
            assert message["msg_type"] != "error", content
            shown += [content.get("text") or content.get("data", {}).get("text/plain") or ""]

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    running = Kernel()
    running.run(SETUP, "setup")
    yield running
    running.close()


def test_a_misspelt_hook_stops_failing_once_its_cell_is_corrected(kernel: Kernel):
    kernel.run(TASK.format(name="parse_memory_mpa"), "task")
    assert "did you mean parse_memory_map" in kernel.run(BOOT, "boot")
    assert "parse_memory_mpa" in kernel.run(CHECK, "check")
    kernel.run(TASK.format(name="parse_memory_map"), "task")
    assert "1 []" in kernel.run(BOOT, "boot")
    corrected = kernel.run(CHECK, "check")
    assert "parse_memory_mpa" not in corrected
    assert "is missing from the table" in corrected or "no entry describes" in corrected


def test_a_misspelt_hook_is_gone_when_its_cell_is_emptied(kernel: Kernel):
    kernel.run(TASK.format(name="parse_memory_mpa"), "task")
    kernel.run("", "task")
    kernel.run("pass", "task")
    assert kernel.run(BOOT, "boot").strip() == "6 []"
