"""Losses and metrics of heads with missing labels: those of the labels that are there.

What is expected is computed by Keras on the subset.
"""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import kerasblocks as kb
from kerasblocks.heads.loss import TaskLoss
from kerasblocks.heads.metric import TaskMetric
from tests.gradients import gradient
from tests.heads.task_table import TASKS

few = settings(max_examples=max(40, settings.default.max_examples))
REDUCTIONS = ["sum_over_batch_size", "mean_with_sample_weight", "sum"]


def draw_labels(row, shape, rng):
    """Labels as their loss takes them, without any missing."""
    width = row.label_width or row.outputs
    if row.labels == "classes":
        return rng.integers(0, row.outputs, shape).astype("float64")
    if row.labels == "one_hot":
        return np.eye(width)[rng.integers(0, width, shape)]
    if row.labels == "bits":
        return rng.integers(0, 2, (*shape, width)).astype("float64")
    if row.labels == "counts":
        return rng.poisson(2, (*shape, width)).astype("float64")
    return rng.standard_normal((*shape, width))


def draw_predictions(row, shape, rng):
    logits = rng.standard_normal((*shape, row.outputs)).astype("float32")
    if row.labels in ("classes", "one_hot"):
        odds = np.exp(logits)
        return odds / odds.sum(-1, keepdims=True)
    if row.labels == "bits":
        return 1 / (1 + np.exp(-logits))
    if row.labels == "counts":
        return np.exp(logits)
    return np.sort(logits, axis=-1) if row.label_width else logits


