"""The rules of the picture of memory: every cell says what map and bitmap say (KV-35).

::

    '.'  all usable frames of the cell are free      '+'  some are in use      '#'  all are
    anything else                                    the cell has no usable frame
"""

from dataclasses import replace
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.checks.accesses import DESCRIBE
from kernel_sim.checks.bench import Failure
from kernel_sim.checks.frame_bitmap import read_bitmap
from kernel_sim.checks.guard_world import Step, World
from kernel_sim.checks.hook_failure import violation_of
from kernel_sim.checks.operations_run import Breach
from kernel_sim.values import Cell

VIEW_RULES: Final = frozenset({"view"})
MEMORY: Final = ".+#"
OTHER: Final = " "
"""In a picture of what is right: any character that does not stand for memory."""
_CONCEPTS: Final = {".": "view-free", "#": "view-used", "+": "view-partly", " ": "view-reserved"}


def right_cells(
    world: World, columns: int, rows: int, used: int | None = None, usable: int | None = None
) -> str:
    """The characters that are right now; `OTHER` where there is no usable frame.

    Args:
        world: the machine.
        columns: of the picture.
        rows: of the picture.
        used: the set of frames in use; as the bitmap says by default.
        usable: the set of usable frames; by default what it should be.
    """
    count = columns * rows
    usable = world.layout.usable if usable is None else usable
    in_use = world.space.used_frames(world.run) if used is None else used
    size = per_cell(world, count)
    cell = (1 << size) - 1
    characters = []
    for index in range(count):
        mine = usable >> index * size & cell
        taken = (mine & in_use >> index * size).bit_count()
        whole = mine.bit_count()
        if not whole:
            characters.append(OTHER)
        else:
            characters.append("." if not taken else "#" if taken == whole else "+")
    return "".join(characters)


def per_cell(world: World, count: int) -> int:
    """How many frames a cell stands for where there are ``count`` cells."""
    return max(1, -(-(world.layout.limit // PAGE_SIZE) // count))


def judge_view(world: World, step: Step) -> Breach | None:
    """A picture that was asked for."""
    turn = step.turn
    if turn.hook == DESCRIBE and isinstance(turn.args[0], int):
        world.divided.add(turn.args[0] // PAGE_SIZE)
    if turn.hook != "render_memory":
        return None
    if turn.outcome.failure is not None:
        return _failed(world, turn.outcome.failure)
    columns, rows = turn.args
    if not isinstance(columns, int) or not isinstance(rows, int):
        return None
    if world.config["memviz"]:
        return _judge_picture(world, turn.outcome.value, columns, rows)
    if turn.outcome.value is None:
        return None
    text = "render_memory drew although config.memviz is off"
    return Breach("view", "KV-40", text, 0, "toggle-off", "None", "a picture")


def _failed(world: World, failure: Failure) -> Breach:
    """What failed; an index that is too large is most likely that of a frame."""
    broken = violation_of(failure, "KV-35")
    if failure.error == "IndexError":
        stats = world.space.stats
        concept = "view-usable" if world.divided else broken.concept
        concept = "view-bits" if stats is not None and stats.first_frame else concept
        return Breach("view", "KV-35", broken.problem, 0, concept)
    return Breach("view", "KV-35", broken.problem, 0, broken.concept)


def _judge_picture(world: World, cells: object, columns: int, rows: int) -> Breach | None:
    if not isinstance(cells, list) or len(cells) != columns * rows:
        got = "nothing" if not isinstance(cells, list) else f"{len(cells)} cells"
        text = f"a picture of {columns} by {rows} came as {got}"
        return Breach("view", "KV-35", text, 0, "view-cells", f"{columns * rows} cells", got)
    return _judge_cells(world, [_character(cell) for cell in cells], columns, rows)


def _character(cell: object) -> str:
    character = cell.character if isinstance(cell, Cell) else ""
    return character if character and character in MEMORY else OTHER


def _judge_cells(world: World, got: list[str], columns: int, rows: int) -> Breach | None:
    right = right_cells(world, columns, rows)
    earlier = world.pictures.setdefault((columns, rows), [])
    wrong = [k for k in range(len(right)) if right[k] != got[k]]
    if not wrong:
        earlier.append(right)
        return None
    concept = "view-cached" if "".join(got) in earlier else _likely(right, got, wrong)
    if _is_misread(world, "".join(got), columns, rows):
        concept = "view-bits"
    elif world.divided and _is_apart(world, "".join(got), columns, rows):
        concept = "view-usable"
    index = wrong[0]
    first = index * per_cell(world, columns * rows) * PAGE_SIZE
    text = (
        f"cell {index}, memory from {first:#x}, shows {got[index]!r}; "
        f"{len(wrong)} of {len(right)} cells are wrong"
    )
    return Breach("view", "KV-35", text, first, concept, repr(right[index]), repr(got[index]))


def _is_misread(world: World, got: str, columns: int, rows: int) -> bool:
    """Whether the picture is right for bits read otherwise than the statistics say."""
    stats = world.space.stats
    if stats is None:
        return False
    others = (
        replace(stats, bit_order=order, used_bit=bit, first_frame=first)
        for order in ("lsb", "msb")
        for bit in (0, 1)
        for first in {0, stats.first_frame}
    )
    wrong = (read_bitmap(world.run, other).used for other in others if other != stats)
    return any(right_cells(world, columns, rows, used) == got for used in wrong)


def _is_apart(world: World, got: str, columns: int, rows: int) -> bool:
    """Whether the picture is right but for regions that touch and count for themselves."""
    seams = sum(1 << number for number in world.divided)
    return right_cells(world, columns, rows, usable=world.layout.usable & ~seams) == got


def _likely(right: str, got: list[str], wrong: list[int]) -> str:
    """What is not understood: where all sorts of cells are wrong it is the scale."""
    kinds = {right[k] for k in wrong}
    if len(kinds) > 1 and len(wrong) > 3 and sorted(right) != sorted(got):
        return "view-scale"
    if right[wrong[0]] in ".#" and got[wrong[0]] == OTHER:
        return "view-scale"
    return _CONCEPTS[right[wrong[0]]]
