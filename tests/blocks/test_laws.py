"""What every block must do, one law a function, tried on each row of the table."""

import json

import keras
import numpy as np
import pytest
from keras import tree

import kerasblocks as kb
from tests.table import (
    TABLE,
    Row,
    arrays,
    assert_close,
    assert_equal,
    concrete,
    functional,
    randomize,
    samples,
)

pytestmark = [
    pytest.mark.table,
    pytest.mark.parametrize("row", TABLE, ids=str),
]
# What a backend cannot do: parts of a test's name, and the reason.
KNOWN = {
    "tensorflow": [
        (
            (
                "dtype_policies[mixed_float16",
                ("Parallel_minimum_3d", "InceptionBlock_3d"),
            ),
            "TensorFlow has no float16 kernel for 3D pooling on CPUs",
        ),
    ],
    "torch": [
        (
            ("dtype_policies", ("InceptionBlock_3d",)),
            "torch has no half-precision kernel for 3D average pooling on CPUs",
        ),
        (
            ("unknown_sizes", ("InceptionBlock_3d",)),
            "Keras on torch cannot pool 3D averages of size 1, 'same' padding or not",
        ),
        (
            ("channels_first_is", ("ResidualBlock_pre_3d",)),
            "Keras on torch normalizes layers along the last axis only",
        ),
    ],
}
HALF = {"mixed_float16": 2e-2, "mixed_bfloat16": 1e-1, "bfloat16": 2e-1}


@pytest.fixture(autouse=True)
def _known(request):
    for (law, rows), reason in KNOWN.get(keras.backend.backend(), []):
        name = request.node.name
        if law in name and any(row in name for row in rows):
            request.applymarker(pytest.mark.xfail(reason=reason, strict=True))


def test_build_alone_creates_every_weight(row: Row):
    layer = row.make()
    layer.build(row.shape)
    before = [weight.path for weight in layer.weights]
    randomize(layer)
    values = layer.get_weights()
    layer(samples(row.shape))
    assert [weight.path for weight in layer.weights] == before
    assert len(set(before)) == len(before)
    for ours, set_before in zip(layer.get_weights(), values, strict=True):
        np.testing.assert_array_equal(ours, set_before)


def test_declared_and_real_outputs_agree(row: Row):
    layer = row.make()
    declared = layer.compute_output_shape(concrete(row.shape))
    assert not layer.built, "a question about shapes must not build"
    symbolic = functional(layer, row.shape).output
    real = layer(samples(row.shape))
    tree.assert_same_structure(symbolic, real)
    for one, spec, shape in zip(
        tree.flatten(real),
        tree.flatten(symbolic),
        tree.flatten(tree.map_shape_structure(_Shape, declared)),
        strict=True,
    ):
        assert tuple(one.shape) == shape.shape
        assert (None, *one.shape[1:]) == tuple(spec.shape)
        assert keras.backend.standardize_dtype(one.dtype) == spec.dtype


class _Shape:
    """Keeps a shape whole where trees are flattened."""

    def __init__(self, shape):
        self.shape = tuple(shape)


def test_unknown_sizes(row: Row):
    if not row.spatial:
        pytest.skip("has no spatial axes")
    unknown = (*(None for _ in row.shape[:-1]), row.shape[-1])
    model = functional(row.make(), unknown)
    for sizes in ([1] * 3, [2] * 3, [9, 4, 3], [5, 8, 1]):
        shape = (2, *sizes[: len(row.shape) - 2], row.shape[-1])
        if row.name == "ConvBlock_group" or row.name.startswith("Residual"):
            shape = tuple(max(size, 3) for size in shape)  # valid padding
        (real,) = arrays(model(np.ones(shape, "float32")))
        assert real.shape == model.layers[-1].compute_output_shape(shape)


