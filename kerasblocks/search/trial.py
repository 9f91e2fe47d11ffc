"""One trial as it is remembered, and the plain data that it is written in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RUNNING, COMPLETED, FAILED = "RUNNING", "COMPLETED", "FAILED"
INTERRUPTED = "INTERRUPTED"


@dataclass(frozen=True)
class Trial:
    """What is remembered of one trial.

    Args:
        number: From 1 on, in the order of asking.
        status: `RUNNING`, `COMPLETED`, `FAILED` or `INTERRUPTED`.
        point: The oracle's hyperparameters as `HyperParameters.get_config()`.
        seed: What the weights and the order of the data began from.
        score: The best value of the objective.
        best_epoch: The epoch that gave it, from 1 on.
        params: How many parameters the model has.
        seconds: How long building and training took.
        error: One line on what failed.
        traceback: The whole of it.
        attempts: 1, and 1 more for each time that a kill made it begin again.
        oracle_id: The oracle's own name for it.
        epochs: The metrics of each epoch.
    """

    number: int
    status: str
    point: dict[str, Any]
    seed: int
    score: float | None = None
    best_epoch: int | None = None
    params: int | None = None
    seconds: float | None = None
    error: str | None = None
    traceback: str | None = None
    attempts: int = 1
    oracle_id: str = ""
    epochs: list[dict[str, float | None]] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The hyperparameters by name."""
        return self.point["values"]

    @property
    def ended(self) -> bool:
        """Whether the trial counts: it completed or failed."""
        return self.status in (COMPLETED, FAILED)


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
