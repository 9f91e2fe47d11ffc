"""A study for TensorBoard: its HParams tab, and every trial's metrics by epoch.

Needs the `tensorboard` package (`pip install kerasblocks[tensorboard]`) and not
TensorFlow: it works on every backend. Each trial has a folder of its own.
"""

from __future__ import annotations

import importlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras_tuner as kt

from kerasblocks.search.report.tables import value_of
from kerasblocks.search.report.words import parse
from kerasblocks.search.results import Result
from kerasblocks.search.trial import COMPLETED, PRUNED, RUNNING, Trial

_MISSING = (
    "kerasblocks.search.tensorboard: needs the tensorboard package; install it with "
    "pip install 'kerasblocks[tensorboard]'"
)
_FILE = "events.out.tfevents.1.kerasblocks"


def write(result: Result, logdir: str | Path) -> Path:
    """Write a study's trials for `tensorboard --logdir LOGDIR`.

    It may be called again, while the study runs or after: each trial's file is
    replaced.

    Args:
        result: The study's results so far.
        logdir: The folder; a trial goes to its subfolder `trial-0001` and so on.

    Returns:
        The folder.

    Raises:
        ImportError: The `tensorboard` package is missing.

    Example:
        >>> import tempfile
        >>> goals = [kt.Objective("val_loss", "min")]
        >>> folder = write(Result("a", goals, 0, Path("."), []), tempfile.mkdtemp())
        >>> [path.name for path in folder.iterdir()]
        ['events.out.tfevents.1.kerasblocks']
    """
    folder = Path(logdir)
    write_experiment(result, folder)
    for trial in result.trials:
        write_trial(trial, result.goals, folder)
    return folder


def write_experiment(result: Result, logdir: Path) -> None:
    """Write what the study searches: its hyperparameters and objectives.

    Args:
        result: The study's results so far.
        logdir: The folder.

    Raises:
        ImportError: The `tensorboard` package is missing.
    """
    board = _Board()
    experiment = board.api.Experiment(name=result.name)
    for name, values in _domains(result.trials).items():
        info = experiment.hparam_infos.add(name=name)
        info.type = board.data_type(values)
        info.differs = len(values) > 1
        if info.type == board.api.DATA_TYPE_STRING:
            info.domain_discrete.extend(sorted(map(str, values)))
        elif info.type == board.api.DATA_TYPE_BOOL:
            info.domain_discrete.extend([False, True])
    for goal in result.goals:
        info = experiment.metric_infos.add(display_name=goal.name)
        info.name.tag = goal.name
    board.add_hparams(experiment=experiment)
    board.save(logdir)


def write_trial(trial: Trial, goals: Sequence[kt.Objective], logdir: Path) -> None:
    """Write one trial: hyperparameters, metrics by epoch, objectives, how it ended.

    Args:
        trial: The trial, ended or not.
        goals: The study's objectives.
        logdir: The study's folder.

    Raises:
        ImportError: The `tensorboard` package is missing.
    """
    board = _Board()
    first = parse(trial.attempts[0].started) if trial.attempts else None
    last = parse(trial.attempts[-1].ended) if trial.attempts else None
    began = first.timestamp() if first else 0.0
    ended = last.timestamp() if last else began
    info = board.plugin.SessionStartInfo(start_time_secs=began)
    for name, value in trial.values.items():
        _set(info.hparams[name], value)
    board.add_hparams(began, session_start_info=info)
    for place, metrics in enumerate(trial.epochs, 1):
        when = began + (ended - began) * place / len(trial.epochs)
        step = trial.first_epoch + place
        for name, value in metrics.items():
            board.add_scalar(f"epoch/{name}", value, step, when)
    # The HParams tab shows a tag's last value: the objectives, which are of the best
    # epoch, have tags of their own.
    for place, goal in enumerate(goals):
        value = trial.score if place == 0 else value_of(trial, goal.name)
        board.add_scalar(goal.name, value, trial.best_epoch or 0, ended)
    if trial.status != RUNNING:
        good = trial.status in (COMPLETED, PRUNED)
        status = board.api.STATUS_SUCCESS if good else board.api.STATUS_FAILURE
        end = board.plugin.SessionEndInfo(status=status, end_time_secs=ended)
        board.add_hparams(ended, session_end_info=end)
    board.save(logdir / f"trial-{trial.number:04d}")


