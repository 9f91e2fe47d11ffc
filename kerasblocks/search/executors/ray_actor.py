"""What runs on a node of a Ray cluster: trials, each a conversation with the driver.

No file system is shared: a trial works in a temporary folder, and its files come
and go as bytes.
"""

from __future__ import annotations

import dataclasses
import os
import queue
import sys
import threading
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from kerasblocks.search.executors.ray_scratch import scratch
from kerasblocks.search.jobs import Epoch, Job, Outcome


class Greeting(NamedTuple):
    """Where an actor runs: its node's address and id, and its process's id."""

    address: str
    node: str
    process: int


@dataclass(frozen=True)
class Files:
    """The files of a trial, each whole; None for one that is not there or not new."""

    model: bytes | None = None
    checkpoint: bytes | None = None
    warm: bytes | None = None


@dataclass(frozen=True)
class Message:
    """What a trial says.

    Args:
        event: An epoch that ended, and waits for an answer; the outcome, which is
            the last; or None, a sign of life.
        files: Those that are new since the message before.
    """

    event: Epoch | Outcome | None
    files: Files


class TrialActor:
    """Runs one trial at a time in a thread of its own, while its methods talk.

    The driver calls `begin` once; for each trial `run`, and then `go_on` until a
    message is an outcome.
    """

    def __init__(self) -> None:
        self._thread = _Thread()
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def begin(self, study: bytes) -> Greeting:
        """Read the study and its data.

        Args:
            study: From `kerasblocks.search.ship.pack`.
        """
        import ray

        threading.Thread(target=_live_with, args=(os.getppid(),), daemon=True).start()
        self._thread.do(lambda: self._load(study)).result()
        node = ray.get_runtime_context().get_node_id()
        return Greeting(ray.util.get_node_ip_address(), node, os.getpid())

    def ping(self) -> None:
        """Answer."""

    def run(self, job: Job, files: Files) -> Message:
        """Begin a trial; return the first that it says.

        Args:
            job: The trial, with the driver's paths, which mean nothing here.
            files: What it begins from.
        """
        self._thread.do(lambda: self._trial(job, files))
        return self._messages.get()

    def go_on(self, answer: bool | None) -> Message:
        """Return what the trial says next.

        Args:
            answer: To an epoch: whether the trial goes on; else None.
        """
        if answer is not None:
            self._answers.put(answer)
        return self._messages.get()

    def _load(self, study: bytes) -> None:
        from kerasblocks.search.ship import unpack

        self._study = unpack(study)
        self._splits = self._study.splits()

    def _trial(self, job: Job, files: Files) -> None:
        from kerasblocks.search.run_trial import run_trial

        try:
            with scratch() as folder:
                desk = _Desk(folder, job, files)

                def ask(epoch: Epoch) -> bool:
                    self._messages.put(Message(epoch, desk.news()))
                    return self._answers.get()

                def alive() -> None:
                    self._messages.put(Message(None, desk.news()))

                outcome = run_trial(self._study, self._splits, desk.job, ask, alive)
                last = Message(outcome, desk.news())
            # Once it is said, the driver may end this process.
            self._messages.put(last)
        except BaseException:
            # What no trial should raise, sys.exit for one, ends the process.
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)


class _Thread:
    """One thread for all that Keras does, as Keras keeps its settings by thread.

    Python does not wait for it at its end, as it does for those of an executor: a
    trial that waits for an answer would keep an actor alive without its driver.
    """

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[tuple[Future[None], Callable[[], None]]]
        self._work = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="trial", daemon=True).start()

    def do(self, function: Callable[[], None]) -> Future[None]:
        done: Future[None] = Future()
        self._work.put((done, function))
        return done

    def _serve(self) -> None:
        while True:
            done, function = self._work.get()
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)


def _live_with(parent: int) -> None:
    """End this process once Ray's process on the node, which started it, is gone."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


class _Desk:
    """A trial's files here, and which of them the driver has not seen.

    Args:
        folder: Where they lie.
        job: The trial, with the driver's paths.
        files: What it begins from.
    """

    def __init__(self, folder: Path, job: Job, files: Files) -> None:
        self._model = folder / Path(job.model).name
        self._checkpoint = folder / Path(job.checkpoint).name
        warm = folder / "warm"
        for path, data in (
            (self._model, files.model),
            (self._checkpoint, files.checkpoint),
            (warm, files.warm),
        ):
            if data is not None:
                path.write_bytes(data)
        self.job = dataclasses.replace(
            job,
            model=str(self._model),
            checkpoint=str(self._checkpoint),
            warm=None if files.warm is None else str(warm),
        )
        self._seen = {path: _stamp(path) for path in (self._model, self._checkpoint)}

    def news(self) -> Files:
        return Files(self._new(self._model), self._new(self._checkpoint))

    def _new(self, path: Path) -> bytes | None:
        stamp = _stamp(path)
        if stamp is None or stamp == self._seen[path]:
            return None
        self._seen[path] = stamp
        return path.read_bytes()


def _stamp(path: Path) -> tuple[int, int] | None:
    """Tells a file that took another's place from it; None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns
