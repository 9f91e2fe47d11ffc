"""The files that a search leaves for people and programs: CSV, JSON, PNG."""

from __future__ import annotations

import csv
import json
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerasblocks.files import replacing
from kerasblocks.search.folder import Folder
from kerasblocks.search.results import Result
from kerasblocks.search.trial import FAILED, dumps

_COLUMNS = (
    "number",
    "status",
    "score",
    "best_epoch",
    "params",
    "seconds",
    "seed",
    "attempts",
    "error",
)
_BLUE, _GREY, _RED = "#2563a8", "#9aa5b1", "#c0392b"


def write_tables(result: Result, folder: Folder) -> None:
    """Write the trials as `trials.csv` and `trials.json`.

    Args:
        result: What to write.
        folder: Where.
    """
    names: dict[str, None] = {}
    for trial in result.trials:
        names.update(dict.fromkeys(trial.values))
    with replacing(folder.csv) as draft, draft.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*_COLUMNS, *names])
        for trial in result.trials:
            row = [getattr(trial, column) for column in _COLUMNS]
            rows.writerow(row + [trial.values.get(name) for name in names])
    data = {
        "study": result.name,
        "objective": result.goal.name,
        "direction": result.goal.direction,
        "seed": result.seed,
        "best": None if result.best is None else result.best.number,
        "test": result.test,
        "trials": [
            {column: getattr(trial, column) for column in _COLUMNS}
            | {"hyperparameters": trial.values, "epochs": trial.epochs}
            | {"traceback": trial.traceback}
            for trial in result.trials
        ],
    }
    with replacing(folder.json) as draft:
        draft.write_text(json.dumps(json.loads(dumps(data)), indent=1) + "\n")


def draw(result: Result, folder: Folder) -> None:
    """Draw the trials' scores and learning curves as `scores.png`.

    Args:
        result: What to draw.
        folder: Where.
    """
    figure = Figure(figsize=(11, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    scores, curves = figure.subplots(1, 2)
    title = f"{result.name}: {len(result.finished)} trials"
    if result.best is not None:
        title += f", best {result.goal.name} {result.best.score:.4f}"
    figure.suptitle(title, fontsize=13)
    _draw_scores(scores, result)
    _draw_curves(curves, result)
    for axes in (scores, curves):
        axes.grid(color="#e4e8ec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    with replacing(folder.png) as draft:
        figure.savefig(draft, dpi=130)


def _draw_scores(axes: Any, result: Result) -> None:
    done = sorted(result.ranked, key=lambda trial: trial.number)
    axes.set(title="Score of each trial", xlabel="trial", ylabel=result.goal.name)
    if done:
        numbers = [trial.number for trial in done]
        best, running = None, []
        for trial in done:
            if best is None or result.goal.better_than(trial.score, best):
                best = trial.score
            running.append(best)
        axes.step(numbers, running, where="post", color=_BLUE, label="best so far")
        axes.plot(
            numbers, [trial.score for trial in done], "o", color=_GREY, label="trial"
        )
        top = result.ranked[0]
        axes.plot(
            top.number, top.score, "o", color=_BLUE, markersize=9, label="best trial"
        )
    failed = [trial.number for trial in result.trials if trial.status == FAILED]
    if failed:
        floor = [0.02] * len(failed)
        axes.plot(
            failed,
            floor,
            "x",
            color=_RED,
            label="failed",
            transform=axes.get_xaxis_transform(),
        )
    if done or failed:
        axes.legend(frameon=False)


def _draw_curves(axes: Any, result: Result) -> None:
    axes.set(title="Learning curves", xlabel="epoch", ylabel=result.goal.name)
    ranked = result.ranked
    for place, trial in reversed(list(enumerate(ranked))):
        curve = [epoch.get(result.goal.name) for epoch in trial.epochs]
        values = [float("nan") if value is None else value for value in curve]
        style: dict[str, Any] = {"color": _GREY, "alpha": 0.55, "linewidth": 1}
        if place == 0:
            style = {"color": _BLUE, "linewidth": 2.2}
            style["label"] = f"best trial ({trial.number})"
        elif place == 1:
            style["label"] = "other trials"
        marker = "o" if len(values) == 1 else ""
        axes.plot(range(1, len(values) + 1), values, marker=marker, **style)
    if ranked:
        corner = "lower right" if result.goal.direction == "max" else "upper right"
        axes.legend(frameon=False, loc=corner)
