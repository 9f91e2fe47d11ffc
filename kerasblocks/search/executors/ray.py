"""Trials on a cluster that Ray runs, or on one of our own on this machine."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import keras

from kerasblocks.core.arguments import non_negative, positive_int, positive_number
from kerasblocks.files import replacing
from kerasblocks.search.errors import ExecutorLost, StudyError
from kerasblocks.search.executors.ray_actor import Files, Greeting, TrialActor
from kerasblocks.search.executors.ray_link import Link
from kerasblocks.search.executors.ray_worker import Worker, variables
from kerasblocks.search.jobs import Epoch, Job, OnEpoch, Outcome
from kerasblocks.search.ship import pack
from kerasblocks.search.study import Study

_TICK = 1.0
_RECOUNT = 5.0
_STARTS = 3
_ANSWER = 10.0
# Ray's word for a worker that it ended to save its node.
_MEMORY = "NODE_OUT_OF_MEMORY"


class Ray:
    """Runs trials on a Ray cluster, one in each of its workers.

    Nothing is shared but the network: the study goes to the nodes by value, and
    checkpoints and models come and go as bytes. On the nodes kerasblocks must be
    installed. A worker that dies costs an attempt at its trial, and is replaced as
    soon as there is room; where nodes leave or join, the search goes on with those
    there are.

    A cluster of our own (`"local"`) listens on 127.0.0.1 only, and ends with this.

    Args:
        study: The study.
        address: `"local"`; `"HOST:PORT"` or `"auto"` for a cluster that this machine
            is part of; None for the one that this process is connected to or that
            `RAY_ADDRESS` names, else a local one.
        workers: How many at most; None for as many as the cluster holds.
        cpus_per_worker: How many CPUs, and threads, a worker has.
        gpus_per_worker: How many GPUs; a part of one is shared with other workers.
        patience: Seconds to wait for a worker where there is none.

    Raises:
        ImportError: Ray is not installed.
        ValueError: An argument is not as said above.
        ConnectionError: No cluster answers at the address.
        StudyError: The study cannot be sent to other machines.

    Example:
        >>> Ray(None, "local", cpus_per_worker=0)
        Traceback (most recent call last):
        ValueError: Ray: 'cpus_per_worker' must be a positive number, got 0
    """

    def __init__(
        self,
        study: Study,
        address: str | None = None,
        workers: int | None = None,
        *,
        cpus_per_worker: float = 1,
        gpus_per_worker: float = 0,
        patience: float = 300.0,
    ) -> None:
        if workers is not None:
            positive_int("Ray", "workers", workers)
        self._cpus = positive_number("Ray", "cpus_per_worker", cpus_per_worker)
        self._gpus = non_negative("Ray", "gpus_per_worker", gpus_per_worker)
        self._patience = positive_number("Ray", "patience", patience)
        self._limit = workers
        packed = pack(study)
        self._link = Link(address, workers and workers * self._cpus)
        import ray
        from ray.exceptions import ActorUnavailableError, RayError

        self._ray: Any = ray
        self._error, self._silence = RayError, ActorUnavailableError
        self._workers: list[Worker] = []
        self._outcomes: list[Outcome] = []
        self._failed_starts = 0
        self._any_was_ready = False
        self._looked_at = time.monotonic()
        self._nodes = self._link.nodes()
        try:
            if self._link.own and not self._room():
                raise ValueError(f"Ray: this machine has no room for {self._needs()}")
            self._study = ray.put(packed)
            backend = keras.backend.backend()
            environment = variables(backend, self._cpus, self._gpus)
            self._Actor = ray.remote(TrialActor).options(
                num_cpus=self._cpus,
                num_gpus=self._gpus,
                max_restarts=0,
                runtime_env={"env_vars": environment},
            )
            self._staff()
        except BaseException:
            self.close()
            raise

    @property
    def slots(self) -> int:
        """How many trials can run at once; it changes with the cluster."""
        return max(1, sum(worker.greeting is not None for worker in self._workers))

    def submit(self, job: Job) -> str:
        """Give a trial to a free worker; return the worker's name.

        Args:
            job: The trial.

        Raises:
            StudyError: The study, or its data, cannot be read on the nodes.
            ExecutorLost: There is no worker, or no cluster any more.
        """
        worker = self._free()
        own = _read(job.checkpoint)
        files = Files(checkpoint=own, warm=None if own else _read(job.warm))
        worker.give(job, worker.actor.run.remote(job, files))
        return self._name(worker)

    def wait(self, on_epoch: OnEpoch) -> list[Outcome]:
        """Wait until a trial ends, or there are more slots; return those that ended.

        Args:
            on_epoch: Called with each epoch that ends meanwhile; where it returns
                False, that trial is to stop.

        Raises:
            ExecutorLost: The cluster is gone.
        """
        slots = self.slots
        while (
            not self._outcomes
            and any(worker.job for worker in self._workers)
            and self.slots <= slots
        ):
            self._pump(on_epoch)
        ended, self._outcomes = self._outcomes, []
        return ended

    def close(self) -> None:
        """End the workers, and a cluster of our own; a second call does nothing."""
        workers, self._workers = self._workers, []
        for worker in workers:
            self._end(worker)
        self._link.close()

    def _free(self) -> Worker:
        """Return a worker that is ready and has no trial, when there is one."""
        until = time.monotonic() + self._patience
        while True:
            for worker in list(self._workers):
                if worker.greeting and not worker.job and self._answers(worker):
                    return worker
            if time.monotonic() > until:
                raise ExecutorLost(
                    f"Ray: no worker was ready in {self._patience:g} s: the cluster "
                    f"at {self._link.address} has no room for {self._needs()}, or "
                    "the study's data() takes longer ('patience')"
                )
            self._look()
            self._listen([worker for worker in self._workers if not worker.greeting])

    def _answers(self, worker: Worker) -> bool:
        """Whether a free worker is still there: a trial is not to be lost on it."""
        try:
            self._ray.get(worker.actor.ping.remote(), timeout=_ANSWER)
        except self._error:
            self._dismiss(worker)
            return False
        return True

    def _pump(self, on_epoch: OnEpoch) -> None:
        """Take what comes within a moment, then see who hangs and who is missing."""
        self._look()
        self._listen(self._workers, on_epoch)
        now = time.monotonic()
        # What passed while nobody looked is not held against them.
        passed, self._looked_at = min(now - self._looked_at, 2 * _TICK), now
        for worker in list(self._workers):
            worker.silent += passed
            if worker.hangs():
                self._hung(worker)

    def _look(self) -> None:
        """See that the cluster is there, and that it has the workers that it holds."""
        self._link.check()
        if time.monotonic() >= self._recount_at and not self._link.unreachable():
            self._staff()

    def _listen(self, workers: list[Worker], on_epoch: OnEpoch | None = None) -> None:
        """Take what some workers say; wait a moment where none does."""
        pending = {each.pending: each for each in workers if each.pending is not None}
        if not pending:
            time.sleep(_TICK)
            return
        wait, refs = self._ray.wait, list(pending)
        said = wait(refs, num_returns=len(refs), timeout=0)[0]
        for ref in said or wait(refs, num_returns=1, timeout=_TICK)[0]:
            self._take(pending[ref], ref, on_epoch)

    def _take(self, worker: Worker, ref: Any, on_epoch: OnEpoch | None) -> None:
        worker.silent, worker.pending = 0.0, None
        try:
            message = self._ray.get(ref)
        except self._error as error:
            self._died(worker, error)
            return
        if isinstance(message, Greeting):
            worker.greeting = message
            self._any_was_ready, self._failed_starts = True, 0
            return
        job = worker.job
        assert job is not None
        _write(job.model, message.files.model)
        _write(job.checkpoint, message.files.checkpoint)
        if isinstance(message.event, Outcome):
            worker.rest()
            self._outcomes.append(message.event)
            return
        answer = None
        if isinstance(message.event, Epoch):
            assert on_epoch is not None
            answer = bool(on_epoch(message.event))
        worker.pending = worker.actor.go_on.remote(answer)

    def _died(self, worker: Worker, error: Exception) -> None:
        """Count the trial of a worker that is lost, and see to another worker."""
        name = self._name(worker)
        self._dismiss(worker)
        self._look()
        if worker.greeting is None:
            self._failed_to_start(error)
        elif worker.job:
            told = str(error)
            cause = "memory" if _MEMORY in told else "killed"
            if worker.greeting.node not in {node.id for node in self._nodes}:
                end = "is gone with its node"
            elif isinstance(error, self._silence):
                end = "does not answer: it, its node or the network is gone"
            else:
                end = (
                    "ran out of memory"
                    if cause == "memory"
                    else "was killed or crashed"
                )
            what = f"{name} (process {worker.greeting.process}) {end}"
            self._outcomes.append(worker.fail(cause, what, told))

    def _failed_to_start(self, error: Exception) -> None:
        """Give up where the first worker cannot start for a reason that stays."""
        self._failed_starts += 1
        if self._any_was_ready:
            return
        cause = getattr(error, "cause", None)
        if isinstance(cause, StudyError):
            raise StudyError(str(cause)) from error
        if cause is not None or self._failed_starts >= _STARTS:
            raise ExecutorLost(
                "Ray: no worker can start on the cluster at "
                f"{self._link.address}: {cause or error}"
            ) from error

    def _hung(self, worker: Worker) -> None:
        """End a worker that gives no sign of life."""
        assert worker.job is not None
        assert worker.greeting is not None
        error = (
            f"{self._name(worker)} (process {worker.greeting.process}) gave no sign "
            f"of life for {worker.job.hang:g} s and was ended"
        )
        self._outcomes.append(worker.fail("hang", error, error))
        self._dismiss(worker)

    def _dismiss(self, worker: Worker) -> None:
        self._workers.remove(worker)
        self._end(worker)
        self._recount_at = 0.0

    def _end(self, worker: Worker) -> None:
        if not self._link.unreachable():
            self._ray.kill(worker.actor)

    def _staff(self) -> None:
        """Start the workers that there is room for; let go of those there is not."""
        self._recount_at = time.monotonic() + _RECOUNT
        self._nodes = self._link.nodes()
        # At least one, which waits, and tells a cluster that can grow to do so.
        wanted = self._limit or max(1, self._room())
        if self._failed_starts >= _STARTS:
            wanted = 0
        while len(self._workers) < wanted:
            taken = {worker.number for worker in self._workers}
            number = min(set(range(1, wanted + 1)) - taken)
            actor = self._Actor.remote()
            pending = actor.begin.remote(self._study)
            self._workers.append(Worker(number, actor, pending))
        surplus = len(self._workers) - wanted
        waiting = [worker for worker in self._workers if worker.greeting is None]
        for worker in waiting[::-1][:surplus]:
            self._workers.remove(worker)
            self._end(worker)

    def _room(self) -> int:
        """How many workers the nodes hold, if nothing else runs there."""
        return sum(node.holds(self._cpus, self._gpus) for node in self._nodes)

    def _needs(self) -> str:
        return f"a worker of {self._cpus:g} CPUs and {self._gpus:g} GPUs"

    def _name(self, worker: Worker) -> str:
        several = len(self._nodes) > 1 and worker.greeting is not None
        where = f" ({worker.greeting.address})" if several else ""
        return f"worker {worker.number}{where}"


def _read(path: str | None) -> bytes | None:
    if path is None or not Path(path).exists():
        return None
    return Path(path).read_bytes()


def _write(path: str, data: bytes | None) -> None:
    if data is not None:
        with replacing(Path(path)) as draft:
            draft.write_bytes(data)
