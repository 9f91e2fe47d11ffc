"""`Residual`: adds a branch of any layers to its input."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.merging import (
    check_merge,
    check_mergeable,
    joins,
    make_merge,
)
from kerasblocks.blocks.projection import make_projection
from kerasblocks.blocks.size_law import SizeLaw, find_size_laws, global_axes
from kerasblocks.core.arguments import one_of
from kerasblocks.core.axes import (
    channel_axis,
    channels,
    resolve_data_format,
    spatial_sizes,
    with_spatial_sizes,
)
from kerasblocks.core.chain import as_layer
from kerasblocks.core.composite import Composite, Run, infer_spec


@keras.saving.register_keras_serializable(package="kerasblocks")
class Residual(Composite):
    """Runs a branch of layers and adds its output to its input.

    If the two shapes differ, "auto" adds a linear 1x1 projection to the shortcut: a
    Dense layer for vectors and sequences, else a convolution. It has the same stride
    and rounding as the branch, so it fits every size: odd, even or unknown. Where the
    branch gives size 1 for every input, as global pooling does, its output is broadcast
    over the input instead.

    Input shape: the input shape of the branch, `(batch, features)` or
        `(batch, spatial..., channels)`.
    Output shape: the output shape of the branch, for most merges.

    Args:
        branch: A Keras layer or a list of layers.
        shortcut: "auto", or a Keras layer or list of layers (an empty list is the
            identity) whose output has the branch's shape.
        merge: A name or a layer, as for `Parallel`. It merges the shortcut and the
            branch, in this order. "multiply" makes the branch a gate for its input, of
            as many channels or of one; "concatenate" is the connection of DenseNet. A
            layer gets the input and the output of the branch as they are.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above, or (when the block is built) no
            projection fits the shapes.

    Example:
        >>> block = Residual([
        ...     keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
        ...     keras.layers.MaxPooling2D(2),
        ... ])
        >>> block.compute_output_shape((None, 33, 33, 16))
        (None, 16, 16, 32)
        >>> block.build((None, 33, 33, 16))
        >>> block.projection.layers[-1].strides
        (2, 2)

    Reference: He et al., Deep Residual Learning for Image Recognition, CVPR 2016.
    """

    def __init__(
        self,
        branch: Any,
        shortcut: Any = "auto",
        merge: Any = "add",
        *,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.branch_layer = as_layer(self._owner, "branch", branch, "branch", policy)
        if isinstance(shortcut, str):
            self.shortcut = one_of(self._owner, "shortcut", shortcut, ("auto",))
        else:
            self.shortcut = as_layer(
                self._owner, "shortcut", shortcut, "shortcut", policy
            )
        self.merge = check_merge(self._owner, merge)
        self.data_format = resolve_data_format(self._owner, data_format)

    @property
    def branch(self) -> Any:
        """The branch, as a layer."""
        return self.branch_layer

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = run(self.branch_layer, inputs)
        shortcut = self.shortcut
        if shortcut == "auto":
            shortcut = self.child("projection", self._match, inputs, outputs)
        both = [inputs if shortcut is None else run(shortcut, inputs), outputs]
        return run(self.child("merge_layer", self._make_merge, both), both)

    def _make_merge(self, specs: list) -> keras.layers.Layer:
        axis = channel_axis(self.data_format, specs[0].shape)
        names = ["shortcut", "branch"]
        check_mergeable(self._owner, self.merge, names, specs, axis)
        return make_merge(self.merge, axis=axis, dtype=self.dtype_policy)

    def make_projection(self, filters: int, laws: list[SizeLaw]) -> keras.layers.Layer:
        """Makes the linear 1x1 projection of the shortcut. Subclasses may override it.

        Args:
            filters: The number of output channels.
            laws: The size law of each spatial axis.
        """
        return make_projection(
            filters, laws, self.data_format, self.dtype_policy, chain_name="shortcut"
        )

    def _match(self, inputs: Any, outputs: Any) -> keras.layers.Layer | None:
        """Returns a projection that fits the branch, or None for the identity."""
        if isinstance(self.merge, keras.layers.Layer):
            return None  # It takes both as they are.
        shape, out_shape = tuple(inputs.shape), tuple(outputs.shape)
        laws = self._size_laws(shape, out_shape)
        own = channels(self._owner, self.data_format, shape)
        filters = channels(self._owner, self.data_format, out_shape)
        if joins(self.merge) or (self.merge == "multiply" and filters == 1):
            filters = own
        if filters == own and all(law.stride == 1 for law in laws):
            return None
        return self.make_projection(filters, laws)

    def _size_laws(self, shape: tuple, out_shape: tuple) -> list[SizeLaw]:
        sizes = spatial_sizes(self.data_format, shape)
        if len(shape) != len(out_shape):
            raise ValueError(
                f"{self._owner}: the branch turns the input shape {shape} into "
                f"{out_shape}, and no projection can change the number of axes; pass "
                "layers that do as 'shortcut'"
            )
        out_sizes = spatial_sizes(self.data_format, out_shape)
        if sizes == out_sizes and all(size and size > 1 for size in sizes):
            return [SizeLaw(1)] * len(sizes)

        def branch_sizes(size: int) -> tuple:
            probe = with_spatial_sizes(self.data_format, shape, (size,) * len(sizes))
            spec = infer_spec(
                self.branch_layer, keras.KerasTensor(probe, dtype=self.compute_dtype)
            )
            return spatial_sizes(self.data_format, spec.shape)

        laws = find_size_laws(branch_sizes, sizes, out_sizes) if sizes else []
        for axis in global_axes(branch_sizes, out_sizes):
            # Broadcast, which tensors that are joined cannot be.
            laws[axis] = None if joins(self.merge) else SizeLaw(1)
        if None in laws:
            raise ValueError(
                f"{self._owner}: no stride of a 1x1 projection turns the spatial sizes "
                f"{sizes} into those of the branch, {out_sizes}; use padding='same' in "
                "the branch, or pass layers that change the sizes in the same way as "
                "'shortcut'"
            )
        return [law for law in laws if law is not None]
