"""Who is asked first: rank, then name, whatever the order of loading."""

import itertools

import pytest

from kernel_sim import hookimpl
from kernel_sim.boot import boot
from kernel_sim.values import FaultAction, PageFault, SelfTestResult

FAULT = PageFault(0x1000, 0, 0, 0, 0, 0)


def make(name, asked, *, guard=False, pager=False, answer=None, **options):
    """A plugin called ``name`` that notes when its ``page_fault`` is asked."""

    def page_fault(self, fault):  # noqa: ARG001 - the hook's signature
        asked.append(name)
        return answer

    def install_guard(self, request):  # noqa: ARG001 - the hook's signature
        return None

    members = {"page_fault": hookimpl(**options)(page_fault)}
    if guard:
        members["install_guard"] = hookimpl(install_guard)
    if pager:
        members["page_fault_rank"] = "pager"
    return type(name, (), members)()


def wrapper():
    class Around:
        @hookimpl(wrapper=True)
        def page_fault(self):
            return (yield)

    return Around()


def plugins(asked):
    return [
        make("Alpha", asked),
        make("Beta", asked, pager=True),
        make("Gamma", asked, guard=True),
        make("Delta", asked, trylast=True),
        make("Zeta", asked, tryfirst=True),
    ]


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_guards_come_first_then_pagers_then_the_others_by_name(through_pluggy):
    orders = set()
    for shift in range(5):
        asked = []
        loaded = plugins(asked)
        loaded = loaded[shift:] + loaded[:shift] + ([wrapper()] if through_pluggy else [])
        assert boot(until="console", extras=loaded).call("page_fault", FAULT) is None
        orders.add(tuple(asked))
    assert orders == {("Gamma", "Beta", "Alpha", "Delta", "Zeta")}


@pytest.mark.parametrize("through_pluggy", [False, True])
def test_the_first_answer_ends_the_chain(through_pluggy):
    for order in itertools.permutations(range(3)):
        asked = []
        loaded = [
            make("Alpha", asked, answer=FaultAction.PANIC),
            make("Beta", asked, pager=True, answer=FaultAction.RETRY),
            make("Gamma", asked, guard=True),
        ]
        extras = [loaded[index] for index in order] + ([wrapper()] if through_pluggy else [])
        booted = boot(until="console", extras=extras)
        assert booted.call("page_fault", FAULT) is FaultAction.RETRY
        assert asked == ["Gamma", "Beta"]


def test_a_guard_that_fills_another_role_has_no_guards_rank():
    asked = []
    guard = make("Gamma", asked, guard=True)
    booted = boot(until="guard", roles={"guard": "kernel_v_guard"}, extras=[make("Alpha", asked)])
    assert booted.ok
    booted = boot(until="console", extras=[make("Alpha", asked), guard])
    asked.clear()
    booted.call("page_fault", FAULT)
    assert asked == ["Gamma", "Alpha"]


def test_tryfirst_and_trylast_count_in_other_chains():
    def counting(name, answer, **options):
        def frame_refcount(self, frame):  # noqa: ARG001 - the hook's signature
            return answer

        return type(name, (), {"frame_refcount": hookimpl(**options)(frame_refcount)})()

    booted = boot(until="console", extras=[counting("A", 1), counting("B", 2, tryfirst=True)])
    assert booted.call("frame_refcount", 0) == 2
    booted = boot(until="console", extras=[counting("A", 1, trylast=True), counting("B", 2)])
    assert booted.call("frame_refcount", 0) == 2


def test_all_self_tests_are_called_and_none_means_nothing_to_test():
    def testing(name, result):
        def selftest():
            return result

        return type(name, (), {"selftest": staticmethod(hookimpl(selftest))})()

    extras = [testing("B", ("b", False, "no")), testing("C", None), testing("A", ("a", True))]
    assert boot(until="console", extras=extras).call("selftest") == [
        SelfTestResult("a", passed=True),
        SelfTestResult("b", passed=False, detail="no"),
    ]


def test_a_wrapper_may_change_the_answer_and_its_own_error_is_its_own_oops():
    class Pmm:
        @hookimpl
        def pmm_alloc_frame(self):
            return 0x1000

    class Doubling:
        @hookimpl(wrapper=True)
        def pmm_alloc_frame(self, kernel):
            kernel.state.seen = True
            result = yield
            return result * 2

    class Failing:
        @hookimpl(wrapper=True)
        def pmm_alloc_frame(self):
            yield
            raise RuntimeError("mine")

    assert boot(until="console", extras=[Pmm(), Doubling()]).call("pmm_alloc_frame") == 0x2000
    booted = boot(until="console", extras=[Pmm(), Failing()])
    with pytest.raises(Exception, match="RuntimeError: mine") as caught:
        booted.call("pmm_alloc_frame")
    assert caught.value.oops.plugin == "Failing"


def test_a_wrapper_of_the_old_kind_works_too():
    class Pmm:
        @hookimpl
        def pmm_alloc_frame(self):
            return 0x1000

    class Old:
        @hookimpl(hookwrapper=True)
        def pmm_alloc_frame(self):
            outcome = yield
            outcome.force_result(outcome.get_result() + 0x1000)

    assert boot(until="console", extras=[Pmm(), Old()]).call("pmm_alloc_frame") == 0x2000


def test_an_inner_oops_passes_a_wrapper_and_keeps_its_owner():
    class Pmm:
        @hookimpl
        def pmm_alloc_frame(self):
            raise KeyError("inner")

    class Around:
        @hookimpl(wrapper=True)
        def pmm_alloc_frame(self):
            return (yield)

    booted = boot(until="console", extras=[Pmm(), Around()])
    with pytest.raises(Exception, match="KeyError") as caught:
        booted.call("pmm_alloc_frame")
    assert caught.value.oops.plugin == "Pmm"
