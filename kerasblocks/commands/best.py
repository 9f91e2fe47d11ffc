"""`kerasblocks best DIR`: the best trial of a search, and its model elsewhere."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, TextIO

from _kerasblocks_cli.errors import CommandError
from _kerasblocks_cli.start import quiet_start
from kerasblocks.commands.export import export
from kerasblocks.search import StudyError, read
from kerasblocks.search.display.events import facts, goals
from kerasblocks.search.folder import Folder
from kerasblocks.search.report.words import duration, number, setting
from kerasblocks.search.trial import dumps


def run(options: argparse.Namespace, stream: TextIO | None) -> int:
    """Run the command; return the exit code."""
    told = _tell(options)
    if stream is None:
        print(_text(told))
    else:
        stream.write(json.dumps(told) + "\n")
        stream.flush()
    return 0


def _tell(options: argparse.Namespace) -> dict[str, Any]:
    """The facts of the trial; the model is exported on the way."""
    folder, target = options.folder, options.export
    try:
        result = read(folder)
    except StudyError as error:
        raise CommandError(str(error)) from error
    trial = _chosen(result, options.trial, options.rank)
    model = Folder(folder).model(trial.number)
    is_best = result.best is not None and result.best.number == trial.number
    if is_best and not model.exists():
        model = Folder(folder).best
    ranked = [one.number for one in result.ranked]
    told = {
        "study": result.name,
        "folder": str(folder),
        "goals": goals(result),
        "trials": len(result.trials),
        "finished": len(result.finished),
        "rank": ranked.index(trial.number) + 1 if trial.number in ranked else None,
        "ranked": len(ranked),
        "on_front": any(one.number == trial.number for one in result.front),
        **facts(trial, result.goals),
        "test": result.test if is_best else None,
        "model": str(model) if model.exists() else None,
        "exported": None,
    }
    if target is not None:
        if told["model"] is None:
            raise CommandError(_not_kept(folder, trial), code=1)
        with quiet_start():
            export(model, target)
        told["exported"] = str(target)
    return json.loads(dumps(told))


def _chosen(result: Any, number: int | None, rank: int | None) -> Any:
    ranked = result.ranked
    if number is not None:
        for trial in result.trials:
            if trial.number == number:
                return trial
        known = len(result.trials)
        has = f"trials 1 to {known}" if known else "no trial"
        raise CommandError(f"--trial: {result.folder} has {has}, got {number}")
    if not ranked:
        kinds: dict[str, int] = {}
        for trial in result.trials:
            kinds[trial.status.lower()] = kinds.get(trial.status.lower(), 0) + 1
        states = ", ".join(f"{many} {kind}" for kind, many in kinds.items())
        why = f" ({states})" if states else " (none has begun)"
        raise CommandError(f"no trial of {result.folder} has completed{why}", code=1)
    if rank is not None and rank > len(ranked):
        many = "1 trial has" if len(ranked) == 1 else f"{len(ranked)} trials have"
        raise CommandError(f"--rank: {many} completed, got {rank}")
    return ranked[(rank or 1) - 1]


def _not_kept(folder: Path, trial: Any) -> str:
    files = sorted(Folder(folder).models.glob("trial-*.keras"))
    kept = ", ".join(str(int(file.stem.removeprefix("trial-"))) for file in files)
    return (
        f"{folder} keeps no model of trial {trial.number} ({trial.status.lower()}), "
        f"only of the best: {kept or 'none'}; `keep` in the Study says how many"
    )


def _text(told: dict[str, Any]) -> str:
    place = f"trial {told['trial']}"
    if told["rank"] == 1:
        place += f", the best of {told['ranked']} by {told['goals'][0]['name']}"
    elif told["rank"] is not None:
        place += f", rank {told['rank']} of {told['ranked']}"
        place += f" by {told['goals'][0]['name']}"
    else:
        place += f", {told['status'].lower()}"
    if len(told["goals"]) > 1 and told["on_front"]:
        place += "; no other trial beats it in every objective"
    lines = [f"study {told['study']!r} in {told['folder']}: {place}"]

    def section(title: str, pairs: dict[str, str]) -> None:
        if pairs:
            wide = max(map(len, pairs))
            lines.extend(["", title])
            lines.extend(f"  {name:{wide}}  {text}" for name, text in pairs.items())

    scores = {name: number(value) for name, value in told["objectives"].items()}
    section("objectives", scores)
    section(
        "hyperparameters",
        {name: setting(value) for name, value in told["hyperparameters"].items()},
    )
    section("test data", {n: number(v) for n, v in (told["test"] or {}).items()})
    costs = {n: number(v) for n, v in told["costs"].items() if n not in scores}
    epochs = str(told["epochs"])
    if told["best_epoch"] is not None:
        epochs += f", the best {told['best_epoch']}"
    more = {"epochs": epochs, "time": duration(told["seconds"])}
    section("cost", costs | more | {"seed": str(told["seed"])})
    if told.get("error"):
        section("failed", {told["cause"]: told["error"]})
    if told["model"] is not None:
        lines += ["", "load it", "  import keras, kerasblocks"]
        lines.append(f"  model = keras.saving.load_model({told['model']!r})")
    if told["exported"] is not None:
        lines += ["", f"exported to {told['exported']}"]
    return "\n".join(lines)
