"""A search in three lines, from the data alone."""

import math
import subprocess
import sys

import cloudpickle
import keras
import keras_tuner as kt
import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_digits

import kerasblocks as kb
from kerasblocks.hypermodels import Images, Sequences, Tables, Tokens
from kerasblocks.hypermodels.study_for import study_for

DIGITS = load_digits()
X, Y = DIGITS.images[..., None].astype("float32"), DIGITS.target
SMALL = {"filters": 4, "stages": 1, "depth": 1, "shift": 0.0, "rotation": 0.0}
DICE = np.random.default_rng(0)


class Batches(keras.utils.PyDataset):
    def __init__(self, x, y, size=16):
        super().__init__()
        self.x, self.y, self.size = x, y, size

    def __len__(self):
        return math.ceil(len(self.y) / self.size)

    def __getitem__(self, i):
        rows = slice(i * self.size, (i + 1) * self.size)
        return self.x[rows], self.y[rows]


def test_three_lines(search):
    study = study_for(X[:300], Y[:300], epochs=2, batch_size=64, block="plain", **SMALL)
    result = search(study, trials=2)
    model = result.best_model()
    assert [trial.error for trial in result.trials] == [None, None]
    assert model.predict(X[:5], verbose=0).shape == (5, 10)
    assert "accuracy" in result.test


