"""NUMA nodes: which memory and which processors are near each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kernel_sim.addr import PAGE_SIZE
from kernel_sim.errors import InputError
from kernel_sim.values import AddrRange

LOCAL_DISTANCE: Final = 10
MAX_DISTANCE: Final = 254
MAX_NODES: Final = 16
MAX_RANGES: Final = 16


@dataclass(frozen=True, slots=True)
class NumaNode:
    """A node: its physical memory in whole pages, its processors' numbers, its distance to each.

    A distance is relative to 10, which is a node's distance to itself, and at most 254.
    """

    memory: tuple[AddrRange, ...]
    cpus: tuple[int, ...]
    distances: tuple[int, ...]


def check_nodes(nodes: Sequence[NumaNode], cpu_count: int, where: str) -> None:
    """Refuse nodes that contradict each other or the machine.

    Raises:
        InputError: names ``where`` and the node.
    """
    if len(nodes) > MAX_NODES:
        raise InputError(f"{len(nodes)} nodes", where=where, expected=f"at most {MAX_NODES}")
    memory = [item for node in nodes for item in node.memory]
    for index, node in enumerate(nodes):
        place = f"{where}: nodes[{index}]"
        _check_distances(node, index, len(nodes), place)
        if any(not 0 <= number < cpu_count for number in node.cpus):
            raise InputError(f"processors {node.cpus}", where=place, expected=f"below {cpu_count}")
        if len(node.memory) > MAX_RANGES or any(
            not item or item.start % PAGE_SIZE or item.end % PAGE_SIZE for item in node.memory
        ):
            raise InputError("memory that is no list of whole pages", where=f"{place}.memory")
    for one, two in ((a, b) for i, a in enumerate(memory) for b in memory[:i]):
        if one.overlaps(two):
            raise InputError(f"memory in two places: {two} and {one}", where=where)


def _check_distances(node: NumaNode, index: int, count: int, where: str) -> None:
    wrong = [item for item in node.distances if not LOCAL_DISTANCE <= item <= MAX_DISTANCE]
    if len(node.distances) != count or wrong or node.distances[index] != LOCAL_DISTANCE:
        raise InputError(
            f"distances {node.distances}",
            where=where,
            expected=f"{count} from {LOCAL_DISTANCE} to {MAX_DISTANCE}, {LOCAL_DISTANCE} to itself",
        )
