"""One trial as it is remembered, and the plain data that it is written in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RUNNING, COMPLETED, FAILED = "RUNNING", "COMPLETED", "FAILED"
PRUNED, INTERRUPTED = "PRUNED", "INTERRUPTED"
HERE = "this process"
"""The name of the worker that is the process that searches."""


@dataclass(frozen=True)
class Attempt:
    """One time that a trial ran: it may be cut off or fail, and run again.

    Args:
        attempt: From 1 on.
        worker: Who ran it, `"this process"` or `"worker 2"`.
        started: When, as ISO 8601 in UTC.
        ended: When it ended; None while it runs, or where nobody saw its end.
        status: How it ended, as `Trial.status`.
        epoch: The epoch that it began with, more than 1 where it went on from
            a checkpoint.
        cause: Of a failure: `"exception"`, `"nan"`, `"memory"`, `"killed"` or
            `"hang"`; `"killed"` also where the process that searched died, and
            the attempt is `INTERRUPTED`.
        error: One line on what failed.
        traceback: The whole of it.
    """

    attempt: int
    worker: str
    started: str
    ended: str | None = None
    status: str = RUNNING
    epoch: int = 1
    cause: str | None = None
    error: str | None = None
    traceback: str | None = None


@dataclass(frozen=True)
class Trial:
    """What is remembered of one trial.

    Args:
        number: From 1 on, in the order of asking.
        status: `RUNNING`, `COMPLETED`, `PRUNED`, `FAILED` or `INTERRUPTED`.
        point: The oracle's hyperparameters as `HyperParameters.get_config()`.
        seed: What the weights and the order of the data began from.
        score: The best value of the (first) objective.
        objectives: Every objective's value at the best epoch, by name.
        best_epoch: The epoch that gave the score, from 1 on.
        costs: What the model costs: `parameters`, and of `macs`, `memory` (bytes
            of weights) and `latency` (seconds for a batch of 1) what was asked.
        seconds: How long building and training took, attempts together.
        oracle_id: The oracle's own name for it.
        until: The epoch that it trains up to, where the oracle says so.
        parent: The number of the trial whose weights it began from, or None.
        first_epoch: The epochs that its parent had had.
        attempts: Each time that it ran.
        epochs: The metrics of each epoch.
    """

    number: int
    status: str
    point: dict[str, Any]
    seed: int
    score: float | None = None
    objectives: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    costs: dict[str, float] = field(default_factory=dict)
    seconds: float | None = None
    oracle_id: str = ""
    until: int | None = None
    parent: int | None = None
    first_epoch: int = 0
    attempts: list[Attempt] = field(default_factory=list)
    epochs: list[dict[str, float | None]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return self.point["values"]

    @property
    def params(self) -> int | None:
        """How many parameters the model has."""
        count = self.costs.get("parameters")
        return None if count is None else int(count)

    @property
    def ended(self) -> bool:
        """Whether the trial counts: it completed, was pruned or failed."""
        return self.status in (COMPLETED, PRUNED, FAILED)

    @property
    def deaths(self) -> list[int]:
        """The epochs that attempts began with in which the searching process died.

        Only those that ran in that process, which they may be to blame for.
        """
        return [
            attempt.epoch
            for attempt in self.attempts
            if (attempt.status, attempt.cause) == (INTERRUPTED, "killed")
            and attempt.worker == HERE
        ]

    @property
    def error(self) -> str | None:
        """What a failed trial failed of, in one line."""
        failed = self.status == FAILED and self.attempts
        return self.attempts[-1].error if failed else None


def dumps(data: Any) -> str:
    """Return JSON that every reader can parse: no NaN, no numpy scalars.

    Example:
        >>> dumps({"a": float("nan"), "b": (1, 2)})
        '{"a": null, "b": [1, 2]}'
    """
    return json.dumps(_plain(data), allow_nan=False)


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, (list, tuple, set)):
        return [_plain(value) for value in data]
    if hasattr(data, "item") and not isinstance(data, (str, bytes)):
        data = data.item()
    if isinstance(data, float) and not math.isfinite(data):
        return None
    return data