def test_channels_first_is_channels_last_transposed(row: Row):
    if not row.spatial:
        pytest.skip("has no spatial axes")
    last = row.make(data_format="channels_last")
    first = row.make(data_format="channels_first")
    x = samples(row.shape)
    turned = np.moveaxis(x, -1, 1)
    last.build(x.shape)
    first.build(turned.shape)
    randomize(last)
    first.set_weights(last.get_weights())
    (expected,), (ours,) = arrays(last(x)), arrays(first(turned))
    np.testing.assert_allclose(ours, np.moveaxis(expected, -1, 1), rtol=1e-4, atol=1e-5)
    assert first.compute_output_shape(turned.shape) == ours.shape


def test_global_data_format_is_read_once(row: Row):
    if not row.spatial:
        pytest.skip("has no spatial axes")
    keras.config.set_image_data_format("channels_first")
    layer = row.make()
    keras.config.set_image_data_format("channels_last")
    copy = type(layer).from_config(layer.get_config())
    turned = (2, row.shape[-1], *row.shape[1:-1])
    expected = row.make(data_format="channels_first").compute_output_shape(turned)
    assert layer.compute_output_shape(turned) == expected
    assert copy.compute_output_shape(turned) == expected


@pytest.mark.parametrize("policy", HALF)
def test_dtype_policies(row: Row, policy: str):
    layer, exact = row.make(dtype=policy), row.make()
    x = samples(row.shape)
    exact.build(row.shape)
    randomize(exact)
    spec = functional(layer, row.shape).output
    layer.set_weights(exact.get_weights())
    outputs = layer(x)
    for one, declared in zip(tree.flatten(outputs), tree.flatten(spec), strict=True):
        dtype = keras.backend.standardize_dtype(one.dtype)
        assert dtype == declared.dtype
        heads = isinstance(layer, kb.MultiHeadOutput)
        assert dtype == ("float32" if heads else layer.compute_dtype)
    for weight in layer.weights:
        assert weight.dtype == layer.variable_dtype, weight.path
    assert_close(outputs, exact(x), rtol=HALF[policy], atol=HALF[policy])


def test_config_is_complete_and_json(row: Row):
    layer = row.make(name="given", dtype="mixed_bfloat16", trainable=False)
    config = layer.get_config()
    text = json.dumps(config, sort_keys=True)
    copy = type(layer).from_config(json.loads(text))
    assert json.dumps(config, sort_keys=True) == text, "from_config changed its config"
    assert json.dumps(copy.get_config(), sort_keys=True) == text
    assert (copy.name, copy.trainable) == ("given", False)
    assert copy.dtype_policy.name == "mixed_bfloat16"


def test_saved_model_is_equal_and_trains_on(row: Row, tmp_path):
    model = functional(row.make(), row.shape)
    x = samples(row.shape, batch=4)
    train(model, x)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_equal(again(x), model(x))
    if isinstance(model.output, dict):
        assert list(again.output) == list(model.output)
    train(model, x)
    train(again, x)
    assert_close(again(x), model(x))


def test_weights_survive_a_file(row: Row, tmp_path):
    model = functional(row.make(), row.shape)
    randomize(model)
    model.save_weights(tmp_path / "model.weights.h5")
    again = functional(row.make(), row.shape)
    again.load_weights(tmp_path / "model.weights.h5")
    assert_equal(again(samples(row.shape)), model(samples(row.shape)))


def test_every_trainable_weight_learns(row: Row):
    model = functional(row.make(), row.shape)
    before = model.get_weights()
    train(model, samples(row.shape, batch=16))
    after = model.get_weights()
    for weight, old, new in zip(model.weights, before, after, strict=True):
        assert np.isfinite(new).all(), weight.path
        if weight.trainable and not _cannot_learn(row, weight):
            assert (old != new).any(), weight.path


def _cannot_learn(row: Row, weight) -> bool:
    """A bias that cancels out of the block's own difference."""
    differences = ("difference", "euclidean")
    return row.name.endswith(differences) and "bias" in weight.path


