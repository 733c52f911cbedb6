"""The facade: every hook both ways, parameters by name, arguments and results of the right type."""

import inspect
import re
from pathlib import Path

import pytest

from kernel_sim import hookimpl, hookspecs
from kernel_sim.boot import boot
from kernel_sim.errors import NotSupported
from kernel_sim.hooks import Hooks
from kernel_sim.hookspecs import BROADCAST_HOOKS, ROLE_HOOKS
from kernel_sim.host.implementations import HOOK_PARAMETERS
from kernel_sim.host.oops import KernelOops
from kernel_sim.page_table import PageTableFlags
from kernel_sim.values import (
    AddrRange,
    BootInfo,
    Cell,
    Event,
    FaultAction,
    FrameStats,
    GuardedRegion,
    GuardKind,
    GuardRequest,
    HeapStats,
    MapRequest,
    MemoryRegion,
    PageFault,
    RegionKind,
    SelfTestResult,
    Translation,
)

RIGHTS = PageTableFlags.PRESENT | PageTableFlags.WRITABLE
INFO = BootInfo("e820", 0x5000, 6, 24, AddrRange(0x10000, 0x20000), AddrRange(0x90000, 0x91000))
REGION = MemoryRegion(0, 0x9FC00, RegionKind.AVAILABLE, 1)
STATS = FrameStats(10, 4, 6, 0x90000, 2, "lsb", 1, 0)
GUARDED = GuardedRegion(0x1000, 0x2000, 0x3000, None, "stack")
FAULT = PageFault(0xDEADBEEF, 2, 0x10000, 0x9FB00, 0x9FB00, 0)
REQUEST = GuardRequest(GuardKind.STACK, 4096, "stack")
PLAN = [MapRequest(AddrRange(0, 0x1000), 0, RIGHTS, "identity")]
EVENT = Event(1, "log", {"event": "x"})

CALLS = {
    "parse_memory_map": ((INFO,), [REGION]),
    "describe_region": ((REGION,), "available"),
    "pmm_init": (([REGION], [AddrRange(0, 0x1000)]), None),
    "pmm_alloc_frame": ((), 0x5000),
    "pmm_free_frame": ((0x5000,), None),
    "pmm_stats": ((), STATS),
    "pmm_alloc_contiguous": ((2, 0x1000), 0x6000),
    "init_paging": ((PLAN,), 0x7000),
    "enable_paging": ((0x7000,), None),
    "map_page": ((0x7000, 0xC0000000, 0x8000, RIGHTS), None),
    "unmap_page": ((0x7000, 0xC0000000), 0x8000),
    "translate": ((0x7000, 0xC0000123), Translation(0x8123, RIGHTS, 4096)),
    "phys_to_virt": ((0x8000,), 0x8000),
    "protect_page": ((0x7000, 0xC0000000, PageTableFlags.PRESENT), None),
    "map_range": ((0x7000, AddrRange(0, 0x2000), 0, RIGHTS), None),
    "heap_init": ((0xC1000000, 0xC2000000), None),
    "kmalloc": ((100, 16), 0xC1000010),
    "kfree": ((0xC1000010,), None),
    "heap_stats": ((), HeapStats(100, 28, 1)),
    "install_guard": ((REQUEST,), GUARDED),
    "remove_guard": ((GUARDED,), None),
    "boot_sequence": ((), ["console"]),
    "boot_step": (("console",), None),
    "page_fault": ((FAULT,), FaultAction.RETRY),
    "render_memory": ((2, 1), [Cell("x", 7, "a"), Cell("y", 7, "b")]),
    "frame_refcount": ((0x5000,), 3),
    "region_tags": ((), [(AddrRange(0, 0x1000), "dma")]),
    "selftest": ((), [SelfTestResult("toy", passed=True)]),
    "on_event": ((EVENT,), None),
}


def recorder(hook, answer):
    """A function with the hook's own parameters that notes them in its plugin's state."""
    names = HOOK_PARAMETERS[hook]
    source = (
        f"def {hook}({', '.join(names)}):\n"
        f"    kernel.state.{hook} = ({', '.join(names[1:])}{',' if names[1:] else ''})\n"
        "    return answer\n"
    )
    namespace = {"answer": answer}
    exec(source, namespace)  # noqa: S102 - made of the specification's names
    return hookimpl(namespace[hook])


class Everything:
    """A plugin that implements every hook."""

    def __init__(self):
        for hook, (_, answer) in CALLS.items():
            given = answer[0] if hook == "selftest" else answer
            setattr(self, hook, recorder(hook, None if hook == "on_event" else given))


