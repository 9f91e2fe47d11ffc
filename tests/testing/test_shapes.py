"""The strategies for shapes and inputs: what they draw, and what they refuse."""

import numpy as np
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from kerasblocks.testing import inputs, shapes


@given(
    st.data(),
    st.tuples(st.integers(0, 4), st.integers(0, 4)).map(sorted),
    st.tuples(st.integers(1, 50), st.integers(1, 50)).map(sorted),
    st.tuples(st.integers(1, 9), st.integers(1, 9)).map(sorted),
    st.booleans(),
    st.sampled_from(["channels_last", "channels_first"]),
)
def test_shapes_keep_to_their_bounds(data, ranks, sizes, channels, unknown, layout):
    shape = data.draw(
        shapes(
            min_rank=ranks[0],
            max_rank=ranks[1],
            min_size=sizes[0],
            max_size=sizes[1],
            min_channels=channels[0],
            max_channels=channels[1],
            unknown=unknown,
            data_format=layout,
        )
    )
    last = layout == "channels_last"
    batch, *rest = shape
    count = rest.pop(-1 if last else 0)
    assert batch is None
    assert channels[0] <= count <= channels[1]
    assert ranks[0] <= len(rest) <= ranks[1]
    assert unknown or None not in rest
    assert all(n is None or sizes[0] <= n <= sizes[1] for n in rest)


@pytest.mark.parametrize(
    ("wanted", "smallest"),
    [
        (lambda shape: True, (None, 1, 1)),
        (lambda shape: len(shape) == 5, (None, 1, 1, 1, 1)),
        (lambda shape: None in shape[1:], (None, None, 1)),
        (lambda shape: shape[1] is not None and shape[1] % 2 == 0, (None, 2, 1)),
        (lambda shape: shape[-1] > 2, (None, 1, 3)),
    ],
)
def test_shapes_shrink_to_few_axes_and_small_sizes(wanted, smallest):
    quiet = settings(max_examples=500, database=None, derandomize=True)
    assert find(shapes(), wanted, settings=quiet) == smallest


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min_rank": 2, "max_rank": 1}, "need 0 <= min_rank <= max_rank, got 2 and 1"),
        ({"min_rank": -1}, "need 0 <= min_rank <= max_rank, got -1 and 3"),
        ({"min_size": 0}, "need 1 <= min_size <= max_size, got 0 and 16"),
        ({"max_size": 0}, "need 1 <= min_size <= max_size, got 1 and 0"),
        (
            {"min_channels": 9},
            "need 1 <= min_channels <= max_channels, got 9 and 4",
        ),
        ({"max_size": 2.5}, "'min_size' and 'max_size' must be ints, got 1 and 2.5"),
        ({"min_rank": None}, "'min_rank' and 'max_rank' must be ints, got None and 3"),
        ({"data_format": "NHWC"}, "'data_format' must be one of .* got 'NHWC'"),
    ],
)
def test_bad_bounds_of_shapes(bounds, message):
    with pytest.raises(ValueError, match=f"^shapes: {message}$"):
        shapes(**bounds)


@given(
    st.data(),
    shapes(min_rank=0),
    st.sampled_from(["float32", "float16", "float64", "int32", "int64"]),
)
def test_inputs_fit_their_shape(data, shape, dtype):
    x = data.draw(inputs(shape, dtype, min_size=2, max_size=5, max_batch=4))
    assert x.dtype == dtype
    assert 1 <= x.shape[0] <= 4
    assert len(x.shape) == len(shape)
    for size, promised in zip(x.shape[1:], shape[1:], strict=True):
        assert size == promised or (promised is None and 2 <= size <= 5)
    if dtype.startswith("int"):
        assert ((x >= 0) & (x <= 9)).all()
    assert np.isfinite(x).all()


def test_inputs_are_random_and_repeatable():
    strategy = inputs((4, 50))
    constant = find(strategy, lambda x: True)
    other = find(strategy, lambda x: not np.array_equal(x, constant))
    assert np.unique(other).size > 100
    np.testing.assert_array_equal(constant, find(strategy, lambda x: True))


def test_inputs_keep_a_known_batch():
    assert find(inputs((7, None, 2)), lambda x: True).shape == (7, 1, 2)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"min_size": 0}, "need 1 <= min_size <= max_size, got 0 and 16"),
        ({"min_size": 5, "max_size": 4}, "need 1 <= min_size <= max_size, got 5 and 4"),
        ({"max_batch": 0}, "'max_batch' must be at least 1, got 0"),
    ],
)
def test_bad_bounds_of_inputs(bounds, message):
    with pytest.raises(ValueError, match=f"^inputs: {message}$"):
        inputs((None, 3), **bounds)