def test_frozen_block_learns_nothing(row: Row):
    layer = row.make(trainable=False)
    model = functional(layer, row.shape)
    assert model.trainable_weights == []
    x = samples(row.shape)
    before = model.get_weights()
    assert_equal(layer(x, training=True), layer(x, training=True))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    layer.trainable = True
    assert len(model.trainable_weights) == len(row_trainable(row))


def row_trainable(row: Row) -> list:
    layer = row.make()
    layer.build(row.shape)
    return layer.trainable_weights


def test_inference_is_deterministic_and_by_sample(row: Row):
    layer = row.make()
    x = samples(row.shape, batch=3)
    layer.build(row.shape)
    randomize(layer)
    before = layer.get_weights()
    whole = arrays(layer(x))
    assert_equal(layer(x), whole)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    alone = arrays(layer(tree.map_structure(lambda one: one[:1], x)))
    assert_close(alone, [array[:1] for array in whole])


def test_compiled_equals_eager(row: Row):
    model = functional(row.make(), row.shape)
    randomize(model)
    x = samples(row.shape)
    jit = keras.backend.backend() != "torch"  # torch's compiler needs a C++ toolchain
    model.compile(jit_compile=jit)
    eager = arrays(model(x))
    for _ in range(2):
        assert_close(model.predict_on_batch(x), eager, rtol=1e-4, atol=1e-5)


def test_sequential_functional_and_subclassed_models(row: Row):
    layer = row.make()
    model = functional(layer, row.shape)
    x = samples(row.shape)

    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = type(layer).from_config(layer.get_config())

        def call(self, inputs):
            return self.inner(inputs)

    subclassed = Subclassed()
    subclassed(x)
    subclassed.set_weights(model.get_weights())
    assert_equal(subclassed(x), model(x))
    if isinstance(row.shape, tuple):
        sequential = keras.Sequential([type(layer).from_config(layer.get_config())])
        sequential(x)
        sequential.set_weights(model.get_weights())
        assert_equal(sequential(x), model(x))


def test_used_twice_and_inside_another_block(row: Row):
    layer = row.make()
    x = samples(row.shape)
    inputs = tree.map_shape_structure(lambda one: keras.Input(one[1:]), row.shape)
    model = keras.Model(inputs, [layer(inputs), layer(inputs)])
    assert len(model.weights) == len(layer.weights)
    first, second = model(x)
    assert_equal(first, second)
    inner = type(layer).from_config(layer.get_config())
    outer = kb.Chain([inner])
    outer.build(row.shape)
    outer.set_weights(layer.get_weights())
    assert_equal(outer(x), first)


def test_expanded_model_is_plain_and_equal(row: Row, tmp_path):
    model = functional(row.make(), row.shape)
    randomize(model)
    x = samples(row.shape)
    expanded = kb.expand(model)
    assert_equal(expanded(x), model(x))
    assert {id(w) for w in expanded.weights} == {id(w) for w in model.weights}
    assert "kerasblocks" not in expanded.to_json()
    expanded.save(tmp_path / "expanded.keras")
    assert_equal(keras.models.load_model(tmp_path / "expanded.keras")(x), model(x))
    names = [layer.name for layer in kb.expand(model).layers]
    assert [layer.name for layer in expanded.layers] == names, "renamed twice"


def test_arguments_are_not_shared_with_the_caller(row: Row):
    layer, other = row.make(), row.make()
    layer.build(row.shape)
    other.build(row.shape)
    ours = {id(weight) for weight in layer.weights}
    assert not ours & {id(weight) for weight in other.weights}


def train(model: keras.Model, x) -> None:
    """One step of plain gradient descent towards ones, where there are weights."""
    if not model.weights:
        return
    outputs = tree.flatten(model.output)
    flat = keras.Model(model.input, outputs)
    flat.compile(keras.optimizers.SGD(0.1), loss=["mse"] * len(outputs))
    flat.train_on_batch(
        x, [np.ones(array.shape, "float32") for array in arrays(model(x))]
    )
