"""Trials in several processes of this machine, of which any may die."""

from __future__ import annotations

import os
import selectors
import time
from pathlib import Path
from typing import Any

import keras

from kerasblocks.core.arguments import positive_int, positive_number
from kerasblocks.search.errors import StudyError
from kerasblocks.search.executors.deaths import how
from kerasblocks.search.executors.environment import environment
from kerasblocks.search.executors.process import Process, stop
from kerasblocks.search.executors.slot import Slot, absolute
from kerasblocks.search.jobs import Epoch, Job, OnEpoch, Outcome
from kerasblocks.search.ship import pack
from kerasblocks.search.study import Study

_TICK = 1.0
_PATIENCE = 3.0
# So many processes of one worker may die in a row without a trial: few where none
# could ever begin, which is the study's fault.
_FIRST_STARTS, _STARTS = 3, 10


class Pool:
    """Runs trials in processes of their own, each with its share of the cores.

    Each process imports Keras and reads the data once. One that dies or hangs costs
    the trial that it ran; one that leaks is replaced between trials; all end with
    this process, whatever ends it. Needs Linux, macOS or another POSIX system.

    Args:
        study: The study.
        workers: How many processes.
        logs: The folder for what they print, `worker-1.log` and so on; None to
            keep no more of it than is told of a worker that dies.
        memory: Bytes of memory above which a worker is replaced after a trial;
            None for twice what it held after its first trial, or for that and its
            share of a quarter of the machine's, if this is less.

    Raises:
        StudyError: The study cannot be sent to another process.
        ValueError: A number is not positive.

    Example:
        >>> from kerasblocks.search import Splits
        >>> study = Study(
        ...     name="line",
        ...     hypermodel=lambda hp: None,
        ...     data=lambda: Splits(None, None),
        ...     objective="val_loss",
        ... )
        >>> pool = Pool(study, workers=1)
        >>> pool.slots, pool.wait(lambda epoch: True)
        (1, [])
        >>> pool.close()
    """

    def __init__(
        self,
        study: Study,
        workers: int = 2,
        logs: str | Path | None = None,
        memory: float | None = None,
    ) -> None:
        self.slots = positive_int("Pool", "workers", workers)
        if memory is not None:
            positive_number("Pool", "memory", memory)
        if os.name != "posix":
            raise StudyError("a pool of workers needs Linux, macOS or another POSIX")
        self._study, self._memory = study.name, memory
        self._packed = pack(study, copy=False)
        self._logs = None if logs is None else Path(logs).absolute()
        self._outcomes: list[Outcome] = []
        self._fatal: str | None = None
        self._any_was_ready = False
        self._looked_at = time.monotonic()
        self._leaving: list[Process] = []
        self._workers: list[Slot] = []
        try:
            for index in range(self.slots):
                self._workers.append(Slot(index, self._start(index)))
        except BaseException:
            self.close()
            raise

    def submit(self, job: Job) -> str:
        """Give a trial to a free worker; return the worker's name.

        Args:
            job: The trial.

        Raises:
            RuntimeError: None is free, or the pool was closed.
        """
        free = [worker for worker in self._workers if worker.job is None]
        if not free:
            state = f"all {self.slots} are busy" if self._workers else "it was closed"
            raise RuntimeError(f"Pool: no worker is free for a trial: {state}")
        worker = max(free, key=lambda each: each.ready)
        worker.give(absolute(job))
        return worker.name

    def wait(self, on_epoch: OnEpoch) -> list[Outcome]:
        """Wait until a trial ends; return those that did, or none if none runs.

        Args:
            on_epoch: Called with each epoch that ends meanwhile; where it returns
                False, that trial is to stop.

        Raises:
            StudyError: No worker can begin: the study fails in each.
        """
        while not self._outcomes and self._fatal is None and self._busy():
            self._pump(on_epoch)
        if self._outcomes:
            ended, self._outcomes = self._outcomes, []
            return ended
        if self._fatal is not None:
            raise StudyError(self._fatal)
        return []

    def close(self) -> None:
        """End all processes, within a few seconds; a second call does nothing."""
        for worker in self._workers:
            if worker.ready and worker.job is None:
                worker.process.leave()
            else:
                worker.process.terminate()
        processes = [*self._leaving, *(worker.process for worker in self._workers)]
        self._workers, self._leaving = [], []
        stop(processes, _PATIENCE)

    def _busy(self) -> bool:
        return any(worker.job is not None for worker in self._workers)

    def _start(self, index: int) -> Process:
        log = None
        if self._logs is not None:
            self._logs.mkdir(parents=True, exist_ok=True)
            log = self._logs / f"worker-{index + 1}.log"
        settings = environment(index, self.slots, keras.backend.backend())
        return Process(f"worker {index + 1}", self._packed, settings, log)

    def _pump(self, on_epoch: OnEpoch) -> None:
        """Take what comes within a moment, then see who is gone or hangs."""
        self._select()
        now = time.monotonic()
        # What passed while nobody looked is not held against them: the driver was
        # at its own work, or stopped together with all of them.
        passed, self._looked_at = min(now - self._looked_at, 2 * _TICK), now
        for worker in self._workers:
            process = worker.process
            # Asked before reading: what it said before its end is to be heard.
            ended = process.ended()
            worker.silent += passed
            for message in process.receive():
                self._take(worker, message, on_epoch)
            if worker.process is not process:
                continue
            if ended or process.closed or process.unreadable is not None:
                self._died(worker)
            elif worker.hangs():
                self._hung(worker)
        for process in [each for each in self._leaving if each.ended()]:
            process.end()
            self._leaving.remove(process)

    def _select(self) -> None:
        """Wait until there is something to read or to write, or for a moment."""
        with selectors.DefaultSelector() as selector:
            for worker in self._workers:
                process = worker.process
                selector.register(process.reading, selectors.EVENT_READ, process)
                if process.writing is not None:
                    selector.register(process.writing, selectors.EVENT_WRITE, process)
            for key, event in selector.select(_TICK):
                if event & selectors.EVENT_WRITE:
                    key.data.flush()

    def _take(self, worker: Slot, message: dict[str, Any], on_epoch: OnEpoch) -> None:
        worker.silent = 0.0
        match message.get("kind"):
            case "ready":
                worker.ready = self._any_was_ready = True
            case "failure":
                worker.failure = message["error"]
            case "begun":
                worker.begun = time.monotonic()
            case "epoch":
                go = on_epoch(Epoch(**message["epoch"]))
                worker.process.send({"go": bool(go)})
            case "outcome":
                self._outcomes.append(Outcome(**message["outcome"]))
                worker.rest()
                machine = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
                share = machine / 4 / self.slots
                if worker.leaks(message["resident"], self._memory, share):
                    worker.process.leave()
                    self._leaving.append(worker.process)
                    worker.renew(self._start(worker.index))

    def _died(self, worker: Slot) -> None:
        """Count the trial of a process that is lost, and start another process."""
        process = worker.process
        if process.unreadable is not None:
            what = f"sent what is no message, {process.unreadable[:80]!r}"
        elif process.ended(patience=2.0):
            what = how(process.returncode)
        else:
            what = "closed its pipe to the driver, which ended it"
        error = f"{worker.name} (process {process.pid}) {what}"
        if worker.begun is not None:
            self._outcomes.append(worker.fail("killed", error))
        else:
            self._lost(worker, error)
        process.end()
        if self._fatal is None:
            worker.renew(self._start(worker.index))

    def _lost(self, worker: Slot, error: str) -> None:
        """Take note of a process that died between trials, or before its first."""
        worker.deaths += 1
        limit = _STARTS if self._any_was_ready else _FIRST_STARTS
        if worker.failure is not None and not self._any_was_ready:
            self._fatal = worker.failure
        elif worker.deaths >= limit:
            self._fatal = worker.failure or (
                f"Study {self._study!r}: {error}, and so did those before it: "
                f"{worker.deaths} in a row without one trial. The last lines that it "
                f"wrote:\n{worker.process.tail()}"
            )

    def _hung(self, worker: Slot) -> None:
        """End a process that gives no sign of life, once it has said where it is."""
        process, job = worker.process, worker.job
        assert job is not None
        process.dump_stack()
        error = (
            f"{worker.name} (process {process.pid}) gave no sign of life for "
            f"{job.hang:g} s and was ended; where it hung is in the traceback"
        )
        self._outcomes.append(worker.fail("hang", error))
        process.terminate()
        process.end(patience=1.0)
        worker.renew(self._start(worker.index))
