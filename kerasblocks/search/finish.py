"""The end of a search: the best model measured, the files written, the table shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import keras

from kerasblocks.search.display import Display
from kerasblocks.search.errors import one_line
from kerasblocks.search.folder import Folder
from kerasblocks.search.report import draw, write_tables
from kerasblocks.search.results import Result
from kerasblocks.search.store import Store
from kerasblocks.search.study import Study


def finish(
    study: Study, result: Result, folder: Folder, store: Store, display: Display
) -> Result:
    """Measure the best model on the test data, write the files, show the table.

    Args:
        study: The study.
        result: Its results.
        folder: Where the files go.
        store: The memory, which keeps the measurement.
        display: What shows it.

    Returns:
        The results, with what the best model does on the test data.
    """
    best = result.best
    if best is not None:
        folder.keep_models([trial.number for trial in result.ranked], study.keep)
        test = store.test(best.number)
        if test is None:
            test, why_not = measure(study, folder.model(best.number))
            if test is None:
                display.line(why_not)
            else:
                store.set_test(best.number, test)
        result = dataclasses.replace(result, test=test)
    write_tables(result, folder)
    draw(result, folder)
    display.results(result)
    return result


def measure(study: Study, file: Path) -> tuple[dict[str, float] | None, str]:
    """Evaluate the saved best model on the test data, which no trial has seen.

    Args:
        study: The study.
        file: The best trial's model.

    Returns:
        The metrics and no words, or None and why there are none.
    """
    if not file.exists():
        return None, f"{file} is missing, so there is nothing to test"
    test = study.splits().test
    if test is None:
        return None, "the study has no test data: the best model is untested"
    keras.utils.clear_session()
    try:
        model: Any = keras.saving.load_model(file)
    except Exception as error:
        # Most often a class that is made inside build(hp), or a lambda.
        return None, (
            f"{file} cannot be loaded, so the best model is untested: {one_line(error)}"
        )
    parts = test if isinstance(test, tuple) else (test,)
    options = {"sample_weight": parts[2]} if len(parts) == 3 else {}
    metrics = model.evaluate(*parts[:2], verbose=0, return_dict=True, **options)
    return {name: float(value) for name, value in metrics.items()}, ""
