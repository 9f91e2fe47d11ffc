"""Two things timed in turns, and the machine they were timed on.

Whatever else the machine does falls on both. A ratio is the median over all turns,
with the half-width of its 95% interval.
"""

import gc
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import keras

WARM_UP = 3


@dataclass(frozen=True)
class Comparison:
    """The seconds of both sides, and their ratio."""

    block: float
    by_hand: float
    ratio: float
    error: float
    turns: int

    @classmethod
    def of(cls, turns: list[tuple[float, float]]) -> "Comparison":
        ratios = [block / by_hand for block, by_hand in turns]
        middle = median(ratios)
        # For normal noise: deviation = 1.48 MAD, and a median is 1.25 times as
        # uncertain as a mean.
        deviation = 1.48 * median(abs(ratio - middle) for ratio in ratios)
        return cls(
            block=median(block for block, _ in turns),
            by_hand=median(by_hand for _, by_hand in turns),
            ratio=middle,
            error=1.96 * 1.25 * deviation / len(turns) ** 0.5,
            turns=len(turns),
        )


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def take_turns(
    block: Callable[[], Any], by_hand: Callable[[], Any], repeats: int
) -> list[tuple[float, float]]:
    for _ in range(WARM_UP):
        block()
        by_hand()
    gc.collect()
    gc.disable()
    try:
        return [_turn(block, by_hand, first=i % 2 == 0) for i in range(repeats)]
    finally:
        gc.enable()


def _turn(
    block: Callable[[], Any], by_hand: Callable[[], Any], first: bool
) -> tuple[float, float]:
    if first:
        return seconds(block), seconds(by_hand)
    later = seconds(by_hand)
    return seconds(block), later


def machine() -> dict[str, Any]:
    name = keras.backend.backend()
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "keras": keras.__version__,
        "backend": f"{name} {__import__(name).__version__}",
    }


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else platform.machine()