class Wrapped:
    """A plugin that wraps every hook and counts."""

    def __init__(self):
        self.calls = []
        for hook in CALLS:
            setattr(self, hook, self.wrapper(hook))

    def wrapper(self, hook):
        def around():
            self.calls.append(hook)
            return (yield)

        return hookimpl(wrapper=True)(around)


@pytest.fixture(scope="module")
def direct():
    return boot(until="console", extras=[Everything()])


@pytest.fixture(scope="module")
def wrapped():
    wrapper = Wrapped()
    return boot(until="console", extras=[Everything(), wrapper]), wrapper


def view_of(booted):
    return next(item.view for item in booted.host.registrations if item.plugin.name == "Everything")


def test_the_table_of_this_test_names_every_hook():
    assert set(CALLS) == set(HOOK_PARAMETERS)


@pytest.mark.parametrize("hook", CALLS)
def test_every_hook_is_called_directly(direct, hook):
    arguments, answer = CALLS[hook]
    assert direct.call(hook, *arguments) == answer
    assert getattr(view_of(direct).state, hook) == arguments


@pytest.mark.parametrize("hook", CALLS)
def test_every_hook_is_called_through_pluggy_where_a_wrapper_is_registered(wrapped, hook):
    booted, wrapper = wrapped
    wrapper.calls.clear()
    arguments, answer = CALLS[hook]
    assert booted.call(hook, *arguments) == answer
    assert getattr(view_of(booted).state, hook) == arguments
    assert hook in wrapper.calls


@pytest.mark.parametrize("hook", sorted(HOOK_PARAMETERS))
def test_the_facade_has_one_method_for_each_hook_with_its_parameters(hook):
    facade = inspect.signature(getattr(Hooks, hook))
    assert tuple(facade.parameters)[1:] == HOOK_PARAMETERS[hook][1:]
    specified = inspect.signature(getattr(hookspecs, hook)).parameters
    for name in HOOK_PARAMETERS[hook][1:]:
        assert facade.parameters[name].annotation == specified[name].annotation


def test_the_facade_has_no_method_that_is_no_hook():
    public = {name for name in dir(Hooks) if not name.startswith("_")}
    assert public == set(HOOK_PARAMETERS)


def test_every_provider_hook_belongs_to_one_role():
    provided = [hook for hooks in ROLE_HOOKS.values() for hook in hooks]
    assert len(provided) == len(set(provided))
    assert set(provided) < set(HOOK_PARAMETERS)


def signature_of(hook):
    text = str(inspect.signature(getattr(hookspecs, hook)))
    return re.sub(r"kernel_sim\.\w+\.", "", text.replace("'", ""))


def test_the_documentation_has_one_heading_for_each_hook_with_its_exact_signature():
    page = Path(__file__).parents[2] / "docs" / "hooks.md"
    headings = re.findall(
        r"^### `(\w+)(\(.*\).*)`$", page.read_text(encoding="utf-8"), re.MULTILINE
    )
    documented = dict(headings)
    assert len(headings) == len(documented)
    assert documented == {hook: signature_of(hook) for hook in HOOK_PARAMETERS}


def test_kmalloc_aligns_to_8_unless_told_otherwise(direct):
    direct.kernel.hooks.kmalloc(100)
    assert view_of(direct).state.kmalloc == (100, 8)


def test_plain_bits_are_flags(direct):
    direct.kernel.hooks.map_page(0x7000, 0xC0000000, 0x8000, 3)
    assert view_of(direct).state.map_page[3] is RIGHTS


# --- parameters by name ---------------------------------------------------------------------------


def call_of(function, hook, *arguments, through_pluggy=False):
    class Toy:
        pass

    toy = Toy()
    setattr(toy, hook, hookimpl(function))
    extras = [toy, Wrapped()] if through_pluggy else [toy]
    return boot(until="console", extras=extras).call(hook, *arguments)


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_an_implementation_may_leave_parameters_out(through_pluggy):
    assert call_of(lambda size: size, "kmalloc", 7, 16, through_pluggy=through_pluggy) == 7


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_an_implementation_may_reorder_parameters(through_pluggy):
    def kmalloc(align, kernel, size):
        assert kernel.cpu is not None
        return size * 1000 + align

    assert call_of(kmalloc, "kmalloc", 7, 16, through_pluggy=through_pluggy) == 7016


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_a_parameter_with_a_default_is_passed_all_the_same(through_pluggy):
    def kmalloc(kernel, size, align=8):  # noqa: ARG001 - the hook's signature
        return align

    assert call_of(kmalloc, "kmalloc", 7, 64, through_pluggy=through_pluggy) == 64


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_keyword_only_parameters_are_passed_by_name(through_pluggy):
    def kmalloc(*, align, size):
        return size * 1000 + align

    assert call_of(kmalloc, "kmalloc", 7, 16, through_pluggy=through_pluggy) == 7016


