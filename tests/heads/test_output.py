import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.heads.task_table import TASKS


def census(**kwargs):
    return kb.MultiHeadOutput(
        {
            "income": kb.heads.Multiclass(10),
            "age": kb.heads.Regression(),
            "gender": kb.heads.Binary(hidden=[4]),
        },
        **kwargs,
    )


def test_compile_args():
    arguments = census().compile_args(
        loss_weights={"age": 0.25, "gender": np.float32(10)}
    )
    assert {name: loss.task.loss for name, loss in arguments["loss"].items()} == {
        "income": "sparse_categorical_crossentropy",
        "age": "mean_squared_error",
        "gender": "binary_crossentropy",
    }
    assert {
        name: [metric.name for metric in metrics]
        for name, metrics in arguments["metrics"].items()
    } == {
        "income": ["sparse_categorical_accuracy"],
        "age": ["mean_absolute_error"],
        "gender": ["binary_accuracy"],
    }
    assert arguments["loss_weights"] == {"income": 1.0, "age": 0.25, "gender": 10.0}


def test_compile_args_takes_other_losses_and_metrics():
    arguments = census().compile_args(loss={"age": "huber"}, metrics={"age": ["mse"]})
    assert arguments["loss"]["age"].task.loss == "huber"
    assert [m.name for m in arguments["metrics"]["age"]] == ["mean_squared_error"]
    assert arguments["loss"]["gender"].task.loss == "binary_crossentropy"


def test_a_task_has_its_own_loss_weight():
    heads = kb.MultiHeadOutput(
        {"a": kb.heads.Binary(loss_weight=3), "b": kb.heads.Count()}
    )
    assert heads.compile_args()["loss_weights"] == {"a": 3.0, "b": 1.0}
    assert heads.compile_args({"a": 2})["loss_weights"] == {"a": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"loss_weights": {"gendre": 2.0}},
            "MultiHeadOutput: 'loss_weights' names 'gendre', but the heads are "
            "'income', 'age', 'gender'; did you mean 'gender'?",
        ),
        ({"loss": {"agee": "mse"}}, "'loss' names 'agee'"),
        ({"metrics": {"xyz": []}}, "'metrics' names 'xyz'"),
        (
            {"loss_weights": [1, 2, 3]},
            "'loss_weights' must be a dict keyed by the names of the heads, 'income', "
            "'age', 'gender', got [1, 2, 3]",
        ),
        (
            {"loss_weights": {"age": -1}},
            "the weight in 'loss_weights' for 'age' must be a number of 0 or more, "
            "got -1",
        ),
        ({"loss_weights": {"age": float("nan")}}, "of 0 or more, got nan"),
        ({"loss_weights": {"age": "1"}}, "of 0 or more, got '1'"),
    ],
)
def test_compile_args_is_strict(arguments, words):
    with pytest.raises(ValueError, match="MultiHeadOutput: ") as caught:
        census().compile_args(**arguments)
    assert words in str(caught.value)


@pytest.mark.parametrize("with_loss", [False, True])
@pytest.mark.parametrize("name", TASKS)
def test_tasks(name, with_loss):
    row = TASKS[name]
    task = row.task(loss=row.loss("sum_over_batch_size")) if with_loss else row.task()
    assert task.label_shape == row.label_shape
    heads = kb.MultiHeadOutput({"only": task})
    model = keras.Sequential([keras.Input((6,)), heads])
    x = np.random.default_rng(0).standard_normal((8, 6)).astype("float32")
    outputs = keras.ops.convert_to_numpy(model(x)["only"])
    assert outputs.shape == (8, row.outputs)
    sums_to_one = row.labels in ("one_hot", "classes")
    assert np.allclose(outputs.sum(axis=-1), 1) == sums_to_one
    if row.labels in ("bits", "one_hot", "classes"):
        assert (outputs > 0).all()
        assert (outputs < 1).all()
    model.compile("sgd", **heads.compile_args())
    dtype = "int32" if row.labels == "classes" else "float32"
    labels = np.zeros((8, *row.label_shape), dtype)
    assert np.isfinite(model.train_on_batch(x, {"only": labels})).all()


def test_direct_heads_are_one_product_and_start_as_their_own_dense_would():
    heads = kb.MultiHeadOutput(
        {"small": kb.heads.Regression(1), "large": kb.heads.Multilabel(400)}
    )
    heads.build((None, 100))
    assert [weight.shape for weight in heads.weights] == [(100, 401), (401,)]
    kernel = heads.get_weights()[0]
    small, large = np.split(np.abs(kernel), [1], axis=1)
    # Glorot's limits, for 100 + 1 and for 100 + 400 features.
    assert 0.9 * (6 / 101) ** 0.5 < small.max() <= (6 / 101) ** 0.5
    assert 0.9 * (6 / 500) ** 0.5 < large.max() <= (6 / 500) ** 0.5