@st.composite
def batches(draw, row):
    """Labels, the same with some missing, predictions, weights and the sentinel."""
    shape = draw(st.sampled_from([(1,), (2,), (5,), (3, 2), (2, 1)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    labels = draw_labels(row, shape, rng)
    absence = draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
    absent_shape = labels.shape
    if not row.elementwise and row.labels != "classes":
        absent_shape = (*labels.shape[:-1], 1)
    absent = np.broadcast_to(rng.random(absent_shape) < absence, labels.shape)
    sentinel = draw(st.sampled_from([None, -1, -999.0]))
    given = np.where(absent, np.nan if sentinel is None else sentinel, labels)
    dtype = draw(st.sampled_from(["float16", "float32", "float64", "int32"]))
    if dtype == "int32" and (sentinel is None or row.labels in ("real",)):
        dtype = "float32"
    labels, given = labels.astype(dtype), given.astype(dtype)
    weights = rng.random(shape).astype("float32") if draw(st.booleans()) else None
    return labels, given, ~absent, draw_predictions(row, shape, rng), weights, sentinel


def subset(row, labels, present, predictions, weights):
    """The labels, predictions and weights that are there, as one batch."""
    weights = np.ones(predictions.shape[:-1]) if weights is None else weights
    if row.elementwise:
        weights = np.broadcast_to(weights[..., None], labels.shape)
        return labels[present][:, None], predictions[present][:, None], weights[present]
    if row.labels != "classes":
        present = present[..., 0]
    return labels[present], predictions[present], weights[present]


@pytest.mark.parametrize("name", TASKS)
@few
@given(st.data())
def test_loss_and_its_gradient_are_those_of_the_subset(name, data):
    row = TASKS[name]
    labels, given, present, predictions, weights, sentinel = data.draw(batches(row))
    reduction = data.draw(st.sampled_from(REDUCTIONS[: 1 if row.label_width else 3]))
    task = row.task(loss=row.loss(reduction), missing=sentinel)
    loss = TaskLoss(task, "head")
    found = float(loss(given, predictions, weights))

    y, p, w = subset(row, labels, present, predictions, weights)
    expected = float(row.loss(reduction)(y, p, w)) if len(y) else 0.0
    if reduction == "sum" and row.elementwise:
        expected /= row.outputs  # the loss of a sample is a mean over its numbers
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)

    slope = gradient(lambda p: loss(given, p, weights), predictions)
    assert np.isfinite(slope).all()
    there = present[..., None] if row.labels == "classes" else present
    assert not slope[~np.broadcast_to(there, slope.shape)].any()


@pytest.mark.parametrize("name", TASKS)
@few
@given(st.data())
def test_metrics_are_those_of_the_subset(name, data):
    row = TASKS[name]
    labels, given, present, predictions, _, sentinel = data.draw(batches(row))
    for identifier in row.metrics:
        fresh = [
            keras.metrics.deserialize(keras.metrics.serialize(identifier))
            if isinstance(identifier, keras.metrics.Metric)
            else identifier
            for _ in range(2)
        ]
        task = row.task(loss=row.loss("sum_over_batch_size"), missing=sentinel)
        metric = TaskMetric(task, fresh[0], "head")
        metric.update_state(given, predictions)
        y, p, _ = subset(row, labels, present, predictions, None)
        expected = 0.0
        if len(y):
            name = "binary_accuracy" if fresh[1] == "accuracy" else fresh[1]
            alone = keras.metrics.get(name)
            alone.update_state(y, p)
            expected = float(alone.result())
        np.testing.assert_allclose(
            float(metric.result()), expected, rtol=1e-6, atol=1e-6
        )


@pytest.mark.table
@pytest.mark.parametrize("name", TASKS)
def test_a_batch_without_any_label_leaves_the_weights_alone(name):
    row = TASKS[name]
    heads = kb.MultiHeadOutput({"head": row.task(loss=row.loss("sum"))})
    inputs = keras.Input((4,))
    model = keras.Model(inputs, heads(inputs))
    model.compile("sgd", **heads.compile_args())
    labels = np.full((3, *row.label_shape), np.nan)
    before = model.get_weights()
    logs = model.train_on_batch(np.ones((3, 4)), {"head": labels}, return_dict=True)
    assert logs["loss"] == 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.table
def test_padding_and_missing_labels_together():
    """Positions that a Keras mask leaves out, and labels that are missing."""
    heads = kb.MultiHeadOutput(
        {"tag": kb.heads.Multiclass(3), "size": kb.heads.Regression(2)}
    )
    tokens = keras.Input((4,), dtype="int32")
    embedded = keras.layers.Embedding(9, 5, mask_zero=True)(tokens)
    model = keras.Model(tokens, heads(embedded))
    model.compile("sgd", **heads.compile_args())
    x = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    tag = np.array([[0, np.nan, 1, 1], [2, 1, np.nan, 0]])
    size = np.full((2, 4, 2), 1.0)
    size[0, 1, 0] = np.nan
    logs = model.test_on_batch(x, {"tag": tag, "size": size}, return_dict=True)
    outputs = {k: keras.ops.convert_to_numpy(v) for k, v in model(x).items()}
    there = [(0, 0), (1, 0), (1, 1)]
    expected = np.mean([-np.log(outputs["tag"][i][int(tag[i])]) for i in there])
    assert logs["tag_loss"] == pytest.approx(expected, rel=1e-5)
    right = np.mean([outputs["tag"][i].argmax() == tag[i] for i in there])
    assert logs["tag_sparse_categorical_accuracy"] == pytest.approx(right)
    padded = np.where((x > 0)[..., None], size, np.nan)
    assert logs["size_loss"] == pytest.approx(
        np.nanmean((outputs["size"] - padded) ** 2), rel=1e-5
    )
    assert logs["size_mean_absolute_error"] == pytest.approx(
        np.nanmean(np.abs(outputs["size"] - padded)), rel=1e-5
    )


@pytest.mark.parametrize("huge", [1e30, np.inf])
def test_predictions_that_overflow_where_labels_are_missing(huge):
    loss = TaskLoss(kb.heads.Regression())
    slope = gradient(lambda p: loss([[np.nan], [1.0]], p), [[huge], [2.0]])
    np.testing.assert_allclose(slope, [[0.0], [2.0]])
