"""The wirings over Keras' own layers, each beside the same wiring by hand."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.blocks.shape_law import leaves, shapes_of
from tests.table import arrays, assert_equal, randomize

IMAGE = (None, 6, 5, 2)
VOLUME = (None, 4, 3, 4, 2)
STEPS = (None, 6, 3)
VECTOR = (None, 4)
FRAMES = (None, 3, 5, 4, 2)
TOKENS = (None, 6)


@dataclass(frozen=True)
class Kind:
    """A Keras layer, how to make it and what it takes.

    `shortcut` makes what stands beside it in a residual connection where no
    projection can: a layer of the same kind.
    """

    name: str
    make: Callable[[], Any]
    shape: tuple
    shortcut: bool = False
    tokens: bool = False

    def __str__(self):
        return self.name

    def input(self):
        return keras.Input(self.shape[1:], dtype="int32" if self.tokens else "float32")

    def sample(self, batch=2, seed=0):
        generator = np.random.default_rng(seed)
        shape = (batch, *self.shape[1:])
        if self.tokens:
            return generator.integers(0, 5, shape).astype("int32")
        return generator.standard_normal(shape).astype("float32")


class SelfAttention(layers.Layer):
    """A user's layer around one with two arguments."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.attention = layers.MultiHeadAttention(2, 3)
        self.supports_masking = True

    def build(self, shape):
        self.attention.build(shape, shape)

    def compute_output_shape(self, shape):
        return shape

    def call(self, x):
        return self.attention(x, x)


def attention(cls):
    """Self-attention by a layer that takes a list, as a Functional model."""

    def make():
        x = keras.Input(STEPS[1:])
        return keras.Model(x, cls()([x, x]))

    return make


def multi_head_attention():
    x = keras.Input(STEPS[1:])
    return keras.Model(x, layers.MultiHeadAttention(2, 3)(x, x))


def sequential():
    return keras.Sequential([layers.Conv2D(3, 3, padding="same"), layers.ReLU()])


def built_sequential():
    return keras.Sequential([keras.Input(VECTOR[1:]), layers.Dense(3), layers.ReLU()])


def functional():
    x = keras.Input((None, None, 2))
    y = layers.Conv2D(3, 3, padding="same")(x)
    return keras.Model(x, layers.Concatenate()([layers.MaxPooling2D(2)(y)] * 2))


def merging(cls):
    """A model that merges two branches of its input."""

    def make():
        x = keras.Input(VECTOR[1:])
        return keras.Model(x, cls()([layers.Dense(3)(x), layers.Dense(3)(x)]))

    return make


def dot():
    x = keras.Input(STEPS[1:])
    return keras.Model(x, layers.Dot(axes=1)([x, layers.Dense(3)(x)]))


