"""The study that a stranger runs first, cut short."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from kerasblocks.search import load_study

STUDY = Path(__file__).parents[2] / "tuning" / "digits.py"


def test_splits_are_apart_and_whole():
    splits = load_study(STUDY).splits()
    sizes = [len(x) for x, _ in splits]
    assert sizes == [1077, 360, 360]
    for _, y in splits:
        assert np.bincount(y).min() >= len(y) // 12


@pytest.mark.slow
def test_study_runs(search):
    study = dataclasses.replace(load_study(STUDY), epochs=1)
    result = search(study, trials=1)
    assert result.trials[0].error is None
    assert result.test["accuracy"] > 0.1
