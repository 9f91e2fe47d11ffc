"""One of a pool's workers: a name that stays while processes come and go."""

from __future__ import annotations

import dataclasses
import os
import time

from kerasblocks.search.executors.process import Process
from kerasblocks.search.jobs import Job, Outcome
from kerasblocks.search.trial import FAILED

_LEAST_GROWTH = 2**28


class Slot:
    """A worker's name, its process, and the trial that it has.

    Args:
        index: From 0 on; the name counts from 1.
        process: Its first process.
    """

    def __init__(self, index: int, process: Process) -> None:
        self.index = index
        self.name = f"worker {index + 1}"
        self.job: Job | None = None
        self.deaths = 0
        """How many processes in a row died without having ended one trial."""
        self.renew(process)

    def renew(self, process: Process) -> None:
        """Take another process, and have it run the trial that was not begun."""
        self.process = process
        self.ready = False
        self.failure: str | None = None
        self.begun: float | None = None
        self.silent = 0.0
        self._held: int | None = None
        if self.job is not None:
            self.give(self.job)

    def give(self, job: Job) -> None:
        """Send a trial to the process, which may not be ready yet."""
        self.job, self.begun = job, None
        self.process.mark()
        self.process.send({"job": dataclasses.asdict(job)})

    def rest(self) -> None:
        """Be free again: the process ended its trial."""
        self.job, self.begun, self.deaths = None, None, 0

    def hangs(self) -> bool:
        """Whether its trial gave no sign of life for too long."""
        limit = None if self.job is None else self.job.hang
        return self.begun is not None and limit is not None and self.silent > limit

    def leaks(self, resident: int, memory: float | None, share: float) -> bool:
        """Whether it holds too much memory after a trial.

        Args:
            resident: What it holds, in bytes.
            memory: The limit, or None to judge by what it held after its first.
            share: How much it may grow at most in the latter case.
        """
        if memory is not None:
            return resident > memory
        if self._held is None:
            self._held = resident
        return resident > self._held + max(_LEAST_GROWTH, min(self._held, share))

    def fail(self, cause: str, error: str) -> Outcome:
        """Give up the trial, as its process is lost; return how it ended."""
        assert self.job is not None
        assert self.begun is not None
        number, seconds = self.job.number, time.monotonic() - self.begun
        self.job = self.begun = None
        return Outcome(
            number,
            FAILED,
            seconds=seconds,
            cause=cause,
            error=error,
            traceback=f"{error}\nThe last lines that it wrote:\n{self.process.tail()}",
        )


def absolute(job: Job) -> Job:
    """Return a job whose files are found from any folder."""
    return dataclasses.replace(
        job,
        model=os.path.abspath(job.model),
        checkpoint=os.path.abspath(job.checkpoint),
        warm=None if job.warm is None else os.path.abspath(job.warm),
    )