class _Board:
    """The events of one file, and TensorBoard's messages."""

    def __init__(self) -> None:
        def module(name: str) -> Any:
            try:
                return importlib.import_module(f"tensorboard.{name}")
            except ModuleNotFoundError as error:
                if (error.name or "").split(".")[0] != "tensorboard":
                    raise
                raise ImportError(_MISSING) from error

        self.api = module("plugins.hparams.api_pb2")
        self.plugin = module("plugins.hparams.plugin_data_pb2")
        self._metadata = module("plugins.hparams.metadata")
        self._events = module("compat.proto.event_pb2")
        self._summaries = module("compat.proto.summary_pb2")
        self._file = io.BytesIO()
        self._writer = module("summary.writer.record_writer").RecordWriter(self._file)
        self._add(self._events.Event(file_version="brain.Event:2"))

    def data_type(self, values: Sequence[Any]) -> Any:
        """The type of a hyperparameter with these values."""
        if all(isinstance(value, bool) for value in values):
            return self.api.DATA_TYPE_BOOL
        if all(isinstance(value, int | float) for value in values):
            return self.api.DATA_TYPE_FLOAT64
        return self.api.DATA_TYPE_STRING

    def add_hparams(self, when: float = 0.0, **data: Any) -> None:
        """Add one of the HParams plugin's messages under the tag that is its own."""
        tags = {
            "experiment": self._metadata.EXPERIMENT_TAG,
            "session_start_info": self._metadata.SESSION_START_INFO_TAG,
            "session_end_info": self._metadata.SESSION_END_INFO_TAG,
        }
        (name,) = data
        content = self.plugin.HParamsPluginData(
            version=self._metadata.PLUGIN_DATA_VERSION, **data
        )
        about = self._summaries.SummaryMetadata()
        about.plugin_data.plugin_name = self._metadata.PLUGIN_NAME
        about.plugin_data.content = content.SerializeToString()
        # A summary without a value is not kept.
        empty = self._metadata.NULL_TENSOR
        self._add_value(0, when, tag=tags[name], metadata=about, tensor=empty)

    def add_scalar(self, tag: str, value: float | None, step: int, when: float) -> None:
        """Add a metric's value, if there is one."""
        if value is not None:
            self._add_value(step, when, tag=tag, simple_value=float(value))

    def save(self, folder: Path) -> None:
        """Write the file, whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        # A TensorBoard that runs reads every file whose name has tfevents in it.
        whole = folder / "trial.tmp"
        whole.write_bytes(self._file.getvalue())
        os.replace(whole, folder / _FILE)

    def _add_value(self, step: int, when: float, **value: Any) -> None:
        summary = self._summaries.Summary(
            value=[self._summaries.Summary.Value(**value)]
        )
        self._add(self._events.Event(wall_time=when, step=step, summary=summary))

    def _add(self, event: Any) -> None:
        self._writer.write(event.SerializeToString())


def _domains(trials: Sequence[Trial]) -> dict[str, list[Any]]:
    """Every hyperparameter with the values that it had."""
    seen: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, value in trial.values.items():
            seen.setdefault(name, {})[repr(value)] = value
    return {name: list(values.values()) for name, values in seen.items()}


def _set(field: Any, value: Any) -> None:
    if isinstance(value, bool):
        field.bool_value = value
    elif isinstance(value, int | float):
        field.number_value = value
    else:
        field.string_value = str(value)