KINDS = [
    Kind("Dense", lambda: layers.Dense(3), VECTOR),
    Kind("EinsumDense", lambda: layers.EinsumDense("abc,cd->abd", (6, 4)), STEPS),
    Kind("Conv1D", lambda: layers.Conv1D(4, 3, strides=2, padding="same"), STEPS),
    Kind("Conv1D_causal", lambda: layers.Conv1D(4, 3, padding="causal"), STEPS),
    Kind("Conv2D", lambda: layers.Conv2D(4, 3, padding="same"), IMAGE),
    Kind("Conv2D_valid", lambda: layers.Conv2D(4, 3, padding="valid"), IMAGE, True),
    Kind("Conv3D", lambda: layers.Conv3D(4, 2, strides=2, padding="same"), VOLUME),
    Kind(
        "SeparableConv1D", lambda: layers.SeparableConv1D(4, 3, padding="same"), STEPS
    ),
    Kind(
        "SeparableConv2D",
        lambda: layers.SeparableConv2D(4, 3, strides=2, padding="same"),
        IMAGE,
    ),
    Kind("DepthwiseConv1D", lambda: layers.DepthwiseConv1D(3, padding="same"), STEPS),
    Kind("DepthwiseConv2D", lambda: layers.DepthwiseConv2D(3, padding="same"), IMAGE),
    Kind(
        "Conv1DTranspose", lambda: layers.Conv1DTranspose(4, 3, strides=2), STEPS, True
    ),
    Kind(
        "Conv2DTranspose", lambda: layers.Conv2DTranspose(4, 3, strides=2), IMAGE, True
    ),
    Kind("Conv3DTranspose", lambda: layers.Conv3DTranspose(3, 2), VOLUME, True),
    Kind("MaxPooling1D", lambda: layers.MaxPooling1D(2), STEPS),
    Kind("MaxPooling2D", lambda: layers.MaxPooling2D(2), IMAGE),
    Kind("MaxPooling3D", lambda: layers.MaxPooling3D(2, padding="same"), VOLUME),
    Kind("AveragePooling1D", lambda: layers.AveragePooling1D(3, 2), STEPS, True),
    Kind("AveragePooling2D", lambda: layers.AveragePooling2D(2), IMAGE),
    Kind("AveragePooling3D", lambda: layers.AveragePooling3D(2), VOLUME),
    Kind("GlobalMaxPooling1D", layers.GlobalMaxPooling1D, STEPS, True),
    Kind("GlobalAveragePooling2D", layers.GlobalAveragePooling2D, IMAGE, True),
    Kind(
        "GlobalAveragePooling3D",
        lambda: layers.GlobalAveragePooling3D(keepdims=True),
        VOLUME,
        True,
    ),
    Kind("UpSampling1D", lambda: layers.UpSampling1D(2), STEPS, True),
    Kind("UpSampling2D", lambda: layers.UpSampling2D(2), IMAGE, True),
    Kind("ZeroPadding2D", lambda: layers.ZeroPadding2D(1), IMAGE, True),
    Kind("Cropping2D", lambda: layers.Cropping2D(1), IMAGE, True),
    Kind("SimpleRNN", lambda: layers.SimpleRNN(4), STEPS, True),
    Kind("LSTM", lambda: layers.LSTM(4), STEPS, True),
    Kind("LSTM_sequences", lambda: layers.LSTM(4, return_sequences=True), STEPS),
    Kind("GRU", lambda: layers.GRU(4), STEPS, True),
    Kind("GRU_sequences", lambda: layers.GRU(3, return_sequences=True), STEPS),
    Kind("RNN_of_cells", lambda: layers.RNN([layers.GRUCell(4)]), STEPS, True),
    Kind("Bidirectional", lambda: layers.Bidirectional(layers.LSTM(2)), STEPS, True),
    Kind(
        "Bidirectional_sequences",
        lambda: layers.Bidirectional(layers.GRU(2, return_sequences=True)),
        STEPS,
    ),
    Kind("TimeDistributed", lambda: layers.TimeDistributed(layers.Dense(4)), STEPS),
    Kind(
        "TimeDistributed_Conv2D",
        lambda: layers.TimeDistributed(layers.Conv2D(4, 3, padding="same")),
        FRAMES,
    ),
    Kind("ConvLSTM2D", lambda: layers.ConvLSTM2D(2, 3), FRAMES, True),
    Kind(
        "ConvLSTM2D_sequences",
        lambda: layers.ConvLSTM2D(3, 3, padding="same", return_sequences=True),
        FRAMES,
    ),
    Kind("MultiHeadAttention", multi_head_attention, STEPS),
    Kind("SelfAttention", SelfAttention, STEPS),
    Kind("Attention", attention(layers.Attention), STEPS),
    Kind("AdditiveAttention", attention(layers.AdditiveAttention), STEPS),
    Kind("Embedding", lambda: layers.Embedding(5, 3), TOKENS, True, tokens=True),
    Kind("Masking", layers.Masking, STEPS),
    Kind("Dropout", lambda: layers.Dropout(0.5, seed=1), VECTOR),
    Kind("SpatialDropout2D", lambda: layers.SpatialDropout2D(0.5, seed=1), IMAGE),
    Kind("GaussianDropout", lambda: layers.GaussianDropout(0.5, seed=1), VECTOR),
    Kind("GaussianNoise", lambda: layers.GaussianNoise(0.5, seed=1), VECTOR),
    Kind("AlphaDropout", lambda: layers.AlphaDropout(0.5, seed=1), VECTOR),
    Kind("BatchNormalization", layers.BatchNormalization, IMAGE),
    Kind("LayerNormalization", layers.LayerNormalization, STEPS),
    Kind("GroupNormalization", lambda: layers.GroupNormalization(2), IMAGE),
    Kind("RMSNormalization", layers.RMSNormalization, VECTOR),
    Kind("UnitNormalization", layers.UnitNormalization, VECTOR),
    Kind(
        "SpectralNormalization",
        lambda: layers.SpectralNormalization(layers.Dense(3)),
        VECTOR,
    ),
    Kind("Activation", lambda: layers.Activation("gelu"), STEPS),
    Kind("PReLU", layers.PReLU, VECTOR),
    Kind("Softmax", layers.Softmax, STEPS),
    Kind("Rescaling", lambda: layers.Rescaling(0.5), IMAGE),
    Kind("Identity", layers.Identity, IMAGE),
    Kind("Flatten", layers.Flatten, IMAGE, True),
    Kind("Reshape", lambda: layers.Reshape((5, 6, 2)), IMAGE, True),
    Kind("Permute", lambda: layers.Permute((2, 1)), STEPS, True),
    Kind("RepeatVector", lambda: layers.RepeatVector(3), VECTOR, True),
    *(
        Kind(cls.__name__, merging(cls), VECTOR)
        for cls in (
            *(layers.Add, layers.Subtract, layers.Multiply, layers.Average),
            *(layers.Maximum, layers.Minimum, layers.Concatenate),
        )
    ),
    Kind("Dot", dot, STEPS, True),
    Kind("Sequential", sequential, IMAGE),
    Kind("Sequential_built", built_sequential, VECTOR),
    Kind("Functional", functional, IMAGE),
]


