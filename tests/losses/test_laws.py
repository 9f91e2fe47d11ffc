"""What is true of each loss of the table, on every backend."""

import itertools

import keras
import numpy as np
import pytest

import kerasblocks as kb
from tests.losses.losses_table import TABLE, Row

pytestmark = pytest.mark.table
each_loss = pytest.mark.parametrize("row", TABLE, ids=str)
each_labelled_loss = pytest.mark.parametrize(
    "row", [row for row in TABLE if not row.pairs], ids=str
)


def values(row: Row, labels, predictions, **arguments):
    loss = row.make(reduction=None, **arguments)
    return keras.ops.convert_to_numpy(loss(labels, predictions))


@each_loss
def test_config_round_trip(row):
    loss = row.make(name="mine", reduction="sum", dtype="float64")
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert (again.name, again.reduction, again.dtype) == ("mine", "sum", "float64")
    assert type(loss)(**loss.get_config()).get_config() == loss.get_config()


@each_loss
def test_a_compiled_model_is_reloaded_and_trains_on(row, tmp_path):
    x = np.random.default_rng(1).standard_normal((8, 6), "float32")
    y, _ = row.data()
    model = row.model()
    model.train_on_batch(x, y)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.loss.get_config() == model.loss.get_config()
    for _ in range(2):
        assert again.train_on_batch(x, y) == pytest.approx(model.train_on_batch(x, y))


@each_loss
def test_compiled_equals_eager(row):
    x = np.random.default_rng(1).standard_normal((8, 6), "float32")
    y, _ = row.data()
    ways = [{"run_eagerly": True}, {"jit_compile": False}]
    if keras.backend.backend() != "torch":
        ways.append({"jit_compile": True})
    weights, histories = row.model().get_weights(), []
    for way in ways:
        model = row.model(**way)
        model.set_weights(weights)
        # The last batch is smaller than the others: of one sample.
        history = model.fit(x[:7], y[:7], 3, epochs=2, shuffle=False, verbose=0)
        histories.append(history.history["loss"])
    for losses in histories[1:]:
        np.testing.assert_allclose(losses, histories[0], rtol=1e-4, atol=1e-6)


ANY = np.random.default_rng(0).standard_normal((7, 3))
EMBEDDINGS = {
    "any": ANY,
    "identical": np.ones((7, 3)),
    "zero": np.zeros((7, 3)),
    "tiny": ANY * 1e-12,
    "some identical": np.eye(3)[[0, 0, 0, 1, 1, 2, 2]],
}
LABELS = {"any": [0, 0, 1, 1, 2, 0], "one": [0] * 6, "each its own": range(6)}


@each_loss
def test_gradients_are_finite(row):
    """One step of SGD on the embeddings, which are NaN if their gradient was."""
    position = keras.Input((), dtype="int32")
    table = keras.layers.Embedding(7, 3)
    outputs = table(position)
    if row.pairs:
        # Each sample with the next one.
        outputs = kb.SiameseEncoder([], "euclidean")([outputs, table(position + 1)])
    model = keras.Model(position, outputs)
    model.compile(keras.optimizers.SGD(0.1), row.make(), jit_compile=False)
    for batch, embeddings, labels in itertools.product((1, 6), EMBEDDINGS, LABELS):
        case = f"{batch} of {embeddings} embeddings, labels: {labels}"
        table.set_weights([EMBEDDINGS[embeddings]])
        given = np.array(LABELS[labels])[:batch]
        loss = model.train_on_batch(np.arange(batch), given % 2 if row.pairs else given)
        assert np.isfinite(loss), case
        assert np.isfinite(table.get_weights()[0]).all(), case
        if not row.pairs and (batch == 1 or labels == "each its own"):
            assert loss == 0, case


@each_loss
def test_labels_may_be_a_column(row):
    labels, predictions = row.data()
    column = values(row, labels[:, None], predictions)
    np.testing.assert_array_equal(column, values(row, labels, predictions))
    assert column.shape == (8,)


@each_loss
def test_order_in_the_batch_does_not_matter(row):
    labels, predictions = row.data()
    order = np.random.default_rng(3).permutation(8)
    np.testing.assert_allclose(
        values(row, labels[order], predictions[order]),
        values(row, labels, predictions)[order],
        rtol=1e-5,
        atol=1e-6,
    )


@each_loss
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_policies_compare_in_float32(row, policy):
    x = np.random.default_rng(1).standard_normal((8, 6), "float32")
    y, _ = row.data()
    plain, mixed = row.model(jit_compile=False), row.model(policy, jit_compile=False)
    mixed.set_weights(plain.get_weights())
    outputs = keras.ops.stop_gradient(mixed(x))
    loss = mixed.loss(y, outputs)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    wide = keras.ops.cast(outputs, "float32")
    assert float(loss) == pytest.approx(float(mixed.loss(y, wide)))
    assert np.isfinite(mixed.train_on_batch(x, y))


@each_loss
def test_sample_weights_weigh_the_values(row):
    labels, predictions = row.data()
    weights = np.linspace(0, 2, 8, dtype="float32")
    expected = np.mean(weights * values(row, labels, predictions))
    weighted = row.make()(labels, predictions, sample_weight=weights)
    assert float(weighted) == pytest.approx(expected, rel=1e-5)
    assert float(row.make()(labels, predictions, sample_weight=0 * weights)) == 0


@each_loss
def test_the_mean_of_the_values_is_the_loss(row):
    labels, predictions = row.data()
    mean = np.mean(values(row, labels, predictions))
    assert float(row.make()(labels, predictions)) == pytest.approx(mean, rel=1e-5)
    assert mean > 0


@each_labelled_loss
def test_large_labels_stay_apart(row):
    """Floats cannot tell them apart."""
    labels, embeddings = row.data()
    large = (labels + 2**24).astype("int32")
    np.testing.assert_array_equal(
        values(row, large, embeddings), values(row, labels, embeddings)
    )
