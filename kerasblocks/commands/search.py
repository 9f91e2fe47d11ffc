"""`kerasblocks search STUDY`: run the search that a file describes."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import Any, TextIO

import keras

from _kerasblocks_cli.errors import CommandError, Interrupted
from _kerasblocks_cli.start import quiet_start
from kerasblocks import search
from kerasblocks.search.display import JsonDisplay, display_for
from kerasblocks.search.objectives import objectives


def run(options: argparse.Namespace, stream: TextIO | None) -> int:
    """Run the command; return the exit code."""
    with quiet_start():
        keras.utils.set_random_seed(0)  # it loads TensorFlow under every backend
    try:
        study = search.load_study(options.study)
        if options.objective is not None:
            study = _with_objectives(study, options.objective)
        _search(study, options, stream)
    except search.StudyError as error:
        raise CommandError(str(error)) from error
    except (search.SearchFailed, search.ExecutorLost, ConnectionError) as error:
        raise CommandError(str(error), code=1) from error
    return 0


def _search(study: Any, options: argparse.Namespace, stream: TextIO | None) -> None:
    display = JsonDisplay(stream) if stream else display_for(sys.stdout)
    try:
        search.run(
            study,
            out=options.out,
            trials=options.trials,
            seconds=options.time,
            seed=options.seed,
            fresh=options.fresh,
            workers=options.workers,
            ray=options.ray,
            display=display,
        )
    except KeyboardInterrupt as interrupt:  # the display has said what is kept
        raise Interrupted from interrupt


def _with_objectives(study: Any, text: str) -> Any:
    """The study with other objectives; its own keep their direction."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise CommandError(
            f"--objective: expected names with commas between, got {text!r}"
        )
    known = {goal.name: goal for goal in study.goals}
    wanted = [known.get(name, name) for name in names]
    try:
        found = objectives(wanted)
    except ValueError as error:
        raise CommandError(f"--objective: expected {error}") from error
    return dataclasses.replace(study, objective=found)
