"""Tasks: their losses against Keras' own ways to say the same, and what they learn."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from keras import layers, losses, ops

import kerasblocks as kb
from kerasblocks.heads.label_kinds import Numbers
from kerasblocks.heads.loss import TaskLoss
from kerasblocks.heads.metric import TaskMetric
from kerasblocks.heads.task import replaced
from tests.heads.task_table import TASKS

RNG = np.random.default_rng(0)
CLASSES = RNG.integers(0, 3, 20)
ONE_HOT = np.eye(3)[CLASSES]
BITS = RNG.integers(0, 2, (20, 1)).astype("float32")


def softmax(shape):
    odds = np.exp(RNG.standard_normal(shape)).astype("float32")
    return odds / odds.sum(axis=-1, keepdims=True)


CLASS_ODDS, BIT_ODDS = softmax((20, 3)), softmax((20, 2))[:, :1]


@pytest.mark.parametrize(
    ("task", "y", "weights"),
    [
        (
            kb.heads.Multiclass(3, class_weight={0: 2.0, 2: 0.5}),
            CLASSES,
            {0: 2, 1: 1, 2: 0.5},
        ),
        (
            kb.heads.Multiclass(
                3, class_weight=[2, 1, 0.5], loss="categorical_crossentropy"
            ),
            ONE_HOT,
            {0: 2, 1: 1, 2: 0.5},
        ),
        (kb.heads.Binary(class_weight={1: 7.0}), BITS, {0: 1, 1: 7}),
    ],
)
def test_class_weights_are_those_of_keras_fit(task, y, weights):
    """On one output, where Keras takes them."""
    x = RNG.standard_normal((20, 4)).astype("float32")
    inputs = keras.Input((4,))
    heads = kb.MultiHeadOutput({"head": task})
    ours = keras.Model(inputs, heads(inputs))
    ours.compile("sgd", **heads.compile_args())
    theirs = keras.Model(inputs, ours.output["head"])
    theirs.compile("sgd", task.loss)
    start = ours.get_weights()
    options = {"shuffle": False, "batch_size": 20, "verbose": 0}
    expected = theirs.fit(x, y, class_weight=weights, **options).history["loss"]
    after = theirs.get_weights()
    ours.set_weights(start)
    found = ours.fit(x, {"head": y}, **options).history["loss"]
    assert found == pytest.approx(expected, rel=1e-6)
    for a, b in zip(ours.get_weights(), after, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_a_weight_for_each_label():
    task = kb.heads.Multilabel(3, class_weight=[0, 1, 4])
    y, p = (CLASS_ODDS > 0.4).astype("float32"), softmax((20, 3))
    each = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    found = float(TaskLoss(task)(y, p))
    assert found == pytest.approx((each * [0, 1, 4]).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("task", "y", "p", "theirs"),
    [
        (
            kb.heads.Multiclass(3, label_smoothing=0.2),
            CLASSES,
            CLASS_ODDS,
            lambda p: losses.CategoricalCrossentropy(label_smoothing=0.2)(ONE_HOT, p),
        ),
        (
            kb.heads.Multiclass(
                3,
                label_smoothing=0.2,
                loss=losses.SparseCategoricalCrossentropy(from_logits=True),
            ),
            CLASSES,
            CLASS_ODDS,
            lambda p: losses.CategoricalCrossentropy(
                label_smoothing=0.2, from_logits=True
            )(ONE_HOT, p),
        ),
        (
            kb.heads.Multiclass(
                3, label_smoothing=0.2, loss="categorical_crossentropy"
            ),
            ONE_HOT,
            CLASS_ODDS,
            lambda p: losses.CategoricalCrossentropy(label_smoothing=0.2)(ONE_HOT, p),
        ),
        (
            kb.heads.Binary(label_smoothing=0.1),
            BITS,
            BIT_ODDS,
            lambda p: losses.BinaryCrossentropy(label_smoothing=0.1)(BITS, p),
        ),
        (
            kb.heads.Multilabel(3, label_smoothing=0.1),
            ONE_HOT,
            CLASS_ODDS,
            lambda p: losses.BinaryCrossentropy(label_smoothing=0.1)(ONE_HOT, p),
        ),
    ],
)
def test_label_smoothing_is_that_of_keras(task, y, p, theirs):
    assert float(TaskLoss(task)(y, p)) == pytest.approx(float(theirs(p)), rel=1e-6)


def test_class_weights_go_by_the_label_before_smoothing():
    task = kb.heads.Binary(label_smoothing=0.2, class_weight={1: 3.0})
    smooth = BITS * 0.8 + 0.1
    each = -(smooth * np.log(BIT_ODDS) + (1 - smooth) * np.log(1 - BIT_ODDS))
    expected = (each * np.where(BITS, 3, 1)).mean()
    assert float(TaskLoss(task)(BITS, BIT_ODDS)) == pytest.approx(expected, rel=1e-5)


def fit(task, x, y, epochs=150):
    heads = kb.MultiHeadOutput({"head": task})
    inputs = keras.Input((x.shape[-1],))
    model = keras.Model(inputs, heads(layers.Dense(16, "tanh")(inputs)))
    model.compile(keras.optimizers.Adam(0.02), **heads.compile_args())
    model.fit(x, {"head": y}, epochs=epochs, batch_size=256, verbose=0)
    logs = model.evaluate(x, {"head": y}, verbose=0, return_dict=True)
    return ops.convert_to_numpy(model(x)["head"]), logs


def test_ordinal_levels_are_a_distribution_and_learned():
    x = RNG.uniform(-1, 1, (512, 1)).astype("float32")
    y = np.digitize(x[:, 0], [-0.5, 0, 0.5])
    p, logs = fit(kb.heads.Ordinal(4), x, y)
    np.testing.assert_allclose(p.sum(axis=-1), 1, rtol=1e-5)
    assert logs["sparse_categorical_accuracy"] > 0.93
    assert logs["level_error"] < 0.07


def test_ordinal_loss_is_the_sum_of_the_steps_cross_entropies():
    """Which is the loss of Shi, Cao and Raschka, for each sample."""
    logits = RNG.standard_normal((6, 3)).astype("float32")
    levels = ops.convert_to_numpy(kb.heads.Ordinal(4).activation(logits))
    chance = 1 / (1 + np.exp(-logits))
    for sample, level in enumerate([0, 1, 2, 3, 1, 3]):
        steps = [-np.log(chance[sample, j]) for j in range(level)]
        steps += [
            -np.log(1 - chance[sample, j]) for j in range(level, min(level + 1, 3))
        ]
        assert -np.log(levels[sample, level]) == pytest.approx(sum(steps), rel=1e-5)


def test_quantiles_cover_what_they_say_and_never_cross():
    x = RNG.uniform(-1, 1, (2048, 1)).astype("float32")
    y = 3 * x[:, 0] + RNG.standard_normal(2048) * (1.5 + x[:, 0])
    p, logs = fit(kb.heads.Quantile([0.1, 0.5, 0.9]), x, y, epochs=60)
    assert (np.diff(p, axis=-1) >= 0).all()
    assert logs["coverage"] == pytest.approx(0.8, abs=0.04)
    assert np.mean(y < p[:, 1]) == pytest.approx(0.5, abs=0.05)


def test_counts_are_learned():
    x = RNG.uniform(-1, 1, (2048, 1)).astype("float32")
    y = RNG.poisson(np.exp(1 + x[:, 0]))
    p, _ = fit(kb.heads.Count(), x, y, epochs=60)
    assert (p > 0).all()
    np.testing.assert_allclose(p[:, 0], np.exp(1 + x[:, 0]), rtol=0.2)


@pytest.mark.parametrize("metric", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (kb.heads.Binary(), "BinaryAccuracy"),
        (kb.heads.Multilabel(2), "BinaryAccuracy"),
        (kb.heads.Multiclass(3), "SparseCategoricalAccuracy"),
        (kb.heads.Ordinal(3), "SparseCategoricalAccuracy"),
        (
            kb.heads.Multiclass(3, loss="categorical_crossentropy"),
            "CategoricalAccuracy",
        ),
    ],
)
def test_accuracy_is_the_one_that_fits_and_keeps_its_name(task, kind, metric):
    made = TaskMetric(task, metric)
    assert type(made.inner).__name__ == kind
    assert made.name == metric


def test_a_function_as_metric():
    def off_by(y_true, y_pred):
        return ops.abs(y_true - y_pred)[..., 0]

    made = TaskMetric(kb.heads.Regression(), off_by)
    made.update_state([[1.0], [np.nan]], [[4.0], [9.0]])
    assert made.name == "off_by"
    assert float(made.result()) == 3


def test_each_task_has_a_row_in_the_table():
    public = {getattr(kb.heads, name) for name in kb.heads.__all__}
    tasks = {each for each in public if issubclass(each, kb.heads.Task)}
    assert {type(row.task()) for row in TASKS.values()} == tasks - {kb.heads.Task}


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_data(name):
    task = TASKS[name].task(missing=-7, hidden=[3], metrics="mse", loss_weight=2)
    assert (task.missing, task.hidden, task.metrics) == (-7, (3,), ("mse",))
    saved = keras.saving.serialize_keras_object(task)
    again = keras.saving.deserialize_keras_object(saved)
    assert again == task
    assert hash(again) == hash(task)
    assert repr(again) == repr(task)
    assert replaced(task, loss_weight=1.0) != task
    with pytest.raises(AttributeError, match="cannot assign to field 'missing'"):
        task.missing = 0


def test_the_representation_shows_what_was_given():
    task = kb.heads.Multiclass(3, hidden=[8], class_weight={1: 2.0})
    expected = "Multiclass(classes=3, hidden=(8,), class_weight=(1.0, 2.0, 1.0))"
    assert repr(task) == expected


def test_a_task_of_ones_own():
    """Angles as cosine and sine. Its arguments are those of every task."""

    @keras.saving.register_keras_serializable(package="test_tasks")
    @dataclass(frozen=True)
    class Angle(kb.heads.Task):
        scale: float = 1.0
        loss = "mean_squared_error"

        @property
        def activation(self):
            return layers.UnitNormalization()

        @property
        def label_kind(self):
            return Numbers(2)

    with pytest.raises(NotImplementedError, match="Task must define 'label_kind'"):
        _ = kb.heads.Task().label_kind
    task = Angle(2.0, missing=-9)
    assert Angle.from_config(task.get_config()) == task
    x = RNG.standard_normal((64, 2)).astype("float32")
    y = x / np.linalg.norm(x, axis=1, keepdims=True)
    y[::5, 1] = -9
    outputs, logs = fit(task, x, y, epochs=20)
    np.testing.assert_allclose(np.linalg.norm(outputs, axis=1), 1, rtol=1e-5)
    assert logs["loss"] < 0.2


def test_replaced():
    task = replaced(kb.heads.Multiclass(3, missing=-1), loss="categorical_crossentropy")
    assert (task.missing, task.label_shape) == (-1, (3,))
    assert task.used_metrics == ["categorical_accuracy"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: kb.heads.Binary(loss="binary_crosentropy"),
            "Binary: 'loss' must be a Keras loss, its name or a function, got "
            "'binary_crosentropy'; did you mean 'binary_crossentropy'?",
        ),
        (
            lambda: kb.heads.Regression(loss=3),
            "Regression: 'loss' must be a Keras loss",
        ),
        (
            lambda: kb.heads.Binary(loss_weight=-1),
            "Binary: 'loss_weight' must be a number of 0 or more, got -1",
        ),
        (
            lambda: kb.heads.Multiclass(3, class_weight={3: 1.0}),
            "Multiclass: 'class_weight' must be a dict by the numbers of the classes, "
            "0 to 2, got 3 among them",
        ),
        (
            lambda: kb.heads.Multiclass(3, class_weight=[1, 2]),
            "'class_weight' must have a weight for each of the 3 classes, got 2",
        ),
        (
            lambda: kb.heads.Multiclass(3, class_weight="balanced"),
            "'class_weight' must be a dict or a list of numbers, got 'balanced'",
        ),
        (
            lambda: kb.heads.Binary(class_weight=[1, float("nan")]),
            "a weight in 'class_weight' must be a number of 0 or more, got nan",
        ),
        (
            lambda: kb.heads.Binary(label_smoothing=1),
            "Binary: 'label_smoothing' must be less than 1, got 1",
        ),
        (
            lambda: kb.heads.Multiclass(3, missing=2),
            "Multiclass: 'missing' must be a number that is not a class, got 2 where "
            "the classes are 0 to 2",
        ),
        (
            lambda: kb.heads.Count(missing="no"),
            "'missing' must be a number or None, got 'no'",
        ),
        (
            lambda: kb.heads.Ordinal(1),
            "Ordinal: 'levels' must be an int of at least 2, got 1",
        ),
        (
            lambda: kb.heads.Quantile([0.5, 0.1]),
            "Quantile: 'quantiles' must be a list of increasing numbers between 0 and "
            "1, got [0.5, 0.1]",
        ),
        (lambda: kb.heads.Quantile([]), "between 0 and 1, got []"),
        (
            lambda: TaskMetric(kb.heads.Binary(), "binary_acuracy"),
            "Binary: a metric must be a Keras metric, its name or a function, got "
            "'binary_acuracy'",
        ),
        (
            lambda: TaskLoss(
                kb.heads.Multiclass(3, label_smoothing=0.1, loss=sparse_by_hand)
            ),
            "Multiclass: 'label_smoothing' of labels that are integers needs the "
            "sparse categorical crossentropy, got loss=<function sparse_by_hand",
        ),
        (
            lambda: TaskLoss(kb.heads.Binary(class_weight=[1, 2], loss=sparse_by_hand)),
            "Binary: 'class_weight' needs a Keras loss that is a mean over independent",
        ),
    ],
)
def test_words(make, words):
    with pytest.raises(ValueError, match=": ") as caught:
        make()
    assert words in str(caught.value)


def sparse_by_hand(y_true, y_pred):
    return losses.sparse_categorical_crossentropy(y_true, y_pred)


def test_losses_of_integers_are_known_by_their_class_too():
    loss = losses.SparseCategoricalCrossentropy(name="entropy")
    assert kb.heads.Multiclass(3, loss=loss).label_shape == ()
    assert kb.heads.Multiclass(3, loss=losses.CategoricalHinge()).label_shape == (3,)


def test_arguments_of_numpy_and_a_metric_alone():
    task = kb.heads.Multiclass(
        3, missing=np.int64(-1), class_weight=np.array([1, 2, 3])
    )
    assert task.missing == -1
    assert task.class_weight == (1, 2, 3)
    assert kb.heads.Regression(metrics="mae").used_metrics == ["mae"]
    assert kb.heads.Regression.from_config(
        kb.heads.Regression(missing=np.float32(2)).get_config()
    )


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: kb.heads.Regression(hidden=16), "'hidden' must be a list .* got 16"),
        (
            lambda: kb.heads.Regression(hidden="16"),
            "'hidden' must be a list .* got '16'",
        ),
        (
            lambda: kb.MultiHeadOutput({"q": kb.heads.Quantile()}).compile_args(
                loss={"q": "mse"}
            ),
            "Quantile: its 'loss' is fixed and cannot be replaced",
        ),
        (
            lambda: kb.MultiHeadOutput({"q": kb.heads.Count()}).compile_args(
                metrics={"q": None}
            ),
            "Count: a metric must be a Keras metric, its name or a function, got None",
        ),
    ],
)
def test_arguments_that_are_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_a_loss_that_gives_one_value_for_several_samples_is_refused():
    loss = TaskLoss(
        kb.heads.Regression(loss=lambda y, p: ops.mean(ops.abs(y - p), axis=0))
    )
    with pytest.raises(ValueError, match="must give a value for each sample"):
        loss(np.ones((3, 1)), np.ones((3, 1)))


@pytest.mark.filterwarnings("ignore:You are passing weight as `float`:UserWarning")
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")  # JAX
def test_intersection_over_union_of_labels():
    """Keras counts in integers, and warns of any weights, 0 and 1 too."""
    metrics = [keras.metrics.BinaryIoU(target_class_ids=[1]) for _ in range(2)]
    y = np.array([[1, 0, 1], [0, 1, 1]], "float32")
    given, p = np.where([[0, 0, 1], [1, 0, 0]], np.nan, y), softmax((2, 3))
    ours = TaskMetric(kb.heads.Multilabel(3), metrics[0])
    ours.update_state(given, p)
    metrics[1].update_state(y[~np.isnan(given)], p[~np.isnan(given)])
    assert float(ours.result()) == pytest.approx(float(metrics[1].result()))
