"""The law of shapes: what a block declares is what comes out, whatever the size."""

import math
from collections import Counter

import keras
import numpy as np
from hypothesis import strategies as st
from keras import tree

from kerasblocks.testing import shapes
from tests.table import arrays, assert_close, assert_equal, randomize

tried: Counter = Counter()
"""How many input shapes were run, and how many were only declared."""


class _Leaf:
    """Keeps a shape whole where a tree is flattened."""

    def __init__(self, shape):
        self.shape = tuple(shape)


def leaves(structure):
    """The shapes in a structure of them."""
    kept = tree.map_shape_structure(_Leaf, structure)
    return [leaf.shape for leaf in tree.flatten(kept)]


def shapes_of(outputs):
    """The shapes of tensors, flattened."""
    return [tuple(tensor.shape) for tensor in tree.flatten(outputs)]


def is_shape(shape):
    return not isinstance(shape[0], tuple | list)


def feed(shape):
    """Random input of a shape, or of each of a list."""
    if not is_shape(shape):
        return [feed(one) for one in shape]
    generator = np.random.default_rng(sum(shape))
    return generator.standard_normal(shape).astype("float32")


def symbolic(shape):
    """Symbolic input of a shape, or of each of a list."""
    if not is_shape(shape):
        return [symbolic(one) for one in shape]
    return keras.Input(batch_shape=shape)


def unite(shapes):
    """Each size that all shapes have in common, None for the others."""
    if not is_shape(shapes[0]):
        return [unite(ones) for ones in zip(*shapes, strict=True)]
    return tuple(
        sizes[0] if len(set(sizes)) == 1 else None
        for sizes in zip(*shapes, strict=True)
    )


def check_shapes(make, spec, concrete, expected=None):
    """Tries a block on a shape with unknown sizes, then on shapes that fit it.

    Args:
        make: Makes the block.
        spec: The shape on which it is built, None where a size is unknown.
        concrete: Shapes that fit `spec`.
        expected: Computes the output's shape, where that is not left to the block.
    """
    layer = make()
    promised = leaves(layer.compute_output_shape(spec))
    assert not layer.built, "a question about shapes must not build"
    assert shapes_of(layer(symbolic(spec))) == promised
    randomize(layer)
    for position, shape in enumerate(concrete):
        x = feed(shape)
        outputs = layer(x)
        real = shapes_of(outputs)
        tried["run"] += 1
        assert leaves(layer.compute_output_shape(shape)) == real
        for one, promise in zip(real, promised, strict=True):
            assert len(one) == len(promise)
            assert all(p in (None, size) for size, p in zip(one, promise, strict=True))
        if expected is not None:
            assert real == leaves(expected(shape))
        if position == 0:
            known = make()
            known.build(shape)
            assert leaves(known.compute_output_shape(shape)) == real
            known.set_weights(layer.get_weights())
            assert_equal(known(x), outputs)


def check_declared(make, spec, expected, sizes=range(1, 41)):
    """Asks a block built on unknown sizes for its output at every size."""
    layer = make()
    layer.build(spec)
    for size in sizes:
        shape = (2, *(size if n is None else n for n in spec[1:]))
        tried["declared"] += 1
        assert layer.compute_output_shape(shape) == expected(shape)


def turn(shape):
    """A channels_last shape with its channels first."""
    return (shape[0], shape[-1], *shape[1:-1])


def check_channels_first(make, spec, concrete, run=1):
    """Compares a block with itself in the other data format.

    Args:
        make: Makes the block; takes `data_format`.
        spec: As for `check_shapes`, channels last.
        concrete: Shapes that fit `spec`, channels last.
        run: How many of them to run; the rest are compared as declared.
    """
    last, first = (make(data_format=f"channels_{end}") for end in ("last", "first"))
    last.build(spec)
    first.build(turn(spec))
    randomize(last)
    # Keras adds a bias along the last axis where that has as many entries as the
    # channels (TensorFlow, channels_first), so that nobody's values agree.
    last.set_weights(
        [
            0 * value if weight.name == "bias" else value
            for weight, value in zip(last.weights, last.get_weights(), strict=True)
        ]
    )
    first.set_weights(
        [
            value.reshape(weight.shape)  # a Dense projection's are a 1x1 convolution's
            for weight, value in zip(first.weights, last.get_weights(), strict=True)
        ]
    )
    for position, shape in enumerate(concrete):
        declared = first.compute_output_shape(turn(shape))
        assert declared == turn(last.compute_output_shape(shape))
        if position >= run:
            tried["declared"] += 1
            continue
        tried["run"] += 1
        x = feed(shape)
        outputs = first(np.moveaxis(x, -1, 1))
        assert tuple(outputs.shape) == declared
        (values,) = arrays(outputs)
        assert_close(np.moveaxis(values, 1, -1), last(x), rtol=1e-3, atol=1e-4)


def conv_size(size, kernel, stride, padding, dilation=1):
    """The size that a convolution or pooling makes, as its definition has it."""
    if padding == "valid":
        size = size - dilation * (kernel - 1)
    return math.ceil(size / stride)


def largest_size(rank):
    """Three axes of 40 would take too long to run."""
    return 40 if rank < 3 else 12


@st.composite
def trials(draw, rank, min_size=1, most=12, max_channels=4):
    """A shape with unknown sizes for `rank` axes, and shapes that fit it."""
    top = max(largest_size(rank), min_size + 3)
    spec = draw(
        shapes(
            min_rank=rank,
            max_rank=rank,
            min_size=min_size,
            max_size=top,
            max_channels=max_channels,
        )
    )
    sizes = [
        st.integers(min_size, top) if size is None else st.just(size)
        for size in spec[1:-1]
    ]
    one = st.tuples(st.integers(1, 2), *sizes, st.just(spec[-1]))
    return spec, draw(st.lists(one, min_size=1, max_size=most, unique=True))


ranks = st.integers(1, 3)