def chain_of(kind):
    layer = kind.make()
    tail = layers.Activation("tanh")
    return kb.Chain([layer, tail]), lambda _, x: tail(layer(x))


def parallel_of(kind):
    first, second = kind.make(), kind.make()
    last = layers.Activation("tanh")
    join = layers.Concatenate()
    block = kb.Parallel([first, [second, last]])
    return block, lambda _, x: join([first(x), last(second(x))])


def residual_of(kind):
    layer = kind.make()
    if kind.shortcut:
        other = kind.make()
        block = kb.Residual(layer, shortcut=other)
        return block, lambda _, x: layers.Add()([layer(x), other(x)])

    def by_hand(block, x):
        projection = block.projection
        return layers.Add()([layer(x), x if projection is None else projection(x)])

    return kb.Residual(layer), by_hand


def siamese_of(kind):
    encoder = kind.make()
    block = kb.SiameseEncoder(encoder, merge="average")
    return block, lambda _, a, b: layers.Average()([encoder(a), encoder(b)])


def stacked_of(kind):
    encoder = kind.make()
    block = kb.SiameseEncoder(encoder, merge="multiply", stacked=True)

    def by_hand(_, a, b):
        both = encoder(keras.ops.concatenate([a, b], axis=0))
        return layers.Multiply()(keras.ops.split(both, 2, axis=0))

    return block, by_hand


def heads_of(kind):
    hidden = kind.make()
    block = kb.MultiHeadOutput(
        {"age": kb.heads.Regression(hidden=[hidden]), "likes": kb.heads.Multilabel(3)}
    )

    def by_hand(block, x):
        # Not by the layers themselves: no model can hold two that are named "dense".
        age, likes = block.chains["age"].layers[-1], block.dense
        return {
            "age": keras.ops.matmul(hidden(x), age.kernel) + age.bias,
            "likes": keras.ops.sigmoid(keras.ops.matmul(x, likes.kernel) + likes.bias),
        }

    return block, by_hand


WIRINGS = {
    "Chain": chain_of,
    "Parallel": parallel_of,
    "Residual": residual_of,
    "SiameseEncoder": siamese_of,
    "SiameseEncoder_stacked": stacked_of,
    "MultiHeadOutput": heads_of,
}


