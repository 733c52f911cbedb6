"""One boot as Lab 5's rules see it: settings, memory, the model, and what each turn added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from kernel_sim.addr import PAGE_SIZE, align_down
from kernel_sim.checks.bench import Run
from kernel_sim.checks.frame_layout import FrameLayout, layout_of
from kernel_sim.checks.guard_ledger import Ledger, guard_pages, usable_pages
from kernel_sim.checks.kernel_space import KernelSpace, Leaf
from kernel_sim.checks.operations import Place
from kernel_sim.checks.operations_run import Turn
from kernel_sim.profiles import COMMON_SETTINGS, profile
from kernel_sim.values import Event, GuardedRegion

PAGE_FAULT: Final = 14
DOUBLE_FAULT: Final = 8


@dataclass(frozen=True, slots=True)
class Step:
    """A turn and the events that it left."""

    turn: Turn
    events: Sequence[Event]

    def logged(self, name: str) -> list[Event]:
        """The log events of one name."""
        return [e for e in self.events if e.kind == "log" and e.fields.get("event") == name]

    def called(self, hook: str) -> list[Event]:
        """The calls of one hook that came to an end."""
        return [e for e in self.events if e.kind == "hook" and e.fields.get("hook") == hook]

    @property
    def faults(self) -> list[Event]:
        """Every exception that the processor met."""
        return [e for e in self.events if e.kind == "fault"]

    @property
    def page_faults(self) -> list[Event]:
        """The page faults among them."""
        return [e for e in self.faults if e.fields.get("vector") == PAGE_FAULT]


@dataclass(frozen=True, slots=True)
class Account:
    """Where the frames that are in use have gone, each a number of frames."""

    used: int
    tables: int
    pages: int
    owned: int

    @property
    def unexplained(self) -> int:
        """Frames in use that are no table, lie behind no page, and are not the sequence's."""
        return self.used - self.tables - self.pages - self.owned


@dataclass(slots=True)
class World:
    """A boot: what it is, and what has come of it so far.

    Args:
        place: the boot.
        run: the machine.
        config: the settings of this boot.
        space: the kernel's tables.
        layout: the frames that the machine has.
        ledger: the model.
        kernel_guards: guards that the boot itself installed.
        account: the frames after the boot.
        pictures: the cells that would have been right so far, for each size asked for.
        divided: the frames in the middle of which a region ends that another one touches.
        page_zero: what the frame at page 0 holds, where the sequence mapped one.
        before: the frames before the present turn.
        free_before: how many could be allocated then.
        owned: the set of frames that may be handed out.
    """

    place: Place
    run: Run
    config: Mapping[str, Any]
    space: KernelSpace
    layout: FrameLayout
    ledger: Ledger = field(default_factory=Ledger)
    kernel_guards: int = 0
    account: Account = field(default_factory=lambda: Account(0, 0, 0, 0))
    pictures: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    divided: set[int] = field(default_factory=set)
    page_zero: bytes = b""
    before: Account = field(default_factory=lambda: Account(0, 0, 0, 0))
    free_before: int = 0
    owned: int = field(init=False)

    def __post_init__(self) -> None:
        self.owned = self.layout.owned

    @property
    def window(self) -> tuple[int, int]:
        """The addresses for guarded regions."""
        return self.config["guard_start"], self.config["guard_end"]

    def leaves(self) -> dict[int, Leaf]:
        """Every page of the window that is mapped now."""
        return self.space.leaves(*self.window)

    def take_account(self, leaves: Mapping[int, Leaf]) -> Account:
        """Where the frames are now; ``leaves`` are those of the window."""
        heap = self.space.leaves(self.config["heap_start"], self.config["heap_max_end"])
        return Account(
            used=self.space.used_frames(self.run).bit_count(),
            tables=self.space.table_count(),
            pages=len(leaves) + len(heap),
            owned=len(self.ledger.owned),
        )

    def free_frames(self) -> int:
        """How many frames can be allocated now."""
        return (self.owned & ~self.space.used_frames(self.run)).bit_count()

    def guards_now(self) -> int:
        """How many guard pages the regions of the sequence have."""
        pages = {page for region in self.ledger.installed for page in guard_pages(region)}
        return len(pages) - self.kernel_guards

    def read(self, address: int, size: int) -> int:
        """The number at a virtual address: through the window's tables, else one to one."""
        start, end = self.window
        if not start <= address < end:
            return self.run.ram.load(address, size)
        page = align_down(address, PAGE_SIZE)
        leaf = self.space.leaf(page)
        return self.run.ram.load(leaf.frame + address - page, size) if leaf is not None else 0

    def can_read(self, address: int) -> bool:
        """Whether a word of the kernel's lies at a virtual address."""
        start, end = self.window
        if start <= address < end:
            return self.space.leaf(align_down(address, PAGE_SIZE)) is not None
        return PAGE_SIZE <= address < self.layout.limit

    @property
    def stack_top(self) -> int:
        """The end of the stack that the kernel runs on."""
        stack = self.kernel_stack
        info = self.run.boot_info
        if stack is not None:
            return stack.end
        return info.stack.end if info is not None else 0

    @property
    def kernel_stack(self) -> GuardedRegion | None:
        """The region that the boot installed, if it did."""
        return self.ledger.installed[0] if self.kernel_guards else None


def world_of(place: Place, run: Run) -> World:
    """The world after a boot; what the boot itself installed is in its ledger."""
    config = {**COMMON_SETTINGS, **profile(place.profile).config, **dict(place.config)}
    world = World(place, run, config, KernelSpace(run), layout_of(place.spec()))
    stack = installed_at_boot(run.events())
    if stack is not None:
        world.ledger.installed.append(stack)
        world.kernel_guards = len(guard_pages(stack))
    world.account = world.before = world.take_account(world.leaves())
    world.free_before = world.free_frames()
    return world


def installed_at_boot(events: Sequence[Event]) -> GuardedRegion | None:
    """The region that the kernel got for its stack."""
    for event in reversed(events):
        result = event.fields.get("result")
        is_top = event.fields.get("depth") == 0
        if event.fields.get("hook") == "install_guard" and is_top and isinstance(result, dict):
            return GuardedRegion(**result)
    return None


def pages_text(region: GuardedRegion) -> str:
    """The pages of a region in a few words."""
    pages = usable_pages(region)
    return f"{pages.start:#x} to {pages.stop:#x}"
