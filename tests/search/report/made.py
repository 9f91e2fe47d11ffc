"""Results as a search leaves them, made without one: every kind of trial."""

import math
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keras_tuner as kt

from kerasblocks.search import Attempt, Result, Trial
from kerasblocks.search.trial import COMPLETED, FAILED, INTERRUPTED, PRUNED, RUNNING

START = datetime(2026, 1, 31, 10, tzinfo=UTC)
TRACEBACK = "Traceback:\n" + "".join(f"  line {n} <i>\n" for n in range(20)) + "Last"
VERSIONS = {"python": "3.11.7", "keras": "3.15.1", "backend": "jax", "jax": "0.8"}


def point(values, log=()):
    """A point of a space whose numbers go from 0 (or, in the log, 1e-4) to 1."""
    hp = kt.HyperParameters()
    hp.values.update(values)
    for name, value in values.items():
        if isinstance(value, bool):
            hp.Boolean(name)
        elif isinstance(value, str):
            hp.Choice(name, sorted({value, "a", "b", "c"}))
        elif name in log:
            hp.Float(name, 1e-4, 1.0, sampling="log")
        else:
            hp.Float(name, 0.0, 1.0)
    return hp.get_config()


def at(seconds):
    return (START + timedelta(seconds=seconds)).isoformat()


def values(chance, extra=0):
    chosen = {
        "stage/kind": chance.choice("abc"),
        "rate": 10 ** chance.uniform(-4, 0),
        "dropout": chance.random(),
        "augment": chance.random() < 0.5,
    }
    if chosen["stage/kind"] == "a":
        chosen["stage/only_with_a"] = chance.random()
    for number in range(extra):
        chosen[f"a_long_stage_{number}/block/a_long_name_{number}"] = chance.random()
    return chosen


def trial(number, status, chance, *, extra=0, workers=2, epochs=6, error="Boom: <b>"):
    chosen = values(chance, extra)
    score = 0.9 - 0.04 * (math.log10(chosen["rate"]) + 2) ** 2
    score += 0.05 * (chosen["stage/kind"] == "a") + 0.002 * chance.random()
    worker = f"worker {number % workers + 1}"
    start = 10.0 * (number // workers)
    end = None if status in (RUNNING, INTERRUPTED) else at(start + 8)
    told = {}
    if status == FAILED:
        told = {"cause": "memory", "error": error, "traceback": TRACEBACK}
    more = {}
    if status in (COMPLETED, PRUNED):
        more = {"score": score, "best_epoch": epochs, "seconds": 8.0}
        more["objectives"] = {"val_accuracy": score, "macs": 1e5 * (1 + number % 5)}
    curve = [{"val_accuracy": score * (1 - 0.5**n)} for n in range(1, epochs + 1)]
    return Trial(
        number,
        status,
        point(chosen, log=("rate",)),
        number,
        costs={"parameters": 1000.0 * (1 + number % 5)},
        attempts=[Attempt(1, worker, at(start), end, status, **told)],
        epochs=[*curve, {"val_accuracy": None}] if more else [],
        **more,
    )


def made(
    trials=30, folder=Path("runs/made"), *, name="made", goals=2, only=None, **own
):
    """Results of so many trials, some of every kind, or all of one kind."""
    chance = random.Random(0)
    kinds = {5: FAILED, 9: PRUNED, 14: FAILED, 20: INTERRUPTED}
    objectives = [kt.Objective("val_accuracy", "max"), kt.Objective("macs", "min")]
    session = {
        "started": at(0),
        "ended": at(10 * trials),
        "outcome": "finished",
        "settings": {"epochs": 6, "batch_size": None},
        "versions": VERSIONS,
    }
    return Result(
        name,
        objectives[:goals],
        0,
        folder,
        [
            trial(number, only or kinds.get(number, COMPLETED), chance, **own)
            for number in range(1, trials + 1)
        ],
        {"accuracy": 0.875, "loss": 0.25},
        sessions=[session] if trials else [],
    )