def inputs_of(wiring, one):
    """What a wiring is called on, of what one of its inputs is."""
    return [one(0), one(1)] if wiring.startswith("Siamese") else one(0)


def takes(wiring, kind):
    """Tokens are no features for a head's own Dense layer."""
    return not (wiring == "MultiHeadOutput" and kind.tokens)


def hand(by_hand, block, x):
    return by_hand(block, *x) if isinstance(x, list) else by_hand(block, x)


@pytest.mark.parametrize(
    ("kind", "wiring"),
    [(kind, wiring) for kind in KINDS for wiring in WIRINGS if takes(wiring, kind)],
    ids=str,
)
def test_wiring_is_what_one_would_write_by_hand(kind, wiring):
    block, by_hand = WIRINGS[wiring](kind)
    block.build(inputs_of(wiring, lambda _: kind.shape))
    weights = [weight.path for weight in block.weights]
    randomize(block)
    x = inputs_of(wiring, lambda i: kind.sample(seed=i))
    ours = block(x)
    assert [weight.path for weight in block.weights] == weights
    concrete = inputs_of(wiring, lambda _: (2, *kind.shape[1:]))
    assert leaves(block.compute_output_shape(concrete)) == shapes_of(ours)
    assert_equal(ours, hand(by_hand, block, x))
    assert any(np.any(array) for array in arrays(ours))


RANDOM = [
    kind
    for kind in KINDS
    if kind.name.endswith(("Dropout", "Dropout2D", "Noise"))
    or kind.name in ("BatchNormalization", "SpectralNormalization")
]


@pytest.mark.parametrize("wiring", WIRINGS)
@pytest.mark.parametrize("kind", RANDOM, ids=str)
def test_training_reaches_the_layers(kind, wiring):
    block, by_hand = WIRINGS[wiring](kind)
    symbolic = inputs_of(wiring, lambda _: kind.input())
    model = keras.Model(symbolic, block(symbolic))
    written = keras.Model(symbolic, hand(by_hand, block, symbolic))
    before = [keras.ops.copy(variable) for variable in block.variables]
    x = inputs_of(wiring, lambda i: kind.sample(seed=i))
    ours = model(x, training=True)
    after = [keras.ops.convert_to_numpy(variable) for variable in block.variables]
    for variable, value in zip(block.variables, before, strict=True):
        variable.assign(value)
    assert_equal(ours, written(x, training=True))
    for variable, value in zip(block.variables, after, strict=True):
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(variable), value)
    learned = zip(arrays(before), after, strict=True)
    different = [*zip(arrays(ours), arrays(model(x)), strict=True), *learned]
    assert any((a != b).any() for a, b in different), "training made no difference"


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_saves_reloads_and_expands(kind, tmp_path):
    """In every second wiring, and for the next kind of layer in the others."""
    a, b = kind.input(), kind.input()
    outputs, written = {}, {}
    for wiring in list(WIRINGS)[KINDS.index(kind) % 2 :: 2]:
        if takes(wiring, kind):
            block, by_hand = WIRINGS[wiring](kind)
            x = inputs_of(wiring, lambda i: [a, b][i])
            outputs[wiring] = block(x)
            written[wiring] = hand(by_hand, block, x)
            assert shapes_of(outputs[wiring]) == shapes_of(written[wiring])
    model = keras.Model([a, b], outputs)
    randomize(model)
    x = [kind.sample(seed=0), kind.sample(seed=1)]
    expected = model(x)
    assert_equal(expected, keras.Model([a, b], written)(x))
    model.save(tmp_path / "model.keras")
    custom = {"SelfAttention": SelfAttention}
    again = keras.models.load_model(tmp_path / "model.keras", custom_objects=custom)
    assert_equal(again(x), expected)
    expanded = kb.expand(again)
    assert_equal(expanded(x), expected)
    assert "kerasblocks" not in expanded.to_json()
    assert {id(w) for w in expanded.weights} == {id(w) for w in again.weights}