def test_a_helper_parameter_with_a_default_is_left_to_its_default():
    def kmalloc(size, extra=5, align=8):
        return size * 10000 + extra * 1000 + align

    assert call_of(kmalloc, "kmalloc", 7, 16) == 75016


def test_a_static_and_a_class_method_can_be_hooks():
    class Toy:
        @hookimpl
        @staticmethod
        def kmalloc(size):
            return size

        @classmethod
        @hookimpl
        def pmm_alloc_frame(cls):
            return 0x1000 if cls is Toy else None

    booted = boot(until="console", extras=[Toy])
    assert booted.call("kmalloc", 24) == 24
    assert booted.call("pmm_alloc_frame") == 0x1000


# --- what is not provided -------------------------------------------------------------------------


def test_an_extension_hook_that_nobody_provides_is_not_supported():
    booted = boot(until="console", extras=[])
    with pytest.raises(NotSupported, match="map_range"):
        booted.call("map_range", 0, AddrRange(0, 0), 0, RIGHTS)


def test_a_hook_that_nobody_provides_is_an_oops_of_kind_missing():
    booted = boot(until="console", extras=[])
    with pytest.raises(KernelOops) as caught:
        booted.call("pmm_stats")
    assert caught.value.oops.kind == "missing"
    assert caught.value.oops.message == "no plugin implements pmm_stats"


def test_chains_without_a_plugin_give_no_answer():
    hooks = boot(until="console", extras=[]).kernel.hooks
    assert hooks.page_fault(FAULT) is None
    assert hooks.render_memory(80, 25) is None
    assert hooks.frame_refcount(0x1000) is None
    assert hooks.region_tags() == []
    assert hooks.selftest() == []


# --- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hook", "arguments", "parameter"),
    [
        ("pmm_free_frame", (None,), "frame=None"),
        ("map_page", (0x7000, 0xC0000000, None, RIGHTS), "frame=None"),
        ("map_page", (0x7000, 0xC0000000, 0x8000, "rw"), "flags='rw'"),
        ("kmalloc", (1.5, 8), "size=1.5"),
        ("phys_to_virt", (True,), "physical=True"),
        ("map_range", (0, (0, 1), 0, RIGHTS), "pages="),
        ("install_guard", ("STACK",), "request='STACK'"),
    ],
)
def test_an_argument_of_the_wrong_type_is_the_callers_error(direct, hook, arguments, parameter):
    with pytest.raises(TypeError, match=re.escape(f"{hook} was called with {parameter}")):
        direct.call(hook, *arguments)


def test_a_wrong_argument_is_blamed_on_the_line_that_passes_it():
    class Heap:
        @hookimpl
        def kmalloc(self, kernel, size, align):  # noqa: ARG002 - the hook's signature
            frame = None
            kernel.hooks.pmm_free_frame(frame)

    booted = boot(until="pmm", roles={}, extras=[Heap()])
    with pytest.raises(KernelOops) as caught:
        booted.call("kmalloc", 8)
    oops = caught.value.oops
    assert (oops.hook, oops.plugin, oops.kind) == ("kmalloc", "Heap", "raised")
    assert oops.source_line == "kernel.hooks.pmm_free_frame(frame)"
    assert "frame=None" in oops.message


# --- events ---------------------------------------------------------------------------------------


def test_a_call_leaves_an_event_with_arguments_and_result(direct):
    direct.call("kmalloc", 100, 16)
    event = direct.machine.trace.events[-1]
    assert event.kind == "hook"
    assert event.fields == {
        "hook": "kmalloc",
        "depth": 0,
        "arguments": {"size": 100, "align": 16},
        "plugin": "Everything",
        "result": 0xC1000010,
    }


def test_hooks_that_run_at_every_access_leave_no_event(direct):
    before = len(direct.machine.trace.events)
    direct.call("phys_to_virt", 0x1000)
    assert len(direct.machine.trace.events) == before


def test_broadcast_hooks_are_those_that_all_answer():
    assert set(BROADCAST_HOOKS) == {"selftest", "on_event"}
