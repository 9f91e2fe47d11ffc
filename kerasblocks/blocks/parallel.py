"""`Parallel`: several branches on one input, and one merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.merging import (
    check_count,
    check_merge,
    check_mergeable,
    make_merge,
)
from kerasblocks.core.axes import channel_axis, resolve_data_format
from kerasblocks.core.chain import as_layer
from kerasblocks.core.composite import Composite, Run


@keras.saving.register_keras_serializable(package="kerasblocks")
class Parallel(Composite):
    """Runs branches side by side on one input and merges their outputs.

    Input shape: any shape that all branches take.
    Output shape: the output shape of the branches. "concatenate" adds up their
        channels, and "dot", "cosine_similarity" and "euclidean" give one channel.

    Args:
        branches: A list of branches. A branch is a Keras layer or a list of layers. An
            empty list is the identity.
        merge: "concatenate", "add", "average", "multiply", "maximum", "minimum" or
            "gated" (a sum in which each feature is weighted by gates that are computed
            from all branches); for exactly two branches "subtract",
            "absolute_difference", "squared_difference", "dot", "cosine_similarity" or
            "euclidean"; or a Keras layer that takes a list of tensors. A single branch
            is not merged.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `branches` is empty, a branch is neither a layer nor a list of
            layers, or (when the block is built) the outputs cannot be merged.

    Example:
        >>> conv = keras.layers.Conv2D(8, 3, padding="same")
        >>> block = Parallel([conv, []])
        >>> block.compute_output_shape((None, 32, 32, 3))
        (None, 32, 32, 11)

    Reference: Szegedy et al., Going Deeper with Convolutions, CVPR 2015.
    """

    def __init__(
        self,
        branches: Sequence[Any],
        merge: Any = "concatenate",
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(branches, list | tuple) or not branches:
            raise ValueError(
                f"{self._owner}: 'branches' must be a list of at least one branch, "
                f"each a Keras layer or a list of layers, got {branches!r}"
            )
        self.branch_layers = [
            as_layer(self._owner, "branches", branch, f"branch_{i}", self.dtype_policy)
            for i, branch in enumerate(branches, start=1)
        ]
        self.merge = check_merge(self._owner, merge)
        check_count(self._owner, merge, len(branches))
        if len(branches) == 1 and isinstance(merge, keras.layers.Layer):
            raise ValueError(
                f"{self._owner}: 'merge' must be a name where there is one branch, "
                f"which is not merged, got {merge!r}"
            )
        self.data_format = resolve_data_format(self._owner, data_format)

    @property
    def branches(self) -> Any:
        """The branches, as layers."""
        return self.branch_layers

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = [run(branch, inputs) for branch in self.branch_layers]
        if len(outputs) == 1:
            return outputs[0]
        return run(self.child("merge_layer", self._make_merge, outputs), outputs)

    def _make_merge(self, specs: list) -> keras.layers.Layer:
        axis = channel_axis(self.data_format, specs[0].shape)
        names = [
            f"branch {i} ({branch.name})"
            for i, branch in enumerate(self.branch_layers, start=1)
        ]
        check_mergeable(self._owner, self.merge, names, specs, axis)
        return make_merge(self.merge, axis=axis, dtype=self.dtype_policy)
