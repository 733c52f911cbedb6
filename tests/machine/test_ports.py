import pytest


def test_what_is_written_is_kept_in_order(bench):
    cpu, ports = bench.cpu, bench.machine.ports
    for port, value in ((0x21, 0xFB), (0x70, 0x8F), (0x21, 0xFF)):
        cpu.outb(port, value)
    assert ports.written == [(0x21, 0xFB), (0x70, 0x8F), (0x21, 0xFF)]
    assert (cpu.inb(0x21), cpu.inb(0x71)) == (0xFF, 0xFF)


def test_the_interrupt_controllers_are_masked_when_both_were_told(bench):
    ports = bench.machine.ports
    assert not ports.pic_masked
    bench.cpu.outb(0x21, 0xFF)
    assert not ports.pic_masked
    bench.cpu.outb(0xA1, 0xFF)
    assert ports.pic_masked


def test_bit_7_of_port_70_masks_nmis(bench):
    ports = bench.machine.ports
    assert not ports.nmi_masked
    bench.cpu.outb(0x70, 0x80)
    assert ports.nmi_masked
    bench.cpu.outb(0x70, 0x0F)
    assert not ports.nmi_masked


@pytest.mark.parametrize(("port", "value"), [(0x1_0000, 0), (-1, 0), (0x21, 0x100)])
def test_no_other_ports_and_no_other_bytes(bench, port, value):
    with pytest.raises(ValueError, match="16-bit port"):
        bench.cpu.outb(port, value)
    assert bench.machine.ports.written == []
