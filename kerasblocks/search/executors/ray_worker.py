"""A worker on a Ray cluster as the driver sees it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from kerasblocks.search.executors.environment import environment
from kerasblocks.search.executors.ray_actor import Greeting
from kerasblocks.search.jobs import Job, Outcome
from kerasblocks.search.trial import FAILED

_FORWARDED = (
    *("KERAS_", "TF_", "XLA_", "JAX_", "PYTORCH_", "TORCH_"),
    *("OMP_", "MKL_", "OPENBLAS_", "NPROC"),
)


class Worker:
    """An actor, the trial that it has, and what it is to say next.

    Args:
        number: From 1 on; a worker that takes another's place has its number.
        actor: Ray's handle.
        pending: Ray's reference to what the actor says next.
    """

    def __init__(self, number: int, actor: Any, pending: Any) -> None:
        self.number = number
        self.actor = actor
        self.pending = pending
        self.greeting: Greeting | None = None
        self.job: Job | None = None
        self.silent = 0.0

    def give(self, job: Job, pending: Any) -> None:
        """Take note of a trial that the actor has got."""
        self.job, self.pending = job, pending
        self.silent, self._begun = 0.0, time.monotonic()

    def rest(self) -> None:
        """Be free again."""
        self.job = self.pending = None

    def hangs(self) -> bool:
        """Whether its trial gave no sign of life for too long."""
        limit = None if self.job is None else self.job.hang
        return limit is not None and self.silent > limit

    def fail(self, cause: str, error: str, traceback: str) -> Outcome:
        """Give up the trial; return how it ended."""
        assert self.job is not None
        number, seconds = self.job.number, time.monotonic() - self._begun
        self.rest()
        return Outcome(
            number,
            FAILED,
            seconds=seconds,
            cause=cause,
            error=error,
            traceback=traceback,
        )


def variables(
    backend: str, cpus: float, gpus: float, given: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the environment variables of an actor, on whatever node.

    Those of this process that Keras and its backends read go along.

    Args:
        backend: Keras' backend.
        cpus: How many CPUs it has, and so threads.
        gpus: How many GPUs; Ray says which.
        given: The variables of this process, `os.environ` by default.

    Example:
        >>> found = variables("jax", 2, 0, {"HOME": "/me", "JAX_PLATFORMS": "cpu"})
        >>> found["KERAS_BACKEND"], found["OMP_NUM_THREADS"], found["JAX_PLATFORMS"]
        ('jax', '2', 'cpu')
        >>> "HOME" in found, found["CUDA_VISIBLE_DEVICES"]
        (False, '')
    """
    given = os.environ if given is None else given
    along = {name: text for name, text in given.items() if name.startswith(_FORWARDED)}
    # No share of the GPUs of this machine, which may be another than the node.
    known = {**along, "CUDA_VISIBLE_DEVICES": ""}
    own = environment(0, 1, backend, known, max(1, int(cpus)))
    none = {} if gpus else {"CUDA_VISIBLE_DEVICES": ""}
    return {"TF_CPP_MIN_LOG_LEVEL": "2", **along, **own, **none}
