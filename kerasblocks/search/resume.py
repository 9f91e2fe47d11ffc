"""Take up a study's memory: is it the same study, and what changed since?"""

from __future__ import annotations

from typing import Any

import keras_tuner as kt

from kerasblocks.search.errors import StudyError
from kerasblocks.search.explore import changes, describe
from kerasblocks.search.folder import Folder
from kerasblocks.search.store import Store
from kerasblocks.search.study import Study
from kerasblocks.search.trial import dumps


def resume(
    study: Study, space: kt.HyperParameters, folder: Folder, store: Store
) -> tuple[Any, list[str]]:
    """Begin the memory, or check that it is this study's.

    Args:
        study: The study as it is now.
        space: Its search space as it is now.
        folder: Where the memory is.
        store: The memory.

    Returns:
        The oracle's state, None where it no longer holds, and what a reader
        should know of what changed.

    Raises:
        StudyError: The memory is another study's, or the scores, points or grid
            of this one cannot be mixed with what it holds.
    """
    described = describe(space)
    row = store.study()
    if row is None:
        store.begin_study(
            **_identity(study), oracle=_oracle_name(study), space=dumps(described)
        )
        return None, []
    for key, value in _identity(study).items():
        if row[key] != value:
            raise StudyError(
                f"{folder.root} holds a search with {key} {row[key]!r}, and "
                f"the study has {key} {value!r}: give it another folder with "
                "--out, or begin anew with --fresh (which moves this one aside)"
            )
    notes = _settings_notes(study, store)
    state = row["oracle_state"]
    changed = []
    if row["oracle"] != _oracle_name(study):
        changed.append(f"the oracle was {row['oracle']} and is {_oracle_name(study)}")
    words = changes(row["space"], described)
    if words:
        changed.append(f"the search space changed: {'; '.join(words)}")
    if changed:
        if study.oracle == "grid" and store.trials():
            raise StudyError(
                f"{folder.root}: {'; '.join(changed)}; a grid cannot go on from "
                "there: begin anew with --fresh (which moves this one aside)"
            )
        notes += [f"{change}; earlier trials are kept and ranked" for change in changed]
        store.change_study(_oracle_name(study), described)
        state = None
    return state, notes


def settings(study: Study) -> dict[str, Any]:
    """Return the settings that scores depend on beside the hyperparameters."""
    return {"epochs": study.epochs, "batch_size": study.batch_size}


def _identity(study: Study) -> dict[str, Any]:
    return {
        "name": study.name,
        "objective": ", ".join(goal.name for goal in study.goals),
        "direction": ", ".join(goal.direction for goal in study.goals),
        "seed": study.seed,
    }


def _oracle_name(study: Study) -> str:
    oracle = study.oracle
    if isinstance(oracle, str):
        return oracle
    return getattr(oracle, "__name__", type(oracle).__name__)


def _settings_notes(study: Study, store: Store) -> list[str]:
    before = store.last_settings() or settings(study)
    return [
        f"{name} was {before.get(name)} and is {value} for new trials: scores before "
        "and after are not alike"
        for name, value in settings(study).items()
        if before.get(name) != value
    ]
