"""`transfer_weights` on graphs that are the same, and on those that are not."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb


def vectors(*widths, merge=layers.Add, names=("a", "b")):
    """Two towers on one input, merged."""
    inputs = keras.Input((3,))
    towers = [
        layers.Dense(4, "tanh", name=name)(
            layers.Dense(width, name=f"{name}_in")(inputs)
        )
        for name, width in zip(names, widths, strict=True)
    ]
    return keras.Model(inputs, layers.Dense(2, name="out")(merge()(towers)))


def assert_close(one, other, **tolerance):
    one, other = map(keras.ops.convert_to_numpy, (one, other))
    np.testing.assert_allclose(one, other, **tolerance)


def outputs(model, size=3):
    x = np.random.default_rng(0).normal(size=(5, size))
    return keras.ops.convert_to_numpy(model(x))


def test_the_order_of_what_is_added_does_not_matter():
    source, target = vectors(5, 6), vectors(6, 5)
    kb.transfer_weights(source, target)
    np.testing.assert_allclose(outputs(target), outputs(source), rtol=1e-6)


def test_the_order_of_what_is_concatenated_does():
    words = "transfer_weights: 'target' must have the graph of 'source'"
    with pytest.raises(ValueError, match=words):
        kb.transfer_weights(
            vectors(5, 6, merge=layers.Concatenate),
            vectors(6, 5, merge=layers.Concatenate),
        )


def test_the_first_layers_that_differ_are_named_and_nothing_is_copied():
    source, target = vectors(5, 6), vectors(5, 7)
    before = target.get_weights()
    words = (
        r"where 'source' has Dense 'b_in' \(kernel \(3, 6\), bias \(6,\)\), 'target' "
        r"has Dense 'b_in' \(kernel \(3, 7\), bias \(7,\)\)"
    )
    with pytest.raises(ValueError, match=words):
        kb.transfer_weights(source, target)
    for weight, value in zip(target.get_weights(), before, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_nested_and_shared_models():
    def model(encoder):
        left, right = keras.Input((3,)), keras.Input((3,))
        both = layers.Concatenate()([encoder(left), encoder(right)])
        return keras.Model([left, right], layers.Dense(1)(both))

    inputs = keras.Input((3,))
    x = layers.Dense(4)(layers.Dense(5)(inputs))
    source = model(keras.Model(inputs, x))
    target = model(
        keras.Sequential(
            [keras.Input((3,)), kb.Chain([layers.Dense(5), layers.Dense(4)])]
        )
    )
    kb.transfer_weights(source, target)
    data = [np.random.default_rng(i).normal(size=(5, 3)) for i in range(2)]
    assert_close(target(data), source(data), rtol=0)


def test_a_shared_layer_cannot_stand_for_two():
    def model(one, other):
        inputs = keras.Input((3,))
        return keras.Model(inputs, other(one(inputs)))

    shared = layers.Dense(3, name="shared")
    source = model(layers.Dense(3, name="first"), layers.Dense(3, name="second"))
    words = "'shared' of 'target' is used more than once, where 'source' has two layers"
    with pytest.raises(ValueError, match=words):
        kb.transfer_weights(source, model(shared, shared))


def test_a_dense_layer_meets_a_pointwise_convolution():
    source = keras.Sequential([keras.Input((4, 4, 3)), layers.Conv2D(5, 1)])
    target = keras.Sequential([keras.Input((4, 4, 3)), layers.Dense(5)])
    kb.transfer_weights(source, target)
    x = np.random.default_rng(0).normal(size=(2, 4, 4, 3))
    assert_close(target(x), source(x), rtol=1e-5, atol=1e-6)


def test_another_number_of_outputs_is_an_error():
    inputs = keras.Input((3,))
    x = layers.Dense(3)(inputs)
    words = "'target' has 2 outputs, and 'source' has 1"
    with pytest.raises(ValueError, match=words):
        kb.transfer_weights(keras.Model(inputs, x), keras.Model(inputs, [x, x]))


def test_a_gate_knows_its_branches_by_their_activations():
    def model(swap):
        inputs = keras.Input((16, 3))
        options = {"padding": "causal"}
        value = layers.Conv1D(8, 2, activation="tanh", **options)(inputs)
        gate = layers.Conv1D(8, 2, **options)(inputs)
        branches = [value, layers.Activation("sigmoid")(gate)]
        return keras.Model(inputs, layers.Multiply()(branches[:: -1 if swap else 1]))

    source, target = model(swap=False), model(swap=True)
    kb.transfer_weights(source, target)
    x = np.random.default_rng(0).normal(size=(2, 16, 3))
    assert_close(target(x), source(x), rtol=1e-5, atol=1e-6)


def test_branches_that_nothing_tells_apart_are_an_error():
    def model(*activations):
        inputs = keras.Input((3,))
        branches = [layers.Dense(4, activation=name)(inputs) for name in activations]
        return keras.Model(inputs, layers.Multiply(name="gate")(branches))

    words = "branches before Multiply 'gate' .* differ only in their activations"
    with pytest.raises(ValueError, match=words):
        kb.transfer_weights(model("tanh", "sigmoid"), model("tanh", "relu"))


@pytest.mark.parametrize(
    ("source", "target"),
    [
        (layers.Conv2D(4, (1, 3)), layers.Conv2D(4, (3, 1))),
        (layers.Conv2D(4, 3), layers.Conv2DTranspose(4, 3)),
        (layers.Conv2D(4, 3, dilation_rate=2), layers.Conv2D(4, 3)),
        (layers.Conv2D(4, 1, strides=2), layers.Conv2D(4, 1)),
        (layers.LayerNormalization(), layers.GroupNormalization(2)),
        (layers.BatchNormalization(), layers.BatchNormalization(epsilon=0.1)),
    ],
    ids=["shape", "transposed", "dilation", "strides", "class", "epsilon"],
)
def test_layers_that_compute_something_else_do_not_meet(source, target):
    def model(layer):
        inputs = keras.Input((8, 8, 4))
        return keras.Model(inputs, layer(inputs))

    with pytest.raises(ValueError, match="where 'source' has"):
        kb.transfer_weights(model(source), model(target))


def test_an_adapted_normalization_is_whole():
    def model():
        inputs = [keras.Input((3,)), layers.Normalization(), layers.Dense(2)]
        return keras.Sequential(inputs)

    source, target = model(), model()
    source.layers[0].adapt(np.random.default_rng(0).normal(5, 3, size=(50, 3)))
    kb.transfer_weights(source, target)
    np.testing.assert_array_equal(outputs(target), outputs(source))
