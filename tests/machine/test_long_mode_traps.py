import pytest

from kernel_sim.errors import MachineStopped, TripleFault
from kernel_sim.machine.exceptions import Vector

USER_FLAGS = 7


class UserSpace:
    """A root of its own, with one user page of code and one of data, beside all of the kernel's."""

    code, data = 0x40_0000, 0x40_1000

    def __init__(self, bench):
        self.bench = bench
        self.next = 0x600_0000
        cpu, offset = bench.cpu, bench.offset
        self.root = self.frame()
        cpu.write(offset + self.root, cpu.read(offset + (cpu.cr3 & ~0xFFF), 4096))
        table = self.root
        for index in (0, 0, 2):
            below = self.frame()
            cpu.store(offset + table + 8 * index, 8, below | USER_FLAGS)
            table = below
        self.frames = [self.frame(), self.frame()]
        cpu.store(offset + table, 8, self.frames[0] | 5)
        cpu.store(offset + table + 8, 8, self.frames[1] | USER_FLAGS | 1 << 63)

    def frame(self):
        self.next += 0x1000
        self.bench.cpu.fill(self.bench.offset + self.next, 4096, 0)
        return self.next


@pytest.fixture
def user(long_bench):
    return UserSpace(long_bench)


def stop_at(bench, frames, vector=14, **gate):
    def handler(frame):
        frames.append(frame)
        raise MachineStopped("stopped by the handler")

    bench.install(vector, handler, **gate)


def test_user_code_loads_stores_and_fetches_in_its_own_space(long_bench, user):
    cpu = long_bench.cpu
    root = cpu.cr3
    with cpu.user(user.root):
        cpu.store(user.data, 8, 0x1234)
        assert (cpu.load(user.data, 8), cpu.fetch(user.code), cpu.cpl) == (0x1234, 0, 3)
    assert (cpu.cpl, cpu.cr3) == (0, root)
    assert long_bench.machine.ram.load(user.frames[1], 8) == 0x1234


@pytest.mark.parametrize(
    ("access", "code"),
    [
        (lambda cpu, bench, _user: cpu.load(bench.symbols["bss"], 8), 0x5),
        (lambda cpu, bench, _user: cpu.store(bench.symbols["bss"], 8, 1), 0x7),
        (lambda cpu, bench, _user: cpu.fetch(bench.symbols["kernel_main"]), 0x15),
        (lambda cpu, bench, _user: cpu.load(bench.offset + 0x10_0000, 8), 0x5),
        (lambda cpu, _bench, user: cpu.store(user.code, 8, 1), 0x7),
        (lambda cpu, _bench, user: cpu.fetch(user.data), 0x15),
        (lambda cpu, _bench, user: cpu.load(user.data + 0x1000, 8), 0x4),
    ],
)
def test_what_user_code_may_not_do_is_a_page_fault_that_says_so(long_bench, user, access, code):
    frames = []
    stop_at(long_bench, frames)
    with pytest.raises(MachineStopped, match="by the handler"), long_bench.cpu.user(user.root):
        access(long_bench.cpu, long_bench, user)
    assert (frames[0].error_code, frames[0].cpl) == (code, 3)


def test_from_user_mode_the_frame_goes_to_rsp0_with_a_null_ss_loaded(long_bench, user):
    cpu = long_bench.cpu
    seen = []
    entry = None

    def mend(frame):
        seen.append((frame, cpu.cpl, cpu.sp, cpu.segments["ss"]))
        cpu.store(entry, 8, user.frames[1] | USER_FLAGS)

    long_bench.install(14, mend)
    with cpu.user(user.root):
        entry = long_bench.entry(user.data)
        cpu.set_cpl(0)
        cpu.store(entry, 8, 0)
        cpu.set_cpl(3)
        before = (cpu.ip, cpu.flags, cpu.sp)
        cpu.store(user.data + 8, 8, 9)
        assert (cpu.cpl, cpu.sp) == (3, before[2])
    ip, flags, sp = before
    top = long_bench.rsp0
    assert long_bench.frame(top, 6) == [0x6, ip, 0x08 | 3, flags, sp, 0x10 | 3]
    frame, cpl, inner_sp, ss = seen[0]
    assert (frame.pushed_at, cpl, inner_sp, ss) == (top - 48, 0, top - 48, 0)
    assert long_bench.machine.ram.load(user.frames[1] + 8, 8) == 9


@pytest.mark.parametrize("ist", range(1, 8))
def test_each_ist_number_selects_its_stack_and_zero_selects_none(long_bench, ist):
    cpu, frames = long_bench.cpu, []
    page = long_bench.symbols["guard_page"]
    for number, top in ((ist, long_bench.ist(ist)), (0, cpu.sp & ~0xF)):
        stop_at(long_bench, frames, ist=number)
        sp = cpu.sp
        with pytest.raises(MachineStopped):
            cpu.load(page, 8)
        assert frames[-1].pushed_at == top - 48
        cpu.sp = sp
        assert long_bench.frame(top, 6)[4] == sp


def test_an_ist_stack_takes_frames_from_user_mode_too(long_bench, user):
    frames = []
    stop_at(long_bench, frames, ist=4)
    with pytest.raises(MachineStopped), long_bench.cpu.user(user.root):
        long_bench.cpu.load(0, 8)
    assert frames[0].pushed_at == long_bench.ist(4) - 48


def test_a_vector_without_error_code_pushes_five_words(long_bench):
    cpu = long_bench.cpu
    long_bench.install(6, lambda _frame: None, ist=1)
    sp = cpu.sp
    cpu.interrupt(Vector.UD)
    assert long_bench.frame(long_bench.ist(1), 5) == [cpu.ip, 0x08, cpu.flags, sp, 0x10]
    assert cpu.sp == sp


def test_an_overflowing_stack_is_reported_on_the_double_fault_stack(long_bench):
    frames = []
    stop_at(long_bench, frames, 8, ist=1)
    long_bench.install(14, lambda _frame: None)
    cpu = long_bench.cpu
    cpu.sp = long_bench.symbols["stack_bottom"]
    with pytest.raises(MachineStopped, match="by the handler"):
        cpu.push(1)
    assert (frames[0].vector, frames[0].error_code) == (8, 0)
    assert frames[0].pushed_at == long_bench.ist(1) - 48


def test_without_an_ist_the_same_overflow_is_a_triple_fault(long_bench):
    stop_at(long_bench, [], 8)
    long_bench.install(14, lambda _frame: None)
    long_bench.cpu.sp = long_bench.symbols["stack_bottom"]
    with pytest.raises(TripleFault):
        long_bench.cpu.push(1)


def test_a_gate_lies_16_bytes_apart_and_holds_64_bits_of_offset(long_bench):
    cpu, idt = long_bench.cpu, long_bench.symbols["idt"]
    stop_at(long_bench, [], 14)
    low, high = cpu.load(idt + 14 * 16, 8), cpu.load(idt + 14 * 16 + 8, 8)
    offset = low & 0xFFFF | low >> 48 << 16 | high << 32
    assert offset == long_bench.symbols["isr_stubs"] + 14 * 16
    cpu.lidt(idt, 14 * 16 + 14)
    with pytest.raises(TripleFault, match="beyond the IDT"):
        cpu.load(0, 8)
