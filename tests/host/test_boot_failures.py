"""What a boot that goes wrong says."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import KernelError, MapError
from kernel_sim_kernel_v import paging


def failing(role, **hooks):
    members = {name: staticmethod(hookimpl(function)) for name, function in hooks.items()}
    return boot(roles={role: type("Student", (), members)()})


def test_a_hook_that_raises_ends_the_boot_with_a_report():
    def parse_memory_map(kernel):
        return kernel.nothing

    booted = failing("memmap", parse_memory_map=parse_memory_map)
    assert [(step.name, step.ok) for step in booted.steps][-1] == ("memmap", False)
    assert (booted.oops.hook, booted.oops.kind) == ("parse_memory_map", "raised")
    assert booted.oops.source_line == "return kernel.nothing"
    document = booted.as_json()
    assert document["ok"] is False
    assert document["oops"]["hook"] == "parse_memory_map"
    assert document["frames"] == {"usable": 0, "total": None, "used": None, "free": None}


def test_a_kernel_error_in_a_step_ends_the_boot_with_a_report():
    def init_paging():
        raise MapError(0x1000, "a frame", "FRAME_ALLOCATION_FAILED")

    booted = failing("paging", init_paging=init_paging, phys_to_virt=lambda physical: physical)
    assert (booted.oops.hook, booted.oops.plugin) == ("init_paging", "Student")
    assert "FRAME_ALLOCATION_FAILED 0x1000" in booted.oops.message


def test_a_role_without_hooks_is_a_report_with_the_nearest_right_name(tmp_path):
    path = tmp_path / "lab2.py"
    path.write_text(
        "from kernel_sim import hookimpl\n@hookimpl\ndef pmm_innit(kernel):\n    pass\n",
        encoding="utf-8",
    )
    booted = boot(roles={"pmm": path}, until="pmm")
    assert booted.oops.kind == "missing"
    assert booted.oops.message.startswith("lab2 has no pmm_init")
    assert "did you mean pmm_init?" in booted.oops.message


def test_paging_that_stays_off_is_noticed():
    def enable_paging(kernel, root):
        kernel.cpu.cr3 = root

    booted = failing(
        "paging",
        init_paging=lambda: 0x100000,
        enable_paging=enable_paging,
        phys_to_virt=lambda physical: physical,
    )
    assert (booted.oops.hook, booted.oops.role) == ("paging", "paging")
    assert "CR0.PG set when enable_paging has returned" in booted.oops.message


def test_a_kernel_that_does_not_map_itself_ends_in_a_triple_fault():
    def enable_paging(kernel, root):
        kernel.cpu.cr3 = root
        kernel.cpu.cr0 |= 1 << 31

    def init_paging(kernel):
        root = kernel.hooks.pmm_alloc_frame()
        kernel.cpu.fill(root, 4096, 0)
        return root

    booted = failing(
        "paging",
        init_paging=init_paging,
        enable_paging=enable_paging,
        phys_to_virt=lambda physical: physical,
    )
    assert (booted.oops.hook, booted.oops.kind) == ("enable_paging", "stopped")
    assert "triple fault" in booted.oops.message
    assert booted.oops.source_line == "kernel.cpu.cr0 |= 1 << 31"
    assert booted.faults
    assert booted.post_mortem["registers"]


def test_a_screen_that_is_not_mapped_ends_the_boot_in_the_step_that_prints():
    def enable_paging(kernel, root):
        table = kernel.cpu.load(root, 4) & ~0xFFF
        paging.enable_paging(kernel, root)
        kernel.cpu.store(table + 0xB8 * 4, 4, 0)
        kernel.cpu.invlpg(0xB8000)

    booted = failing(
        "paging",
        init_paging=paging.init_paging,
        enable_paging=enable_paging,
        phys_to_virt=lambda physical: physical,
    )
    assert booted.oops.kind == "stopped"
    assert (booted.oops.hook, booted.oops.plugin) == ("paging", "Student")
    assert "page fault at 0xb8" in booted.oops.message


def test_a_failed_self_test_does_not_end_the_boot():
    class Sad:
        @hookimpl
        def selftest(self):
            return ("sad", False, "always")

    booted = boot(extras=[Sad()])
    assert booted.ok
    assert [item.name for item in booted.selftests if not item.passed] == ["sad"]
    assert any("[SELFTEST] sad: FAILED always" in line for line in booted.transcript)


def test_kernel_errors_pass_through_call():
    with pytest.raises(KernelError):
        boot(machine="pc4", until="pmm").call("pmm_free_frame", 0x123)
