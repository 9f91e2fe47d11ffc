"""What runs in a worker's process: take a job, run the trial, say how it ended.

The pool starts this file as a program. It imports nothing of ours until it cannot
outlive its driver any more, as importing Keras takes seconds. Messages are lines of
JSON over two pipes of its own; what the study prints goes to the worker's log.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import fcntl
import gc
import io
import json
import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

OnEpoch = Callable[[dict[str, Any]], bool]
Run = Callable[[dict[str, Any], OnEpoch, Callable[[], None]], dict[str, Any]]


def main(arguments: list[str], load: Callable[[bytes], Run]) -> None:
    """Serve the driver until it closes the pipe.

    Args:
        arguments: The descriptors to read from, to write to, and of the lifeline,
            and the driver's process id.
        load: Takes what the driver sent of the study; returns what runs a job.
    """
    inbox, outbox, lifeline, driver = map(int, arguments)
    sys.argv[1:] = []
    _live_with(driver, lifeline)
    # Ctrl-C goes to all processes of a terminal, and the driver decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # A log of its own, whatever the study does to sys.stderr.
    log = os.dup(2)
    faulthandler.enable(log)
    faulthandler.register(signal.SIGUSR1, log)
    # A process that the study forks must not keep the pipes open.
    os.register_at_fork(after_in_child=lambda: _close(inbox, outbox, lifeline))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, errors="backslashreplace")
    pipe = _Pipe(inbox, outbox)
    hello = pipe.receive()
    if hello is None:
        return
    sys.path[:] = hello["path"]
    data = pipe.read(hello["size"])
    try:
        run = load(data)
    except BaseException as error:
        _say_failure(pipe, error)
    pipe.send({"kind": "ready"})
    _serve(pipe, run, hello["name"])
    # To take TensorFlow apart at the end would take Python a second or more.
    gc.freeze()


def _serve(pipe: _Pipe, run: Run, name: str) -> None:
    home = os.getcwd()

    def on_epoch(epoch: dict[str, Any]) -> bool:
        pipe.send({"kind": "epoch", "epoch": epoch})
        answer = pipe.receive()
        if answer is None:
            os._exit(0)
        return answer["go"]

    def alive() -> None:
        pipe.send({"kind": "alive"})

    while (message := pipe.receive()) is not None:
        job = message["job"]
        now = time.strftime("%Y-%m-%d %H:%M:%S")
        sys.stderr.write(
            f"--- {now}, {name} (process {os.getpid()}): "
            f"trial {job['number']}, attempt {job['attempt']}\n"
        )
        os.chdir(home)
        pipe.send({"kind": "begun"})
        try:
            outcome = run(job, on_epoch, alive)
        except BaseException as error:
            # What no trial should raise: sys.exit, for one.
            traceback.print_exc()
            _exit(error)
        pipe.send({"kind": "outcome", "outcome": outcome, "resident": resident()})


def load(data: bytes) -> Run:
    """Read the study and its data once; return what runs a trial on them.

    Args:
        data: The study, from `kerasblocks.search.ship.pack`.
    """
    from kerasblocks.search.jobs import Job
    from kerasblocks.search.run_trial import run_trial
    from kerasblocks.search.ship import unpack

    study = unpack(data)
    splits = study.splits()

    def run(
        job: dict[str, Any], on_epoch: OnEpoch, alive: Callable[[], None]
    ) -> dict[str, Any]:
        outcome = run_trial(
            study,
            splits,
            Job(**{**job, "costs": tuple(job["costs"])}),
            lambda epoch: on_epoch(dataclasses.asdict(epoch)),
            alive,
        )
        return dataclasses.asdict(outcome)

    return run


class _Pipe:
    """Lines of JSON from the driver and to it."""

    def __init__(self, inbox: int, outbox: int) -> None:
        # The forked child of a study closes the descriptor itself.
        self._inbox = io.BufferedReader(io.FileIO(inbox, closefd=False))
        self._outbox = outbox
        self._lock = threading.Lock()

    def receive(self) -> dict[str, Any] | None:
        line = self._inbox.readline()
        return json.loads(line) if line.endswith(b"\n") else None

    def read(self, size: int) -> bytes:
        return self._inbox.read(size)

    def send(self, message: dict[str, Any]) -> None:
        line = json.dumps(message, default=_plain).encode() + b"\n"
        with self._lock:
            try:
                while line:
                    line = line[os.write(self._outbox, line) :]
            except OSError:
                # The driver is gone, or the study has closed what was not its own.
                os._exit(1)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)


def _say_failure(pipe: _Pipe, error: BaseException) -> None:
    traceback.print_exc()
    known = type(error).__name__ == "StudyError"
    text = str(error) if known else f"{type(error).__name__}: {error}"
    pipe.send({"kind": "failure", "error": text})
    _exit(error)


def _exit(error: BaseException) -> None:
    """End at once: leaving Python waits for threads that the study started."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    code = error.code if isinstance(error, SystemExit) else 1
    os._exit(code if isinstance(code, int) else int(code is not None))


def _close(*descriptors: int) -> None:
    for descriptor in descriptors:
        with contextlib.suppress(OSError):
            os.close(descriptor)


def _live_with(driver: int, lifeline: int) -> None:
    """Die, with all children, as soon as the driver is gone.

    The driver holds the other end of the lifeline, which the kernel closes with it.
    """
    if hasattr(fcntl, "F_SETSIG"):
        # Linux: the kernel itself kills, also where native code keeps Python busy.
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        flags = fcntl.fcntl(lifeline, fcntl.F_GETFL)
        fcntl.fcntl(lifeline, fcntl.F_SETFL, flags | os.O_ASYNC)

    def watch() -> None:
        # A child of the driver may hold the other end too: hence the parent's id.
        while os.getppid() == driver and not select.select([lifeline], [], [], 1)[0]:
            pass
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True, name="lifeline").start()


def resident() -> int:
    """How many bytes of memory this process holds (its most so far, on macOS)."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(sys.argv[1:], load)
