"""The table of blocks: a row here is a block that every law is tried on."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, tree

import kerasblocks as kb
from kerasblocks.heads.activations import ContinuationRatio, Ordered


@dataclass(frozen=True)
class Row:
    """A block, how to make it and what to feed it.

    `shape` is that of the input, channels last and batch None, or a list or dict of
    shapes, with a structure of dtypes where they are not all floats. One that does not
    ask for a data format has `spatial=False`.
    """

    name: str
    make: Callable[..., keras.layers.Layer]
    shape: Any
    spatial: bool = True
    dtype: Any = "float32"

    def __str__(self) -> str:
        return self.name


def conv(**arguments):
    return lambda **kwargs: kb.ConvBlock(**{"filters": 4, **arguments, **kwargs})


def maxout_conv(**kwargs):
    activation = kb.Maxout(2, data_format=kwargs.get("data_format"))
    return kb.ConvBlock(4, activation=activation, **kwargs)


def augment(**kwargs):
    return kb.Augment([keras.layers.GaussianNoise(0.1)], **kwargs)


def inception(**arguments):
    return lambda **kwargs: kb.InceptionBlock(**arguments, **kwargs)


def residual(*args, **arguments):
    return lambda **kwargs: kb.ResidualBlock(*args, **arguments, **kwargs)


def siamese(**arguments):
    def make(**kwargs):
        dtype = kwargs.get("dtype")
        encoder = [layers.Dense(4, dtype=dtype), layers.ELU(dtype=dtype)]
        return kb.SiameseEncoder(encoder, **arguments, **kwargs)

    return make


def parallel(merge, *, filters=4):
    def make(dtype=None, data_format=None, **kwargs):
        common = {"dtype": dtype, "data_format": data_format}
        branches = [
            kb.ConvBlock(filters, 3, **common),
            [],
            [kb.ConvBlock(filters, 1, **common), kb.Pooling("max", 3, 1, **common)],
        ]
        return kb.Parallel(branches, merge, **common, **kwargs)

    return make


def wired_residual(**arguments):
    def make(dtype=None, data_format=None, **kwargs):
        common = {"dtype": dtype, "data_format": data_format}
        branch = [
            kb.ConvBlock(4, 3, **common),
            kb.Pooling("max", 2, padding="valid", **common),
        ]
        return kb.Residual(branch, **arguments, **common, **kwargs)

    return make


def multi_input(*, widths=(4, 4), **arguments):
    def make(**kwargs):
        dtype = kwargs.get("dtype")
        encoders = {
            name: [layers.Dense(width, dtype=dtype), layers.ELU(dtype=dtype)]
            for name, width in zip(("right", "left"), widths, strict=True)
        }
        return kb.MultiInput(encoders, **arguments, **kwargs)

    return make


def multi_input_list(merge):
    return lambda **kwargs: kb.MultiInput([None, []], merge, **kwargs)


def text_and_facts(**arguments):
    def make(**kwargs):
        dtype = kwargs.get("dtype")
        text = [layers.Embedding(8, 3, dtype=dtype), layers.Flatten(dtype=dtype)]
        facts = layers.Dense(4, "tanh", dtype=dtype)
        return kb.MultiInput({"text": text, "facts": facts}, **arguments, **kwargs)

    return make


def images(**arguments):
    def make(dtype=None, data_format=None, **kwargs):
        common = {"dtype": dtype, "data_format": data_format}
        encoders = {"whole": kb.ConvBlock(3, **common), "part": None}
        return kb.MultiInput(encoders, resize="stride", **arguments, **common, **kwargs)

    return make


def heads(**kwargs):
    scale = layers.LayerNormalization(dtype=kwargs.get("dtype"))
    return kb.MultiHeadOutput(
        {
            "income": kb.heads.Multiclass(3),
            "age": kb.heads.Regression(hidden=[4, scale]),
            "gender": kb.heads.Binary(),
            "likes": kb.heads.Multilabel(5),
            "stars": kb.heads.Ordinal(4),
            "visits": kb.heads.Count(hidden=[3]),
            "price": kb.heads.Quantile(),
        },
        **kwargs,
    )


def nested(dtype=None, data_format=None, **kwargs):
    common = {"dtype": dtype, "data_format": data_format}
    return kb.Residual(
        kb.Parallel(
            [
                kb.ResidualBlock(2, order="pre", **common),
                kb.InceptionBlock(1, **common),
            ],
            **common,
        ),
        **common,
        **kwargs,
    )


GOOGLENET = [
    [(2, 1)],
    [(3, 1), (4, 3)],
    [(1, 1), (2, 5)],
    [("max", 3), (2, 1)],
]
FORKED = [[(3, 1), [[(2, 3)], [(3, 5, 1)]]], [("average", 3, 1, "same")]]
STEPS = [
    (2, 1),
    {"filters": 4, "kernel_size": 3, "groups": 2},
    ("max", 3, 2),
    [[(2, 1)], [(4, 3)]],
]
IMAGE = (None, 6, 5, 4)
ANY_IMAGE = (None, None, None, 4)
SEQUENCES = [(None, 7, 4), (None, 7, 4)]
PAIR = [(None, 6), (None, 6)]
SIDES = {"left": (None, 6), "right": (None, 5)}
OPTIONAL_SIDES = {"left": ((None, 6), (None,)), "right": ((None, 5), (None, 1))}
MAYBE = {"left": ("float32", "bool"), "right": ("float32", "int32")}
TEXT = {"facts": (None, 5), "text": (None, 6)}
TOKENS = {"facts": "float32", "text": "int32"}
IMAGES = {"part": (None, 3, 4, 2), "whole": (None, 6, 7, 2)}
TEMPLATE = layers.BatchNormalization(epsilon=1.001e-5, scale=False)


def chain(**kwargs):
    dtype = kwargs.get("dtype")
    return kb.Chain([layers.Dense(3, dtype=dtype), layers.ReLU(dtype=dtype)], **kwargs)


def vectors(**kwargs):
    return kb.Residual(layers.Dense(3, "elu", dtype=kwargs.get("dtype")), **kwargs)


TABLE = [
    Row("Chain", chain, (None, 4), spatial=False),
    Row("ConvBlock", conv(strides=2), IMAGE),
    Row("ConvBlock_1d", conv(kernel_size=4, strides=2, padding="causal"), (None, 7, 3)),
    Row("ConvBlock_3d", conv(kernel_size=2), (None, 3, 4, 3, 2)),
    Row("ConvBlock_separable", conv(convolution="separable"), IMAGE),
    Row("ConvBlock_depthwise", conv(filters=None, convolution="depthwise"), IMAGE),
    Row("ConvBlock_template", conv(normalization=TEMPLATE, activation="gelu"), IMAGE),
    Row("ConvBlock_group", conv(normalization="group", padding=((1, 0), 2)), IMAGE),
    Row("ConvBlock_maxout", maxout_conv, IMAGE),
    Row(
        "ConvBlock_preactivation",
        conv(order="pre"),
        IMAGE,
    ),
    Row("Maxout", lambda **k: kb.Maxout(2, **k), IMAGE),
    Row("Augment", augment, IMAGE, spatial=False),
    Row("Pooling", lambda **k: kb.Pooling("average", 3, 2, **k), IMAGE),
    Row("Parallel_concatenate", parallel("concatenate"), IMAGE),
    Row("Parallel_add_3d", parallel("add"), (None, 3, 4, 2, 4)),
    Row("InceptionBlock", inception(filters=2, strides=2, use_bias=False), IMAGE),
    Row("InceptionBlock_googlenet", inception(branches=GOOGLENET), IMAGE),
    Row("Residual", wired_residual(), IMAGE),
    Row("Residual_vectors", vectors, (None, 4), spatial=False),
    Row("ResidualBlock", residual(4), IMAGE),
    Row("ResidualBlock_linear", residual(6, strides=2), IMAGE),
    Row(
        "ResidualBlock_bottleneck_post",
        residual(8, depth=1, strides=2, bottleneck=4),
        IMAGE,
    ),
    Row(
        "ResidualBlock_pre_3d",
        residual(4, order="pre", normalization="layer", strides=2),
        (None, 3, 4, 3, 4),
    ),
    Row("ResidualBlock_1d", residual(4, depth=3, kernel_size=5), (None, 9, 4)),
    Row("XceptionBlock", lambda **k: kb.XceptionBlock(4, **k), IMAGE),
    Row("InceptionBlock_any_size", inception(filters=2, strides=2), ANY_IMAGE),
    Row("Residual_any_size", wired_residual(), ANY_IMAGE),
    Row("Maxout_any_size", lambda **k: kb.Maxout(2, **k), ANY_IMAGE),
    Row("SqueezeExcite", lambda **k: kb.SqueezeExcite(2, **k), IMAGE),
    Row("SqueezeExcite_1d", lambda **k: kb.SqueezeExcite(units=3, **k), (None, 7, 4)),
    *(
        Row(f"SiameseEncoder_{merge}", siamese(merge=merge), PAIR, spatial=False)
        for merge in ("concatenate", "euclidean", None)
    ),
    Row("SiameseEncoder_stacked", siamese(stacked=True), [*PAIR, PAIR[0]], False),
    Row("MultiInput", text_and_facts(), TEXT, False, TOKENS),
    Row("MultiInput_projected", text_and_facts(merge="add"), TEXT, False, TOKENS),
    Row("MultiInput_subtract", multi_input(merge="subtract"), SIDES, spatial=False),
    Row("MultiInput_maximum_list", multi_input_list("maximum"), SEQUENCES),
    *(
        Row(
            f"MultiInput_{merge}_optional",
            multi_input(merge=merge, optional=["left", "right"], widths=(4, 3)),
            OPTIONAL_SIDES,
            False,
            MAYBE,
        )
        for merge in ("average", "gated")
    ),
    Row("MultiInput_images_add", images(merge="add"), IMAGES),
    Row("MultiHeadOutput", heads, (None, 6), spatial=False),
    Row("ContinuationRatio", ContinuationRatio, (None, 5, 3), spatial=False),
    Row("Ordered", Ordered, (None, 4), spatial=False),
    Row("nested", nested, IMAGE),
]
# Other merges and ranks in the same wirings, for the thorough profile: the tests of
# each layer compute the merges by hand, and test_shapes tries every rank.
MORE = [
    Row("Parallel_maximum_1d", parallel("maximum"), (None, 7, 4)),
    # Keras 3.15 on TensorFlow adds a bias along the wrong axis where the last spatial
    # size of a channels_first input equals the number of filters; see docs/keras.md.
    Row("InceptionBlock_3d", inception(filters=2), (None, 3, 4, 5, 2)),
    Row("Residual_1d", wired_residual(), (None, 7, 4)),
    Row("ResidualBlock_steps", residual(branch=STEPS, order="book"), IMAGE),
    Row("ConvBlock_separable_3d", conv(convolution="separable"), (None, 3, 4, 3, 2)),
    Row(
        "InceptionBlock_1d",
        inception(filters=[1, 2, 3, 4], strides=3, normalization="batch"),
        (None, 7, 3),
    ),
    Row("InceptionBlock_fork", inception(branches=FORKED), IMAGE),
    Row(
        "XceptionBlock_1d",
        lambda **k: kb.XceptionBlock([3, 5], strides=2, **k),
        (None, 7, 4),
    ),
    Row("MultiInput_images_gated", images(merge="gated"), IMAGES),
    Row("Parallel_average", parallel("average"), IMAGE),
    Row("Parallel_multiply", parallel("multiply"), IMAGE),
    Row("Parallel_minimum", parallel("minimum"), IMAGE),
    *(
        Row(f"SiameseEncoder_{merge}", siamese(merge=merge), PAIR, spatial=False)
        for merge in (
            *("absolute_difference", "squared_difference", "multiply", "average"),
            *("dot", "cosine_similarity"),
        )
    ),
    *(
        Row(f"MultiInput_{merge}", multi_input(merge=merge), SIDES, spatial=False)
        for merge in ("average", "multiply", "dot", "gated")
    ),
    Row("MultiInput_minimum_list", multi_input_list("minimum"), SEQUENCES),
    Row(
        "MultiInput_maximum_optional",
        multi_input(merge="maximum", optional=["left", "right"], widths=(4, 3)),
        OPTIONAL_SIDES,
        False,
        MAYBE,
    ),
    Row("MultiInput_images_concatenate", images(merge="concatenate"), IMAGES),
    Row("MultiInput_images_dot", images(merge="dot"), IMAGES),
]
if os.environ.get("HYPOTHESIS_PROFILE") == "thorough":
    TABLE += MORE
BY_NAME = {row.name: row for row in TABLE}


def sized(shape: tuple) -> tuple:
    """The sizes after the batch, each that is unknown a 7."""
    return tuple(7 if size is None else size for size in shape[1:])


def concrete(shape: Any, batch: int = 2) -> Any:
    """The shape, or list of shapes, with a batch."""
    return tree.map_shape_structure(lambda one: (batch, *sized(one)), shape)


def specs(shape: Any, dtype: Any = "float32") -> Any:
    """A `KerasTensor` of each shape, in the structure of the shapes."""
    made = tree.map_shape_structure(keras.KerasTensor, shape)
    if isinstance(dtype, str):
        dtype = tree.map_structure(lambda _: dtype, made)
    return tree.map_structure(
        lambda one, kind: keras.KerasTensor(one.shape, kind), made, dtype
    )


def samples(shape: Any, batch: int = 2, seed: int = 0, dtype: Any = "float32") -> Any:
    """Random input of a shape, or of a structure of shapes and dtypes."""
    generator = np.random.default_rng(seed)

    def sample(one: keras.KerasTensor) -> np.ndarray:
        size = (batch, *sized(one.shape))
        if one.dtype == "bool":
            return generator.random(size) < 0.5
        if "int" in one.dtype:
            return generator.integers(0, 8, size).astype(one.dtype)
        return generator.standard_normal(size).astype(one.dtype)

    return tree.map_structure(sample, specs(shape, dtype))


def functional(
    layer: keras.layers.Layer, shape: Any, dtype: Any = "float32", **kwargs: Any
) -> keras.Model:
    """A Functional model of one layer."""

    def symbol(one: keras.KerasTensor, name: str | None = None) -> keras.KerasTensor:
        return keras.Input(one.shape[1:], dtype=one.dtype, name=name)

    inputs = tree.map_structure(symbol, specs(shape, dtype))
    if isinstance(inputs, dict):
        # Keras wants its own dicts of inputs to have the inputs' names.
        inputs = {
            name: symbol(one, name) if isinstance(one, keras.KerasTensor) else one
            for name, one in inputs.items()
        }
    return keras.Model(inputs, layer(inputs), **kwargs)


def arrays(outputs: Any) -> list[np.ndarray]:
    """The tensors of an output, as a flat list of numpy arrays."""
    return [
        keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
        for x in tree.flatten(outputs)
    ]


def assert_equal(ours: Any, theirs: Any) -> None:
    """Equal to the last bit."""
    for a, b in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_array_equal(a, b)


def assert_close(ours: Any, theirs: Any, rtol: float = 1e-5, atol: float = 1e-5):
    """Equal up to rounding."""
    for a, b in zip(arrays(ours), arrays(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def randomize(layer: keras.layers.Layer, seed: int = 1) -> None:
    """Gives every weight, moving statistics too, a value that it does not start with.

    Zeros and ones hide errors. Values are as large as in a trained network, and the
    factors of normalizations have both signs.
    """
    generator = np.random.default_rng(seed)
    for weight in layer.weights:
        if not keras.backend.is_float_dtype(weight.dtype):
            continue
        if weight.name.endswith("variance"):
            value = generator.uniform(0.2, 2.0, weight.shape)
        elif weight.name == "gamma":
            value = generator.choice([-1.0, 0.5, 1.0, 1.5], weight.shape)
        else:
            fan_in = max(1, math.prod(weight.shape[:-1]))
            value = generator.normal(0, fan_in**-0.5, weight.shape)
        weight.assign(value)
