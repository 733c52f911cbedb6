"""Which pool judges: this process, judges beside it, or a cluster's workers."""

import contextlib
import sys
from collections.abc import Iterator

from kernel_sim_grader.class_grading import Means
from kernel_sim_grader.judge_pool import Here, JudgePool, Pool


@contextlib.contextmanager
def pool_for(means: Means, count: int) -> Iterator[Pool]:
    """The pool for ``count`` submissions, closed in the end whatever happens.

    Without Linux's fork there is one judge: this process.
    """
    jobs = min(means.jobs, count) if sys.platform == "linux" else 1
    if means.cluster is not None and count:
        from kernel_sim_grader.cluster import ClusterPool  # noqa: PLC0415 - imports distributed

        pool: Pool = ClusterPool(means.cluster)
    else:
        pool = JudgePool(jobs) if jobs > 1 else Here()
    try:
        yield pool
    finally:
        pool.close()
