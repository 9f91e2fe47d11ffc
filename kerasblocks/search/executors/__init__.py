"""Where trials run: in this process, in others of this machine, on a cluster."""

from __future__ import annotations

from kerasblocks.search.executors.in_process import InProcess
from kerasblocks.search.folder import Folder
from kerasblocks.search.jobs import Executor
from kerasblocks.search.study import Study

__all__ = ["InProcess", "executor_for"]


def executor_for(
    study: Study,
    here: Study,
    folder: Folder,
    todo: int,
    workers: int | None = None,
    ray: str | None = None,
) -> Executor:
    """Return the executor that was asked for.

    Args:
        study: The study, to be sent to other processes.
        here: The study with data that are read once, for this process.
        folder: Where the study's files go.
        todo: How many trials there are to run: no worker starts in vain.
        workers: How many processes; None for this one.
        ray: The address of a Ray cluster, `"local"`, or None.
    """
    if ray is not None:
        from kerasblocks.search.executors.ray import Ray

        return Ray(study, ray, workers=workers)
    if workers is not None:
        from kerasblocks.search.executors.pool import Pool

        return Pool(study, min(workers, todo), logs=folder.logs)
    return InProcess(here)