def test_a_saved_model_loads_with_the_package_alone(tmp_path):
    network = study_for(X[:60], Y[:60], **SMALL).hypermodel
    model = network.build(kt.HyperParameters())
    assert "standardize" in [layer.name for layer in model.layers]
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", X[:3])
    np.save(tmp_path / "y.npy", model.predict(X[:3], verbose=0))
    code = (
        "import keras, kerasblocks, numpy as np, sys\n"
        "model = keras.saving.load_model('model.keras')\n"
        "y = model.predict(np.load('x.npy'), verbose=0)\n"
        "assert np.allclose(y, np.load('y.npy'), atol=1e-5)\n"
        "assert 'kerasblocks.search' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_parts_are_apart_and_hold_every_class_alike():
    parts = study_for(X, Y, seed=3).data()
    assert [len(y) for _, y in parts] == [1079, 359, 359]
    rows = np.concatenate([x.reshape(len(x), -1) for x, _ in parts])
    assert len(np.unique(rows, axis=0)) == len(np.unique(X.reshape(len(X), -1), axis=0))
    for _, y in parts:
        share = np.bincount(y, minlength=10) / len(y)
        assert np.abs(share - np.bincount(Y) / len(Y)).max() < 0.005
    again, other = (study_for(X, Y, seed=seed).data() for seed in (3, 4))
    assert (parts.test[1] == again.test[1]).all()
    assert (parts.test[0] != other.test[0]).any()


def test_parts_can_be_given():
    study = study_for(X[:90], Y[:90], validation=(X[90:99], Y[90:99]), test=0)
    parts = study.data()
    assert len(parts.train[1]) == 90
    assert parts.validation[1] is not None
    assert parts.test is None
    parts = study_for(X[:90], Y[:90], test=(X[90:99], Y[90:99])).data()
    assert [len(part[1]) for part in parts] == [72, 18, 9]


def test_only_the_training_part_is_standardized_by():
    x = np.arange(100.0)[:, None] * [1, 0] + [0, 5]
    study = study_for(x, np.arange(100) / 7)
    mean, variance = study.hypermodel.inputs.moments
    train = study.data().train[0]
    np.testing.assert_allclose(mean, train.mean(axis=0), rtol=1e-6)
    model = study.hypermodel.build(kt.HyperParameters())
    z = model.get_layer("standardize")(train)
    assert abs(float(keras.ops.mean(z))) < 1e-4
    assert float(keras.ops.max(keras.ops.abs(z))) < 3, "a constant column does no harm"
    assert variance[1] == 0


@pytest.mark.parametrize(
    ("x", "kind", "encoder", "shape"),
    [
        (np.zeros((30, 4)), None, Tables, (4,)),
        (np.zeros((30, 9, 2)), None, Sequences, (9, 2)),
        (np.zeros((30, 6, 6, 3), "uint8"), None, Images, (6, 6, 3)),
        (np.zeros((30, 3, 6, 6, 1)), None, Images, (3, 6, 6, 1)),
        (np.zeros((30, 6, 6)), "images", Images, (6, 6)),
        (np.zeros((30, 9)), "sequences", Sequences, (9,)),
        (np.full((30, 9), 6), "tokens", Tokens, (9,)),
    ],
)
def test_axes_say_what_the_input_is(x, kind, encoder, shape):
    study = study_for(x, np.arange(30) % 3, kind=kind)
    found = study.hypermodel.inputs
    assert type(found) is encoder
    assert found.shape == shape
    study.hypermodel.build(kt.HyperParameters())


@pytest.mark.parametrize(
    ("y", "task", "objective"),
    [
        (np.arange(60) % 3, kb.heads.Multiclass, "val_accuracy"),
        (np.arange(60) % 2, kb.heads.Binary, "val_accuracy"),
        (np.arange(60) % 2 == 1, kb.heads.Binary, "val_accuracy"),
        (np.eye(3)[np.arange(60) % 3], kb.heads.Multiclass, "val_accuracy"),
        (DICE.integers(0, 2, (60, 4)), kb.heads.Multilabel, "val_accuracy"),
        (DICE.random(60), kb.heads.Regression, "val_loss"),
        (DICE.random((60, 2)), kb.heads.Regression, "val_loss"),
        (DICE.integers(0, 10**6, 60), kb.heads.Regression, "val_loss"),
    ],
)
def test_values_say_what_the_target_is(y, task, objective):
    study = study_for(DICE.random((60, 3)), y)
    assert type(study.hypermodel.outputs) is task
    assert study.objective == objective
    model = study.hypermodel.build(kt.HyperParameters())
    model.run_eagerly = True
    train = study.data().train
    logs = model.train_on_batch(train[0][:8], train[1][:8], return_dict=True)
    assert np.isfinite(logs["loss"])
    assert objective.removeprefix("val_") in logs


def test_dicts_are_several_inputs_and_heads(search):
    x = {"image": X[:60], "row": DICE.random((60, 3))}
    y = {"digit": Y[:60], "mass": DICE.random(60) * 1e3, "stars": Y[:60] % 4}
    study = study_for(
        x, y, task={"stars": kb.heads.Ordinal(4)}, epochs=1, batch_size=32, **SMALL
    )
    outputs = study.hypermodel.outputs
    assert {name: type(task).__name__ for name, task in outputs.items()} == {
        "digit": "Multiclass",
        "mass": "Regression",
        "stars": "Ordinal",
    }
    assert study.objective == "val_loss"
    result = search(study, trials=1)
    assert result.trials[0].error is None
    outputs = result.best_model().predict({n: part[:3] for n, part in x.items()})
    assert {name: out.shape for name, out in outputs.items()} == {
        "digit": (3, 10),
        "mass": (3, 1),
        "stars": (3, 4),
    }


def test_a_py_dataset_is_searched(search):
    train, validation = Batches(X[:80], Y[:80]), Batches(X[80:120], Y[80:120])
    study = study_for(train, validation=validation, epochs=1, block="plain", **SMALL)
    assert study.batch_size is None
    assert study.hypermodel.steps == 5
    result = search(study, trials=1)
    assert result.trials[0].error is None


def test_a_table_is_learnt():
    x, y = load_diabetes(return_X_y=True)
    study = study_for(x, y, epochs=20, layers=1, block="plain", hidden_dropout=0.0)
    parts = study.data()
    model = study.hypermodel.build(kt.HyperParameters())
    options = {"batch_size": study.batch_size, "verbose": 0}
    model.fit(*parts.train, epochs=20, **options)
    loss = model.evaluate(*parts.test, verbose=0)[0]
    assert loss < 0.75, "less than the variance of the targets, which is 1"


def test_a_study_can_be_shipped():
    study = cloudpickle.loads(cloudpickle.dumps(study_for(X[:90], Y[:90], **SMALL)))
    assert len(study.data().train[1]) == 54
    study.hypermodel.build(kt.HyperParameters())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"filtres": 3}, TypeError, "'filtres'; did you mean 'filters'"),
        ({"trails": 3}, TypeError, "'trails'; did you mean 'trials'"),
        ({"hypermodel": 3}, TypeError, "'hypermodel' is what is made here"),
        ({"y": None}, ValueError, "'y' must be an array or a dict of arrays, got None"),
        ({"y": Y[:50]}, ValueError, "the same number of samples, got 50, 90"),
        ({"y": np.array(["a"] * 90)}, ValueError, "'y' must hold numbers, .*unique"),
        ({"x": np.zeros(90)}, ValueError, r"'x' must have 2 axes .*shape \(54,\)"),
        ({"x": np.full((90, 2), "a")}, ValueError, "'x' must hold numbers, got an ar"),
        (
            {"x": np.full((90, 2), np.nan)},
            ValueError,
            "must hold finite numbers, got 1",
        ),
        ({"kind": "image"}, ValueError, "'kind' must be one of .*mean 'images'"),
        ({"kind": "table"}, ValueError, "'x' must have 2 axes for kind='table'"),
        ({"validation": 0}, ValueError, "'validation' must be above 0"),
        ({"validation": 1.5}, ValueError, "'validation' must be a share from 0 to 1"),
        ({"test": "no"}, ValueError, "'test' must be a share from 0 to 1, .* got 'no'"),
        ({"task": "classes"}, ValueError, "'task' must be a task such as"),
        ({"x": X[:2], "y": Y[:2]}, ValueError, "'x' must hold more samples than 2"),
        (
            {"y": {"a": Y[:90]}, "task": {"b": kb.heads.Binary()}},
            ValueError,
            "'task' names 'b', but the targets are 'a'",
        ),
        (
            {"x": Batches(X, Y), "y": None},
            ValueError,
            "'validation' must be a dataset or .* where 'x' is a dataset.*got 0.2",
        ),
        ({"x": Batches(X, Y)}, ValueError, "'y' must be left out with a dataset"),
    ],
)
def test_what_is_wrong_is_told(arguments, error, words):
    given = {"x": X[:90], "y": Y[:90]} | arguments
    with pytest.raises(error, match=f"^study_for: .*{words}"):
        study_for(given.pop("x"), given.pop("y"), **given)


def test_trials_that_get_no_better_end_unless_the_user_says_otherwise():
    x, y = np.zeros((40, 3)), np.arange(40) % 2
    study = study_for(x, y, epochs=40)
    (early,) = study.callbacks()
    assert (early.monitor, early.patience) == ("val_accuracy", 10)
    # A fresh one for each trial.
    assert study.callbacks()[0] is not early
    assert study_for(x, y, epochs=40, callbacks=None).callbacks is None
