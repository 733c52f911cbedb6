"""Which plugin serves which role of a boot."""

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.errors import InputError
from kernel_sim.loading import load_plugin
from kernel_sim.values import MemoryRegion, RegionKind


class OwnMemmap:
    """Describes the map by hand."""

    @hookimpl
    def parse_memory_map(self):
        return [MemoryRegion(0, 0x9F000, RegionKind.AVAILABLE), (0x100000, 0x400000, "AVAILABLE")]


def test_a_plugin_for_a_role_replaces_its_provider():
    booted = boot(roles={"memmap": OwnMemmap()})
    assert booted.ok
    assert booted.roles["memmap"] == "OwnMemmap"
    assert booted.roles["pmm"] == "kernel_v_pmm"
    assert [region.length for region in booted.regions] == [0x9F000, 0x400000]


def test_the_kernel_describes_regions_itself_where_the_plugin_does_not():
    booted = boot(roles={"memmap": OwnMemmap()}, until="memmap")
    assert (
        "[1] Base: 0x0000000000100000, Length: 0x0000000000400000, Type: AVAILABLE"
        in booted.transcript
    )


def test_only_the_named_roles_of_a_plugin_count():
    class Two(OwnMemmap):
        @hookimpl
        def pmm_alloc_frame(self):
            return 0x666000

    booted = boot(roles={"memmap": Two()}, until="pmm")
    assert booted.roles["pmm"] == "kernel_v_pmm"
    assert booted.call("pmm_alloc_frame") == 0x100000
    assert booted.host.registrations[0].ignored_roles == ("pmm",)


def test_one_plugin_in_two_roles_is_loaded_once_and_has_one_state(tmp_path):
    path = tmp_path / "two.py"
    path.write_text(
        "from kernel_sim import hookimpl\n"
        "@hookimpl\n"
        "def kmalloc(kernel, size):\n"
        "    kernel.state.size = size\n"
        "    return 0x1000\n"
        "@hookimpl\n"
        "def pmm_alloc_frame(kernel):\n"
        "    return kernel.state.size\n",
        encoding="utf-8",
    )
    source = str(path)
    booted = boot(until="console", extras=[source])
    assert booted.call("kmalloc", 0x5000) == 0x1000
    assert booted.call("pmm_alloc_frame") == 0x5000
    both = boot(until="heap", roles={"heap": source, "pmm": source})
    assert [plugin.name for plugin in both.plugins].count("two") == 1


def test_two_providers_for_one_role_are_refused_and_both_named():
    class Other(OwnMemmap):
        pass

    with pytest.raises(InputError, match=r"OwnMemmap \(object\) and Other \(object\)"):
        boot(roles={"memmap": OwnMemmap()}, extras=[Other()])
    with pytest.raises(InputError, match="role memmap has two providers"):
        boot(until="console", extras=[OwnMemmap(), Other()])


def test_extras_never_replace_a_provider():
    booted = boot(until="memmap", extras=[OwnMemmap()])
    assert booted.roles["memmap"] == "kernel_v_memmap"


def test_two_plugins_of_one_name_get_names_of_their_own():
    class Twin:
        @hookimpl
        def selftest(self):
            return ("twin", True)

    booted = boot(until="console", extras=[Twin(), Twin()])
    assert sorted(plugin.name for plugin in booted.plugins) == ["Twin", "Twin-2"]


def test_views_are_new_at_each_boot_and_module_globals_survive():
    class Counting:
        boots = 0

        @hookimpl
        def kmalloc(self, kernel):
            Counting.boots += 1
            kernel.state.calls = getattr(kernel.state, "calls", 0) + 1
            return kernel.state.calls

    plugin = load_plugin(Counting())
    for expected in (1, 2):
        assert boot(until="console", extras=[plugin]).call("kmalloc", 8) == 1
        assert Counting.boots == expected


def test_a_boot_plugin_may_bring_its_own_steps():
    class OwnBoot:
        @hookimpl
        def boot_sequence(self):
            return ["console", "idt", "dance"]

        @hookimpl
        def boot_step(self, kernel, step):
            kernel.console.print(f"doing {step}")

    booted = boot(roles={"boot": OwnBoot()})
    assert [(step.name, step.ok) for step in booted.steps] == [
        ("console", True),
        ("idt", True),
        ("dance", True),
    ]
    assert booted.transcript[-1] == "doing dance"
    assert [step.name for step in boot(roles={"boot": OwnBoot()}, until="idt").steps] == [
        "console",
        "idt",
    ]
    with pytest.raises(InputError, match="did you mean dance"):
        boot(roles={"boot": OwnBoot()}, until="danse")
