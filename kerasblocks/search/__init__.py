"""Searches over hyperparameters: studies, the driver that runs them, results."""

from kerasblocks.search import pruners, tensorboard
from kerasblocks.search.driver import run
from kerasblocks.search.errors import ExecutorLost, SearchFailed, StudyError
from kerasblocks.search.load import load_study
from kerasblocks.search.results import Result, read
from kerasblocks.search.study import Splits, Study
from kerasblocks.search.trial import Attempt, Trial

__all__ = [
    "Attempt",
    "ExecutorLost",
    "Result",
    "SearchFailed",
    "Splits",
    "Study",
    "StudyError",
    "Trial",
    "load_study",
    "pruners",
    "read",
    "run",
    "tensorboard",
]
