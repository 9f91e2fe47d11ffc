"""Run a study: open its folder, search until it has its trials, show what came."""

from __future__ import annotations

import dataclasses
import functools
import time
from contextlib import ExitStack
from pathlib import Path

from kerasblocks.search.display import Display, display_for
from kerasblocks.search.errors import ExecutorLost, StudyError
from kerasblocks.search.executors import executor_for
from kerasblocks.search.finish import finish
from kerasblocks.search.folder import Folder
from kerasblocks.search.jobs import Executor
from kerasblocks.search.loop import Loop
from kerasblocks.search.results import Result, read
from kerasblocks.search.store import Store
from kerasblocks.search.study import Study


def run(
    study: Study,
    *,
    out: str | Path | None = None,
    trials: int | None = None,
    seconds: float | None = None,
    seed: int | None = None,
    fresh: bool = False,
    workers: int | None = None,
    ray: str | None = None,
    executor: Executor | None = None,
    display: Display | None = None,
) -> Result:
    """Search a study until it has its trials, or go on with one begun before.

    Trials that ended are never run again; one that was cut off goes on from its
    last checkpoint, under its number. A trial in which this process died three times
    without one more epoch has failed.

    Args:
        study: The study.
        out: The folder for results, `runs/NAME` by default.
        trials: How many trials in all, `study.trials` by default; more than
            before extends a finished search.
        seconds: End the search after this time, at the end of an epoch; what ran
            goes on when it is run again.
        seed: Stands in for `study.seed`.
        fresh: Begin anew; the old folder is moved aside, not deleted.
        workers: So many processes of this machine run trials; by default this
            process does, one at a time.
        ray: The address of a Ray cluster that runs trials, `"local"` to start one
            here; `workers` is then how many of its workers to use.
        executor: Where trials run, in place of `workers` and `ray`.
        display: What says how it goes; by default standard output.

    Returns:
        The results.

    Raises:
        StudyError: The study, or the folder, is not as it must be.
        SearchFailed: `study.max_failures` trials in a row failed.
        ExecutorLost: What ran the trials is gone; what had finished is kept.
        ConnectionError: No cluster answers at the address.
        KeyboardInterrupt: Ctrl-C; what had finished is kept.

    Example:
        >>> import tempfile, keras, numpy as np
        >>> from kerasblocks.search import Splits, Study
        >>> def build(hp):
        ...     model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        ...     rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        ...     model.compile(keras.optimizers.SGD(rate), loss="mse")
        ...     return model
        >>> part = np.ones((8, 3)), np.ones((8, 1))
        >>> study = Study(
        ...     name="line",
        ...     hypermodel=build,
        ...     data=lambda: Splits(part, part),
        ...     objective="val_loss",
        ...     epochs=1,
        ... )
        >>> result = run(study, trials=1, out=tempfile.mkdtemp())
        study 'line': ...
        >>> len(result.trials)
        1
    """
    begun = time.monotonic()
    try:
        if seed is not None:
            study = dataclasses.replace(study, seed=seed)
        if trials is not None:
            study = dataclasses.replace(study, trials=trials)
    except TypeError as error:
        raise StudyError(f"expected a Study, got {type(study).__name__}") from error
    display = display or display_for()
    folder = Folder(out or Path("runs") / study.name)
    if fresh:
        folder.move_aside(functools.partial(_say_moving, folder, display))
    # Trials and the last test read the data once between them.
    here = dataclasses.replace(study, data=functools.cache(study.data))
    with ExitStack() as stack:
        folder.make()
        stack.enter_context(folder.lock())
        folder.sweep()
        store = Store(folder.memory)
        stack.callback(store.close)
        loop = Loop(here, folder, store, display)
        try:
            state = loop.open()
            if loop.todo():
                if executor is None:
                    todo = loop.todo()
                    try:
                        executor = executor_for(study, here, folder, todo, workers, ray)
                    except (ImportError, ValueError) as error:
                        raise StudyError(str(error)) from error
                stack.callback(executor.close)
                until = None if seconds is None else begun + seconds
                loop.go(executor, state, until)
            result = finish(here, loop.result(), folder, store, display)
        except (KeyboardInterrupt, ExecutorLost) as error:
            lost = isinstance(error, ExecutorLost)
            loop.say_stopped("lost" if lost else "interrupted")
            raise
        display.finished(result, folder.products(), time.monotonic() - begun)
        return result


def _say_moving(folder: Folder, display: Display, aside: Path) -> None:
    """Say what is about to be moved, and where to."""
    try:
        earlier = read(folder.root)
    except StudyError:
        earlier = None
    display.moving_aside(folder.root, aside, earlier)
