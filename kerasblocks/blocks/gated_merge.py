"""`GatedMerge`: a sum of several inputs, weighted by learned gates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasblocks.blocks.presence import as_flag
from kerasblocks.blocks.projection import make_projection
from kerasblocks.blocks.size_law import SizeLaw
from kerasblocks.core.axes import channels, spatial_sizes
from kerasblocks.core.block import Block
from kerasblocks.core.composite import Composite, Run

_NEVER = -1e30  # The logit of an absent input. Finite, so that gradients are too.


@keras.saving.register_keras_serializable(package="kerasblocks")
class GatedSum(Block):
    """Sums tensors, each feature weighted by a softmax over the tensors.

    Input shape: two or three lists: tensors of the same shape, logits of the softmax in
        the same number, and, if some tensors are optional, a flag for each of these, of
        shape `(batch,)` or `(batch, 1)`, that says whether it is present.
    Output shape: the shape of one tensor.

    Args:
        optional: The positions of the optional tensors.
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def __init__(self, optional: Sequence[int] = (), **kwargs: Any):
        super().__init__(**kwargs)
        self.optional = tuple(optional)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs[0][0].shape, inputs[0][0].dtype)

    def call(self, inputs: Any) -> Any:
        tensors, logits, *rest = inputs
        exact = keras.backend.result_type(tensors[0].dtype, "float32")
        logits = [ops.cast(x, exact) for x in logits]
        for place, present in zip(self.optional, rest[0] if rest else (), strict=True):
            x = logits[place]
            flag = as_flag(present, len(x.shape))
            logits[place] = ops.where(flag, x, ops.full_like(x, _NEVER))
        gates = ops.softmax(ops.stack(logits, axis=-1), axis=-1)
        stacked = ops.stack(list(tensors), axis=-1)
        return ops.sum(ops.cast(gates, stacked.dtype) * stacked, axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A step of the output is valid if it is valid in any of the tensors."""
        masks = list((previous_mask or [[None]])[0])
        if any(mask is None for mask in masks):
            return None
        valid, *others = masks
        for mask in others:
            valid = ops.logical_or(valid, mask)
        return valid


@keras.saving.register_keras_serializable(package="kerasblocks")
class GatedMerge(Composite):
    """The gated multimodal unit, for any number of inputs.

    Each input x_i becomes `h_i = tanh(W_i x_i)`, as wide as the widest input. The
    output is the sum of the h_i, where each feature is weighted by a gate. The gates
    are computed from all inputs, with a softmax over the inputs. For two inputs this is
    the unit of the paper.

    Input shape: a list of tensors that differ only in their channels. If some are
        optional, a pair of this list and a list with a flag for each optional tensor,
        of shape `(batch,)` or `(batch, 1)`.
    Output shape: the shape of the widest input.

    Args:
        axis: The axis of the channels: -1, or 1 for channels_first.
        optional: The positions of the optional inputs. An absent input must be zeros.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Reference: Arevalo et al., Gated Multimodal Units for Information Fusion, 2017.
    """

    def __init__(
        self,
        axis: int = -1,
        optional: Sequence[int] = (),
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.axis = int(axis)
        self.optional = tuple(optional)
        self.join = keras.layers.Concatenate(axis, name="join", dtype=self.dtype_policy)
        self.sum = GatedSum(self.optional, name="sum", dtype=self.dtype_policy)

    def wire(self, run: Run, inputs: Any) -> Any:
        tensors, *presents = inputs if self.optional else (inputs,)
        shapes = [tuple(x.shape) for x in tensors]
        hidden = self.child("hidden", self._make_each, "hidden", "tanh", shapes)
        gates = self.child("gates", self._make_each, "gate", None, shapes)
        joined = run(self.join, list(tensors))
        weighted = [run(layer, x) for layer, x in zip(hidden, tensors, strict=True)]
        logits = [run(gate, joined) for gate in gates]
        return run(self.sum, [weighted, logits, *presents])

    def _make_each(
        self, role: str, activation: Any, shapes: list[tuple]
    ) -> list[keras.layers.Layer]:
        """Makes a layer for each input, as wide as the widest input."""
        data_format = "channels_first" if self.axis == 1 else "channels_last"
        width = max(channels(self._owner, data_format, shape) for shape in shapes)
        laws = [SizeLaw(1)] * len(spatial_sizes(data_format, shapes[0]))
        return [
            make_projection(
                width,
                laws,
                data_format,
                self.dtype_policy,
                name=f"{role}_{position}",
                activation=activation,
            )
            for position in range(1, len(shapes) + 1)
        ]
