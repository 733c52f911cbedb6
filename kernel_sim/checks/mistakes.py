"""The typical mistakes of Lab 1, made one at a time: the knowledge base of likely causes.

The order decides where several mistakes explain the same table: what is more usual stands first.
"""

from typing import Final

from kernel_sim.checks.mistakes_classes import CLASSES
from kernel_sim.checks.mistakes_entries import ENTRIES
from kernel_sim.checks.mistakes_reading import READING
from kernel_sim.checks.mistakes_regions import REGIONS
from kernel_sim.checks.parser_model import Mistake

MISTAKES: Final[tuple[Mistake, ...]] = (*READING, *ENTRIES, *CLASSES, *REGIONS)
