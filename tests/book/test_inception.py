"""Section 7.1.4: an Inception module."""

import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import after_a_stem, assert_twins, random

FILTERS = (64, 128, 128, 128)
READING_ORDER = ("stem", "a_1", "b_1", "b_2", "c_1", "d_1", "d_2", "d_3")


def book(x):
    a, b, c, d = FILTERS

    def conv(filters, kernel_size, strides=1, *, name):
        return layers.Conv2D(
            filters,
            kernel_size,
            strides=strides,
            padding="same",
            activation="relu",
            name=name,
        )

    branch_a = conv(a, 1, strides=2, name="a_1")(x)

    branch_b = conv(b, 1, name="b_1")(x)
    branch_b = conv(b, 3, strides=2, name="b_2")(branch_b)

    branch_c = layers.AveragePooling2D(3, strides=2, padding="same")(x)
    branch_c = conv(c, 3, name="c_1")(branch_c)

    branch_d = conv(d, 1, name="d_1")(x)
    branch_d = conv(d, 3, name="d_2")(branch_d)
    branch_d = conv(d, 3, strides=2, name="d_3")(branch_d)

    return layers.concatenate([branch_a, branch_b, branch_c, branch_d], axis=-1)


def as_branches():
    """The same module as data."""
    a, b, c, d = FILTERS
    return [
        [(a, 1, 2)],
        [(b, 1), (b, 3, 2)],
        [("average", 3, 2), (c, 3)],
        [(d, 1), (d, 3), (d, 3, 2)],
    ]


def as_paths():
    """The same module with Keras' own layers, wired by `Parallel`."""

    def conv(filters, kernel_size, strides=1):
        return layers.Conv2D(
            filters, kernel_size, strides, padding="same", activation="relu"
        )

    a, b, c, d = FILTERS
    return [
        conv(a, 1, 2),
        [conv(b, 1), conv(b, 3, 2)],
        [layers.AveragePooling2D(3, strides=2, padding="same"), conv(c, 3)],
        [conv(d, 1), conv(d, 3), conv(d, 3, 2)],
    ]


def by_reading_order(arrays):
    """Keras sorts a functional model's layers by depth, the block by branches."""
    return [
        arrays[f"{name}/{weight}"]
        for name in READING_ORDER
        for weight in ("kernel", "bias")
    ]


@pytest.mark.parametrize(
    "make",
    [
        lambda: kb.InceptionBlock(FILTERS, strides=2, normalization=None),
        lambda: kb.InceptionBlock(branches=as_branches(), normalization=None),
        lambda: kb.Parallel(as_paths()),
    ],
    ids=["filters", "branches", "parallel"],
)
def test_inception_module(make):
    ours = after_a_stem((28, 28, 256), make())
    assert ours.output_shape == (None, 14, 14, 448)
    assert_twins(
        after_a_stem((28, 28, 256), book),
        ours,
        random(2, 28, 28, 256),
        random(2, 14, 14, 448, seed=1),
        by_reading_order,
        loss="mean_squared_error",
    )
