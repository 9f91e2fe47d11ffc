"""The fuzz finds faults: each is planted in a block, found, and shrunk."""

from dataclasses import dataclass
from typing import Any

import keras
import pytest

import kerasblocks as kb
from kerasblocks.blocks import inception_block, parallel
from kerasblocks.blocks.comparison import Comparison
from kerasblocks.blocks.size_law import SizeLaw
from tests.blocks import test_shapes


def round_the_other_way(patch):
    """A shortcut that crops where the path does not, and the reverse."""
    right = kb.Residual.make_projection

    def wrong(self, filters, laws):
        turned = [SizeLaw(s, s - 1 - crop) for s, crop in laws]
        return right(self, filters, turned)

    patch.setattr(kb.Residual, "make_projection", wrong)


def round_up_only(patch):
    """A shortcut as the book has it, with no thought of paths that round down."""
    right = kb.Residual.make_projection

    def wrong(self, filters, laws):
        return right(self, filters, [SizeLaw(s) for s, _ in laws])

    patch.setattr(kb.Residual, "make_projection", wrong)


def forget_a_stride(patch):
    """The third branch of four has no stride."""
    right = inception_block._book

    def wrong(filters, strides):
        branches = right(filters, strides)
        branches[2] = right(filters, 1)[2]
        return branches

    patch.setattr(inception_block, "_book", wrong)


def declare_a_floor(patch):
    """A pooling that declares sizes rounded down, whatever its padding."""

    def wrong(self, inputs, **kwargs):
        pool = self.pool_size if self.strides is None else self.strides
        sizes = test_shapes.on_axes(pool, len(inputs.shape) - 2)
        halved = [
            None if size is None else size // by
            for size, by in zip(inputs.shape[1:-1], sizes, strict=True)
        ]
        shape = (inputs.shape[0], *halved, inputs.shape[-1])
        return keras.KerasTensor(shape, inputs.dtype)

    patch.setattr(kb.Pooling, "compute_output_spec", wrong)


def declare_all_channels(patch):
    """A Maxout that says it keeps the channels."""
    patch.setattr(kb.Maxout, "compute_output_shape", lambda self, shape: tuple(shape))


def declare_features(patch):
    """Distances that say they keep the features."""
    patch.setattr(
        Comparison, "compute_output_shape", lambda self, shape: tuple(shape[0])
    )


def join_the_last_axis(patch):
    """A Parallel that concatenates the last axis in either data format."""
    patch.setattr(parallel, "channel_axis", lambda data_format, shape: -1)


@dataclass(frozen=True)
class Fault:
    """A fault, the test that finds it, and how small the example must become.

    `most` bounds the sizes of the example's input, its batch and channels too.
    """

    plant: Any
    test: Any
    most: int
    arguments: tuple = ()

    def __str__(self):
        return self.plant.__name__


FAULTS = [
    Fault(
        round_the_other_way,
        test_shapes.test_residual_over_paths_that_round_up_and_down,
        most=3,
    ),
    Fault(
        round_up_only,
        test_shapes.test_residual_over_paths_that_round_up_and_down,
        most=4,
    ),
    Fault(forget_a_stride, test_shapes.test_declared_is_real, 2, ("InceptionBlock",)),
    Fault(declare_a_floor, test_shapes.test_declared_is_real, 2, ("Pooling",)),
    Fault(declare_all_channels, test_shapes.test_maxout, 2),
    Fault(declare_features, test_shapes.test_siamese_encoder, 1, (False,)),
    Fault(join_the_last_axis, test_shapes.test_wirings_channels_first, 2),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_planted_fault_is_found_and_shrunk(fault, monkeypatch):
    examples = []
    monkeypatch.setattr(test_shapes, "check_declared", lambda *args: None)
    for name in ("check_shapes", "check_channels_first"):
        check = spied(getattr(test_shapes, name), examples)
        monkeypatch.setattr(test_shapes, name, check)
    with monkeypatch.context() as patch:
        fault.plant(patch)
        with pytest.raises(AssertionError, match="found"):
            fault.test(*fault.arguments)
    spec, concrete = examples[-1]
    sizes = [size for size in keras.tree.flatten([spec, concrete]) if size is not None]
    assert max(sizes) <= fault.most
    assert len(concrete) == 1


def spied(check, examples):
    """`check` itself, noting what fails. Hypothesis shows its smallest last."""

    def spy(make, spec, concrete, *args, **kwargs):
        try:
            check(make, spec, concrete, *args, **kwargs)
            return
        except Exception:
            examples.append((spec, concrete))
        # All of one kind: Hypothesis would shrink each kind on its own.
        raise AssertionError("found")

    return spy
