"""Trials one after the other, in the process that searches."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kerasblocks.search.errors import Hung
from kerasblocks.search.jobs import Epoch, Job, OnEpoch, Outcome
from kerasblocks.search.run_trial import run_trial
from kerasblocks.search.study import Splits, Study
from kerasblocks.search.trial import HERE


class InProcess:
    """Runs each trial in this process.

    A trial that crashes the process ends the search, which goes on when it is
    run again, and gives the trial up if that happens time and again; one that hangs
    in native code cannot be stopped. `Pool` survives both.

    Args:
        study: The study.
    """

    slots = 1

    def __init__(self, study: Study) -> None:
        self._study = study
        self._splits: Splits | None = None
        self._jobs: list[Job] = []
        self._sparing = gc.get_freeze_count() > 0

    def submit(self, job: Job) -> str:
        """Take a trial, which runs in `wait`; before the first, read the data."""
        if self._splits is None:
            self._splits = self._study.splits()
        self._jobs.append(job)
        return HERE

    def wait(self, on_epoch: OnEpoch) -> list[Outcome]:
        """Run the trial and return how it ended."""
        assert self._splits is not None
        job = self._jobs.pop()

        def ask(epoch: Epoch) -> bool:
            try:
                return on_epoch(epoch)
            except Exception as error:
                raise _NotTheTrials(error) from error

        try:
            with _alarm(job.hang) as alive:
                return [run_trial(self._study, self._splits, job, ask, alive)]
        except _NotTheTrials as error:
            raise error.error from None

    def close(self) -> None:
        """Let garbage be collected as it was before the first trial."""
        if not self._sparing:
            gc.unfreeze()


class _NotTheTrials(BaseException):
    """Takes what the driver raised past all that catches a trial's exceptions."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


@contextmanager
def _alarm(seconds: float | None) -> Iterator[Callable[[], None] | None]:
    """Raise `Hung` in the main thread unless what this gives is called in time."""
    main = threading.current_thread() is threading.main_thread()
    if seconds is None or not main or not hasattr(signal, "setitimer"):
        yield None
        return

    def ring(*_: object) -> None:
        raise Hung(f"no sign of life for {seconds:g} s")

    def again() -> None:
        # And again: Python drops what is raised within a destructor.
        signal.setitimer(signal.ITIMER_REAL, seconds, seconds)

    before = signal.signal(signal.SIGALRM, ring)
    try:
        again()
        yield again
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
