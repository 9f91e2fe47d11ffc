"""How long a model takes for one sample."""

from __future__ import annotations

import statistics
import time
from typing import Any

import keras


def latency(model: Any, data: Any, repeats: int = 30) -> float:
    """Return the median seconds of a prediction for one sample.

    The first predictions, which compile, are left out.

    Args:
        model: A model.
        data: `(x, y)`, or a dataset of such, to take a sample from.
        repeats: How many predictions are timed.

    Returns:
        Seconds. Machines are noisy, and a busy one is slower.

    Example:
        >>> import numpy as np
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        >>> 0 < latency(model, (np.ones((8, 3)), np.ones(8))) < 1
        True
    """
    x = data[0] if isinstance(data, tuple) else next(iter(data))[0]
    sample = keras.tree.map_structure(
        lambda part: keras.ops.convert_to_numpy(part[:1]), x
    )
    seconds = []
    for turn in range(repeats + 3):
        begun = time.perf_counter()
        model.predict_on_batch(sample)
        if turn >= 3:
            seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)
