"""The contract finds faults: each is planted in a block of ours, and a law breaks.

`benchmarks/mutants.py` counts how many of all small changes are found.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import keras
import pytest
from keras import ops

import kerasblocks as kb
from kerasblocks.blocks import comparison, parallel, steps
from kerasblocks.blocks.batching import SplitBatches
from kerasblocks.core import composite
from kerasblocks.heads.wide_dense import SplitFeatures
from kerasblocks.testing import Broken, case, checks
from tests.table import BY_NAME


def shortcut_with_a_policy_of_its_own(patch):
    """A projection that is not given the block's dtype policy."""
    right = kb.ResidualBlock.make_projection

    def wrong(self, filters, laws):
        layer = right(self, filters, laws)
        config = layer.get_config()
        del config["dtype"]
        return type(layer).from_config(config)

    patch.setattr(kb.ResidualBlock, "make_projection", wrong)


def forget(kind, argument):
    """A config that lacks an argument, which comes back as its default."""

    def plant(patch):
        right = kind.get_config

        def wrong(self):
            config = right(self)
            del config[argument]
            return config

        patch.setattr(kind, "get_config", wrong)

    plant.__name__ = f"{kind.__name__}_forgets_its_{argument}"
    return plant


def join_the_last_axis(patch):
    """A Parallel that concatenates the last axis in either data format."""
    patch.setattr(parallel, "channel_axis", lambda data_format, shape: -1)


def squeeze_the_batch(patch):
    """Channels that are weighted by their means over the whole batch."""
    right = kb.SqueezeExcite.wire

    def wrong(self, run, inputs):
        def mean(layer, x):
            y = run(layer, x)
            if layer is not self.squeeze or isinstance(y, keras.KerasTensor):
                return y
            return ops.zeros_like(y) + ops.mean(y, axis=0, keepdims=True)

        return right(self, mean, inputs)

    patch.setattr(kb.SqueezeExcite, "wire", wrong)


def declare_sorted_heads(patch):
    """Heads that are declared from the narrowest to the widest."""

    def wrong(self, inputs):
        return [
            keras.KerasTensor((*inputs.shape[:-1], width), inputs.dtype)
            for width in sorted(self.widths)
        ]

    patch.setattr(SplitFeatures, "compute_output_spec", wrong)


def leave_the_projection_unbuilt(patch):
    """A build that creates the weights of the path alone."""

    right = kb.Residual.wire

    def wrong(self, run, inputs):
        def skip(layer, x):
            builds = run is composite.build_layer and layer is not self.branch_layer
            return layer.compute_output_spec(x) if builds else run(layer, x)

        return right(self, skip, inputs)

    patch.setattr(kb.Residual, "wire", wrong)


def never_train(patch):
    """Children that are told training=False, whatever the block is told."""

    def wrong(self, inputs):
        def run(layer, x):
            heeds = "training" in inspect.signature(layer.call).parameters
            return layer(x, training=False) if heeds else layer(x)

        return self.wire(run, inputs)

    patch.setattr(composite.Composite, "call", wrong)


def take_a_bare_root(patch):
    """A distance whose gradient is infinite where the two inputs are equal."""

    def wrong(a, b):
        return ops.sqrt(ops.sum(ops.square(a - b), axis=-1, keepdims=True))

    patch.setitem(comparison.COMPARISONS, "euclidean", wrong)


def name_all_convolutions_alike(patch):
    """Convolutions that have one name, and so have their weights."""

    def wrong(*args, **kwargs):
        return kb.ConvBlock(*args, **{**kwargs, "name": "conv"})

    patch.setattr(steps, "ConvBlock", wrong)


def deal_out_the_samples(patch):
    """Samples of a stacked batch that are dealt out like cards, and not cut."""

    def wrong(self, inputs):
        return [inputs[part :: self.parts] for part in range(self.parts)]

    patch.setattr(SplitBatches, "call", wrong)


@dataclass(frozen=True)
class Fault:
    """A fault, the row of the table that shows it, and the law that finds it."""

    plant: Any
    row: str
    law: str

    def __str__(self):
        return self.plant.__name__


FAULTS = [
    Fault(
        shortcut_with_a_policy_of_its_own,
        "ResidualBlock_linear",
        "check_sublayer_policies",
    ),
    Fault(forget(kb.ConvBlock, "strides"), "ConvBlock", "check_config_round_trip"),
    Fault(forget(kb.ConvBlock, "kernel_size"), "ConvBlock", "check_config_is_complete"),
    Fault(join_the_last_axis, "Parallel_concatenate", "check_data_formats"),
    Fault(squeeze_the_batch, "SqueezeExcite", "check_samples_are_independent"),
    Fault(declare_sorted_heads, "MultiHeadOutput", "check_symbolic_output"),
    Fault(leave_the_projection_unbuilt, "Residual", "check_build"),
    Fault(never_train, "ConvBlock", "check_state_moves"),
    Fault(take_a_bare_root, "SiameseEncoder_euclidean", "check_zeros"),
    Fault(name_all_convolutions_alike, "ResidualBlock", "check_weight_paths"),
    Fault(
        deal_out_the_samples, "SiameseEncoder_stacked", "check_samples_are_independent"
    ),
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_planted_fault_breaks_a_law(fault, monkeypatch):
    row, check = BY_NAME[fault.row], getattr(checks, fault.law)
    check(case(row.make, row.shape))
    fault.plant(monkeypatch)
    with pytest.raises(Broken, match=fault.law):
        check(case(row.make, row.shape))