def test_product_equals_separate_dense_layers():
    heads = kb.MultiHeadOutput(
        {"a": kb.heads.Regression(2), "b": kb.heads.Multiclass(3)}
    )
    x = np.random.default_rng(0).standard_normal((4, 6)).astype("float32")
    outputs = heads(x)
    kernel, bias = heads.get_weights()
    dense = {"a": layers.Dense(2), "b": layers.Dense(3, "softmax")}
    for name, columns in (("a", slice(0, 2)), ("b", slice(2, 5))):
        dense[name].build(x.shape)
        dense[name].set_weights([kernel[:, columns], bias[columns]])
        np.testing.assert_allclose(outputs[name], dense[name](x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_outputs_are_no_narrower_than_float32(policy):
    heads = census(dtype=policy)
    outputs = heads(np.ones((2, 6)))
    expected = "float64" if policy == "float64" else "float32"
    for name, x in outputs.items():
        assert keras.backend.standardize_dtype(x.dtype) == expected, name
    specs = heads.compute_output_spec(keras.KerasTensor((None, 6)))
    assert {spec.dtype for spec in specs.values()} == {expected}


def test_order_of_heads_survives_saving(tmp_path):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, census()(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    names = ["income", "age", "gender"]
    x = np.ones((2, 6))
    assert list(model(x)) == list(again(x)) == names
    assert list(again.layers[-1].heads) == names
    assert repr(again.layers[-1].heads) == repr(model.layers[-1].heads)


def test_weights_of_the_losses_reach_their_heads():
    """A weight of 0 for all heads but one leaves the loss of that one."""
    x = np.random.default_rng(0).standard_normal((8, 6)).astype("float32")
    targets = {
        "age": np.full((8, 1), 40.0),
        "income": np.arange(8),
        "gender": np.ones((8, 1)),
    }
    for name in targets:
        heads = census()
        model = keras.Sequential([keras.Input((6,)), heads])
        weights = {other: float(other == name) for other in targets}
        model.compile("sgd", **heads.compile_args(weights))
        logs = model.test_on_batch(x, targets, return_dict=True)
        assert logs["loss"] == pytest.approx(logs[f"{name}_loss"], rel=1e-6)
        assert logs["age_loss"] > 100


def test_user_metrics_and_losses_survive_saving(tmp_path):
    heads = kb.MultiHeadOutput(
        {
            "smoker": kb.heads.Binary(
                loss=keras.losses.BinaryCrossentropy(label_smoothing=0.1),
                metrics=[keras.metrics.AUC(name="auc", num_thresholds=50)],
            )
        }
    )
    inputs = keras.Input((6,))
    keras.Model(inputs, heads(inputs)).save(tmp_path / "model.keras")
    task = keras.models.load_model(tmp_path / "model.keras").layers[-1].heads["smoker"]
    assert task.loss.get_config()["label_smoothing"] == 0.1
    assert task.metrics[0].num_thresholds == 50


@pytest.mark.table
def test_heads_called_as_the_layers_of_the_block():
    heads = kb.MultiHeadOutput(
        {
            "dense": kb.heads.Binary(),
            "split": kb.heads.Quantile(),
            "a": kb.heads.Count(hidden=[3]),
            "a_dense": kb.heads.Regression(),
        }
    )
    inputs = keras.Input((4,))
    model = keras.Model(inputs, heads(inputs))
    x = np.ones((3, 4), "float32")
    expected = model.predict(x, verbose=0)
    for _ in range(2):
        found = kb.expand(model).predict(x, verbose=0)
        for name in heads.heads:
            np.testing.assert_allclose(found[name], expected[name], rtol=1e-6)


def test_the_order_of_the_heads_survives_sorted_json():
    heads = kb.MultiHeadOutput({"b": kb.heads.Regression(), "a": kb.heads.Regression()})
    inputs = keras.Input((4,))
    model = kb.MultiHeadModel(inputs, heads(inputs))
    again = keras.models.model_from_json(model.to_json(sort_keys=True))
    again.set_weights(model.get_weights())
    x = np.ones((3, 4), "float32")
    expected, found = model.predict(x, verbose=0), again.predict(x, verbose=0)
    for name in "ab":
        np.testing.assert_array_equal(found[name], expected[name])


def test_heads_with_one_metric_object_count_on_their_own():
    task = kb.heads.Binary(metrics=[keras.metrics.AUC(name="auc")])
    heads = kb.MultiHeadOutput({"a": task, "b": task})
    inputs = keras.Input((4,))
    model = keras.Model(inputs, heads(inputs))
    model.compile("sgd", **heads.compile_args())
    x = np.random.default_rng(0).standard_normal((12, 4))
    y = {"a": x[:, :1] > 0, "b": x[:, 1:2] > 0}
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    for name, predicted in model.predict(x, verbose=0).items():
        alone = keras.metrics.AUC()
        alone.update_state(y[name], predicted)
        assert logs[f"{name}_auc"] == pytest.approx(float(alone.result()))
