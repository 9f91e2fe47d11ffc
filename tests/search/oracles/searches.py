"""Searches without models: what oracles suggest when trials end as they may."""

import contextlib
import importlib.util
import json
import random
import warnings
from dataclasses import replace

import keras_tuner as kt
from hypothesis import strategies as st

from kerasblocks.search.oracles import WAIT, Bayesian, Oracle
from kerasblocks.search.trial import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    PRUNED,
    RUNNING,
    Trial,
    dumps,
)

# Optuna is an extra.
SAMPLED = ["tpe", "nsga2"] if importlib.util.find_spec("optuna") else []
GOAL = kt.Objective("val_loss", "min")
SECOND = kt.Objective("parameters", "min")


def early(objective, seed):
    """The Bayesian oracle, with few random points first."""
    return Bayesian(objective, seed=seed, num_initial_points=3)


def theirs(objective, seed):
    """KerasTuner's own."""
    return kt.oracles.BayesianOptimizationOracle(
        objective=objective, seed=seed, num_initial_points=2
    )


def space():
    hp = kt.HyperParameters()
    hp.Choice("units", [4, 8, 16, 32])
    hp.Float("rate", 1e-3, 1e-1, sampling="log")
    return hp


def few(*values):
    hp = kt.HyperParameters()
    hp.Choice("units", list(values))
    return hp


def loss(values):
    """Something to minimize over any space: a sum over the active values."""
    return sum(
        len(value) if isinstance(value, str) else abs(float(value) - 3.3)
        for value in values.values()
    )


def all_complete(number):
    return COMPLETED


class Search:
    """A driver in small: workers, ends in any order, interruptions at any event.

    Args:
        kind: The oracle.
        seed: Its seed, and that of the order in which trials end.
        stops: The events (asked, told) after which all is forgotten but the trials
            and the oracle's state.
        ends: How each trial ends, by its number.
        score: The value of a point.
    """

    def __init__(
        self,
        kind,
        *,
        hp=None,
        seed=0,
        goals=(GOAL,),
        epochs=9,
        workers=1,
        stops=(),
        ends=all_complete,
        score=loss,
        allowed=None,
    ):
        self.arguments = (kind, goals, seed, hp or space(), epochs)
        self.workers, self.stops = workers, stops
        self.ends, self.score = ends, score
        self.allowed = {} if allowed is None else {"allowed": allowed}
        self.order = random.Random(seed)
        self.trials, self.suggestions = {}, []
        self.state, self.events, self.waits = None, 0, 0
        self.oracle = Oracle(*self.arguments)

    def run(self, count):
        """Try so many points, or those that there are; return them."""
        try:
            while self._ended() < count:
                flying = [t for t in self.trials.values() if not t.ended]
                wanted = min(self.workers, count - self._ended())
                if len(flying) < wanted and self._ask(flying):
                    continue
                flying = [t for t in self.trials.values() if not t.ended]
                if not flying:
                    break
                self._end(self.order.choice(flying))
        finally:
            self.oracle.close()
        return [trial.values for trial in self.trials.values()]

    def _ask(self, flying):
        number = len(self.trials) + 1
        tried = [trial.values for trial in self.trials.values()]
        found = self.oracle.ask(number, tried, **self.allowed)
        if found is WAIT:
            assert flying, "waits for nothing"
            self.waits += 1
        if found is None or found is WAIT:
            return False
        parents = {t.oracle_id: t.number for t in self.trials.values()}
        self.suggestions.append(found)
        self.trials[number] = Trial(
            number,
            RUNNING,
            found.point,
            0,
            oracle_id=found.oracle_id,
            until=found.epochs,
            parent=parents.get(found.parent),
            first_epoch=found.first_epoch,
        )
        self._event()
        return True

    def _end(self, trial):
        status = self.ends(trial.number)
        score = None if status == FAILED else self.score(trial.values)
        trial = replace(
            trial,
            status=status,
            score=score,
            objectives={} if score is None else {GOAL.name: score},
            costs={SECOND.name: float(len(trial.values))},
            best_epoch=1,
            epochs=[{GOAL.name: score}],
        )
        self.oracle.tell(trial)
        self.trials[trial.number] = trial
        self._event()

    def _event(self):
        self.events += 1
        self.state = dumps(self.oracle.state())
        if self.events in self.stops:
            self.oracle.close()
            self.oracle = Oracle(*self.arguments)
            known = [
                t if t.ended else replace(t, status=INTERRUPTED)
                for t in self.trials.values()
            ]
            self.oracle.restore(json.loads(self.state), known)

    def _ended(self):
        return sum(trial.ended for trial in self.trials.values())


def active(hp, values):
    """Whether a point has values for all that is active, and for nothing else."""
    at = kt.HyperParameters()
    for entry in hp.space:
        at.merge([entry])
        if at.is_active(entry):
            if entry.name not in values:
                return False
            at.values[entry.name] = values[entry.name]
    return at.values == values


@st.composite
def spaces(draw):
    """Small spaces of every kind of hyperparameter, some under conditions."""
    hp = kt.HyperParameters()
    parents = []
    for number in range(draw(st.integers(1, 5))):
        chain = []
        if parents and draw(st.booleans()):
            chain = draw(st.sampled_from(parents))
        with contextlib.ExitStack() as stack:
            for condition in chain:
                stack.enter_context(hp.conditional_scope(*condition))
            values = draw(st.sampled_from(ENTRIES))(hp, f"p{number}")
        if values:
            parents.append([*chain, (f"p{number}", values[-1:])])
    return hp


def _entry(kind, *arguments, **options):
    """Adds a hyperparameter; returns the values on which others may depend."""

    def add(hp, name):
        getattr(hp, kind)(name, *arguments, **options)
        return arguments[0] if kind == "Choice" else None

    return add


ENTRIES = [
    _entry("Choice", ["a", "b", "cc"]),
    _entry("Choice", [3, 1, 8]),
    _entry("Choice", ["only"]),
    _entry("Boolean"),
    _entry("Int", 1, 9),
    _entry("Int", 1, 9, step=3),
    _entry("Int", 2, 32, step=2, sampling="log"),
    _entry("Int", 1, 64, sampling="log"),
    _entry("Int", 4, 4),
    _entry("Float", 0.0, 1.0),
    _entry("Float", 0.0, 0.5, step=0.1),
    _entry("Float", 0.1, 0.9, sampling="reverse_log"),
    _entry("Fixed", "word"),
]

ENDS = st.lists(
    st.sampled_from([COMPLETED, COMPLETED, COMPLETED, PRUNED, FAILED]),
    min_size=1,
    max_size=12,
)


def by_number(ends):
    """A function of a trial's number, over a list from the beginning again."""
    return lambda number: ends[number % len(ends)]


def kerastuner(oracle, hp, name="x"):
    """An oracle of KerasTuner in its own use, in a folder that it is given."""
    oracle.verbose = 0
    oracle.update_space(hp)

    def create(worker, folder):
        oracle._set_project_dir(folder, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return oracle.create_trial(worker)

    return create
