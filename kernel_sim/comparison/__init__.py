"""Kernels side by side: the same workload on several profiles and plugins."""

from kernel_sim.comparison.contender import Contender, contender
from kernel_sim.comparison.row import Row, compared
from kernel_sim.comparison.workload import WORKLOADS, Sample, Work

__all__ = ["WORKLOADS", "Contender", "Row", "Sample", "Work", "compared", "contender"]
