"""The frames that tables lie in: owned by the allocator, zeroed, not lost (KV-16, KV-25, I3, I7).

Whose a frame is the checks read from the allocator's bitmap in RAM, not from anybody's word.
"""

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import Run
from kernel_sim.checks.operations_run import Breach, Turn
from kernel_sim.checks.paging_tables import Tables, is_poison, poison_pair
from kernel_sim.values import AddrRange, FrameStats


class FrameBook:
    """Which frames the check was given, which are tables, and what the kernel keeps.

    Args:
        strict: whether breaches are to be reported.
    """

    def __init__(self, *, strict: bool) -> None:
        self.exhausted = False
        self.kept: dict[str, AddrRange] = {}
        self._strict = strict
        self._live: set[int] = set()
        self._tables: set[int] = set()
        self._counts: dict[str, list[int]] = {}
        self._stats: FrameStats | None = None

    def begin(self, run: Run) -> None:
        """Note what the kernel and the allocator keep on this machine."""
        info, stats = run.boot_info, run.call("pmm_stats").value
        if isinstance(stats, FrameStats):
            self._stats = stats
        if info is not None:
            end = info.table + info.count * info.entry_size
            self.kept = {
                "the kernel's image": info.kernel,
                "the boot stack": info.stack,
                "the text screen": AddrRange(0xB_8000, 0xB_9000),
                "the firmware's table": AddrRange(info.table, end),
            }
        if self._stats is not None:
            start = self._stats.bitmap_base
            self.kept["the frame bitmap"] = AddrRange(start, start + self._stats.bitmap_bytes)

    # --- calls ------------------------------------------------------------------------------------

    def allocated(self, turn: Turn) -> Breach | None:
        """Note a frame that the check was given."""
        frame = turn.outcome.value
        if turn.outcome.failure is not None or not isinstance(frame, int):
            self.exhausted = turn.outcome.failure is None
            return None
        self._live.add(frame)
        if frame in self._tables and self._strict:
            problem = f"pmm_alloc_frame gave {frame:#x} away, which is a page table"
            return _breach("table-owned", problem, "a frame that is free", hex(frame))
        return None

    def freed(self, turn: Turn) -> None:
        """Note a frame that the check gave back."""
        frame = turn.args[0]
        if turn.outcome.failure is None and isinstance(frame, int):
            self._live.discard(frame)
            self.exhausted = False

    def counted(self, state: str, run: Run) -> Breach | None:
        """Compare the free frames with those of earlier moments in the same state.

        Tables may stay when they are empty. But the third time that everything is as before, no
        further frame may be gone.
        """
        seen = self._counts.setdefault(f"{state} {sorted(self._live)}", [])
        seen.append(self.free(run))
        if not self._strict or len(seen) < 3 or not seen[-3] > seen[-2] > seen[-1]:
            return None
        counts = ", then ".join(map(str, seen[-3:]))
        problem = f"each time round frames are lost: {counts} were free"
        return _breach("table-leak", problem, f"{seen[-2]} free", f"{seen[-1]} free")

    def free(self, run: Run) -> int:
        """How many frames the allocator's bitmap calls free."""
        stats = self._stats
        if stats is None:
            return 0
        ones = int.from_bytes(
            run.ram.read(stats.bitmap_base, stats.bitmap_bytes), "big"
        ).bit_count()
        return stats.bitmap_bytes * 8 - ones if stats.used_bit else ones

    def note_tables(self, tables: Tables) -> None:
        """Note which frames are tables now."""
        self._tables = set(tables.frames)

    # --- tables -----------------------------------------------------------------------------------

    def check(self, tables: Tables, seed: int, run: Run) -> Breach | None:
        """What is wrong with the frames of the tables, or with those the check was given."""
        self.note_tables(tables)
        for frame in tables.frames:
            breach = self._owned(frame, run)
            if breach is not None:
                return breach
        return self.lost(run) or self._zeroed(tables, seed)

    def lost(self, run: Run) -> Breach | None:
        """A frame that the check was given and that the allocator holds for free."""
        for frame in sorted(self._live):
            if not self._is_used(frame, run):
                problem = f"the frame {frame:#x} is free again, but nobody gave it back"
                return _breach("unmap-frees-frame", problem, "a frame in use", "a free frame")
        return None

    def _owned(self, frame: int, run: Run) -> Breach | None:
        whose = "nobody's" if frame in self._live else ""
        for name, part in self.kept.items():
            if part.start < frame + PAGE_SIZE and frame < part.end:
                whose = name
        if frame in self._live:
            whose = "a frame that was handed out"
        if not frame:
            whose = "frame 0"
        if whose:
            problem = f"a table lies at {frame:#x}, which is {whose}"
            concept = "out-of-frames" if self.exhausted and not frame else "table-owned"
            return _breach(concept, problem, "a frame from pmm_alloc_frame", hex(frame))
        if not self._is_used(frame, run):
            problem = f"a table lies at {frame:#x}, which the allocator holds for free"
            return _breach("table-owned", problem, "a frame from pmm_alloc_frame", hex(frame))
        return None

    def _is_used(self, frame: int, run: Run) -> bool:
        stats = self._stats
        if stats is None:
            return True
        number = (align_down(frame, PAGE_SIZE) - stats.first_frame) // PAGE_SIZE
        if not 0 <= number < stats.bitmap_bytes * 8:
            return False
        byte = run.ram.load(stats.bitmap_base + number // 8, 1)
        shift = number % 8 if stats.bit_order == "lsb" else 7 - number % 8
        return byte >> shift & 1 == stats.used_bit

    def _zeroed(self, tables: Tables, seed: int) -> Breach | None:
        for index, frame in tables.links.items():
            entries = tables.entries(frame)
            if not any(entry in entries for entry in poison_pair(seed, frame)):
                continue
            for number, entry in enumerate(entries):
                if is_poison(seed, frame, number, entry):
                    page = index << 22 | number << 12
                    problem = f"the entry of {page:#x} in the table at {frame:#x} was never written"
                    return _breach("not-zeroed", problem, "0, not present", f"{entry:#x}")
        return None


def _breach(concept: str, problem: str, expected: str, got: str) -> Breach:
    return Breach(concept, "KV-25", problem, concept=concept, expected=expected, got=got)
