from kernel_sim.values import AddrRange


def test_the_screen_is_blank_at_power_on(bench):
    assert bench.machine.vga.lines() == [" " * 80] * 25


def test_characters_stored_at_b8000_appear_on_the_screen(bench):
    bench.cpu.store(0xB8000, 2, 0x0748)
    bench.cpu.write(0xB8000 + 2 * (24 * 80 + 79), b"!\x0f")
    lines = bench.machine.vga.lines()
    assert lines[0] == "H" + " " * 79
    assert lines[24] == " " * 79 + "!"


def test_holes_read_all_ones_and_a_write_is_a_bus_error(bench):
    before = len(bench.machine.trace.events)
    assert bench.cpu.load(0xA0000, 4) == 0xFFFF_FFFF
    assert bench.cpu.load(0x8000_0000, 8) == (1 << 64) - 1
    bench.cpu.store(0x8000_0004, 4, 5)
    assert bench.cpu.load(0x8000_0004, 4) == 0xFFFF_FFFF
    (event,) = bench.machine.trace.events[before:]
    assert (event.kind, event.fields) == ("bus_error", {"physical": 0x8000_0004, "size": 4})


def test_the_bios_rom_does_not_change(bench):
    before = bench.cpu.load(0xF0000, 8)
    for _ in range(2):
        bench.cpu.store(0xF0000, 4, 0)
    assert bench.cpu.load(0xF0000, 8) == before
    assert [e.kind for e in bench.machine.trace.events[-2:]] == ["bus_error"] * 2


def test_a_device_answers_in_its_range_and_each_access_is_an_event(bench):
    class Counter:
        value = 5

        def load(self, offset, size_bytes):
            return self.value + offset if size_bytes == 4 else 0

        def store(self, offset, size_bytes, value):
            self.value = value + offset + size_bytes

    bench.machine.bus.attach(AddrRange(0xFEE0_0000, 0xFEE0_1000), Counter())
    assert bench.cpu.load(0xFEE0_0020, 4) == 0x25
    bench.cpu.store(0xFEE0_0000, 4, 7)
    assert bench.cpu.load(0xFEE0_0000, 4) == 11
    accesses = [e.fields["access"] for e in bench.machine.trace.events if e.kind == "mmio"]
    assert accesses == ["load", "store", "load"]


def test_ports_are_recorded(bench):
    assert bench.cpu.inb(0x21) == 0xFF
    bench.cpu.outb(0x21, 0xFE)
    assert bench.cpu.inb(0x21) == 0xFE
    assert bench.machine.trace.events[-1].fields == {"access": "out", "port": 0x21, "value": 0xFE}
