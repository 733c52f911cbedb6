import pytest

from kernel_sim.errors import KernelError, TripleFault


def test_push_and_pop_are_words_in_memory(bench):
    cpu = bench.cpu
    sp = cpu.sp
    cpu.push(0x1234_5678)
    assert cpu.sp == sp - 4
    assert bench.ram.load(sp - 4, 4) == 0x1234_5678
    assert cpu.pop() == 0x1234_5678
    assert cpu.sp == sp


def test_a_frame_pushes_return_address_and_bp_and_reserves_locals(bench):
    cpu = bench.cpu
    sp, ip, bp = cpu.sp, cpu.ip, cpu.bp
    with cpu.frame("kmalloc", 10) as locals_address:
        assert bench.ram.load(sp - 4, 4) == ip
        assert bench.ram.load(sp - 8, 4) == bp
        assert cpu.bp == sp - 8
        assert cpu.sp == locals_address == sp - 8 - 12
        assert cpu.ip == cpu.symbols["kmalloc"] != ip
    assert (cpu.sp, cpu.ip, cpu.bp) == (sp, ip, bp)


def test_saved_frame_pointers_lead_up_the_stack(bench):
    cpu = bench.cpu
    with cpu.frame("outer", 16):
        outer_ip = cpu.ip
        with cpu.frame("inner"):
            assert cpu.load(cpu.bp + 4, 4) == outer_ip
            caller_bp = cpu.load(cpu.bp, 4)
            assert cpu.load(caller_bp + 4, 4) == bench.symbols["kernel_main"]


def test_the_way_back_reads_what_is_on_the_stack(bench):
    with bench.cpu.frame("victim", 8):
        bench.cpu.store(bench.cpu.bp + 4, 4, 0x6666_6666)
    assert bench.cpu.ip == 0x6666_6666


def test_an_error_in_a_frame_unwinds_it(bench):
    sp, ip = bench.cpu.sp, bench.cpu.ip
    with pytest.raises(KernelError), bench.cpu.frame("broken", 64):
        raise KernelError(0)
    assert (bench.cpu.sp, bench.cpu.ip) == (sp, ip)


def test_symbols_keep_their_address_and_lie_in_the_image(bench):
    cpu = bench.cpu
    first, second = cpu.symbol("a"), cpu.symbol("b")
    assert first == cpu.symbol("a") != second
    assert first in bench.machine.boot_info.kernel
    assert second in cpu.text
    room = cpu.text.end - cpu.symbols["b"]
    for number in range(room // 64 - 1):
        cpu.symbol(f"s{number}")
    with pytest.raises(KernelError, match="room for symbol"):
        cpu.symbol("one too many")


def test_a_push_below_the_mapped_stack_faults_and_leaves_sp(paged):
    paged.cpu.sp = 0x1000
    with pytest.raises(TripleFault):
        paged.cpu.push(1)
    assert paged.cpu.sp == 0x1000
    assert paged.cpu.cr2 == 0xFFC


def test_segments_are_loaded_from_the_gdt_in_memory(bench):
    cpu = bench.cpu
    cpu.load_segment("ds", 0x10)
    cpu.load_segment("cs", 0x08)
    assert cpu.segments["ds"] == 0x10
    for name, selector in (("cs", 0x10), ("ss", 0), ("ds", 0x50)):
        with pytest.raises(TripleFault):
            cpu.load_segment(name, selector)
    with pytest.raises(ValueError, match="expected cs, ds, es or ss"):
        cpu.load_segment("xs", 8)


def test_ltr_marks_the_tss_busy_and_refuses_a_busy_one(bench):
    bench.load_gdt_with_tss()
    assert bench.ram.load(bench.symbols["gdt"] + 0x18 + 5, 1) == 0x8B
    assert bench.cpu.tr.base == bench.symbols["tss"]
    with pytest.raises(TripleFault):
        bench.cpu.ltr(0x18)
