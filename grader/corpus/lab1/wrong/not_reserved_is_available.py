# concept: class-unknown
# check: classes
# expected_score: 75
"""There is reserved memory, and the rest."""

from kernel_sim import MemoryRegion, RegionKind, hookimpl


class E820Entry:
    SIZE_WITHOUT_ATTRIBUTES = 20

    def __init__(self, data):
        self.base = int.from_bytes(data[0:8], "little")
        self.length = int.from_bytes(data[8:16], "little")
        self.type = int.from_bytes(data[16:20], "little")
        self.attributes = 1
        if len(data) > self.SIZE_WITHOUT_ATTRIBUTES:
            self.attributes = int.from_bytes(data[20:24], "little")

    @property
    def end(self):
        return min(self.base + self.length, 2**64)

    @property
    def valid(self):
        return self.attributes & 1 == 1 and self.length != 0

    @property
    def kind(self):
        match self.type:
            case 2:
                return RegionKind.RESERVED
        return RegionKind.AVAILABLE


class MemoryMap:
    def __init__(self, cpu, info):
        self.entries = []
        for number in range(info.count):
            data = cpu.read(info.table + number * info.entry_size, info.entry_size)
            entry = E820Entry(data)
            if entry.valid:
                self.entries.append(entry)

    def kind_at(self, address):
        kinds = [e.kind for e in self.entries if e.base <= address < e.end]
        return max(kinds) if kinds else None

    def regions(self):
        cuts = set()
        for e in self.entries:
            cuts.add(e.base)
            cuts.add(e.end)
        cuts = sorted(cuts)
        result = []
        for i in range(len(cuts) - 1):
            kind = self.kind_at(cuts[i])
            if kind is not None:
                result.append(MemoryRegion(cuts[i], cuts[i + 1] - cuts[i], kind))
        return result


@hookimpl
def parse_memory_map(kernel, boot_info):
    return MemoryMap(kernel.cpu, boot_info).regions()


@hookimpl
def describe_region(kernel, region):
    text = region.kind.name.replace("_", " ").lower()
    return f"[{region.base:#018x}] {region.length:#018x} bytes: {text}"
