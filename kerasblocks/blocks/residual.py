"""`Residual`: a path of any layers, added to its own input."""

from __future__ import annotations

from typing import Any, ClassVar

import keras

from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.projection import make_projection
from kerasblocks.blocks.size_law import SizeLaw, find_size_laws
from kerasblocks.core.arguments import one_of
from kerasblocks.core.axes import (
    channels,
    resolve_data_format,
    spatial_sizes,
    with_spatial_sizes,
)
from kerasblocks.core.chain import as_layer
from kerasblocks.core.composite import Composite, Run, infer_spec
from kerasblocks.core.merging import check_mergeable


@keras.saving.register_keras_serializable(package="kerasblocks")
class Residual(Composite):
    """Adds what a path of layers gives to the input of the path.

    Where the two shapes differ, "auto" adds a linear 1x1 projection to the shortcut:
    a Dense layer for vectors and sequences, a convolution for all else, with the
    stride that the path has and with its rounding, so that it fits for every size,
    odd, even or unknown.

    Input shape: what the path takes, `(batch, features)` or
        `(batch, spatial..., channels)`.
    Output shape: that of the path.

    Args:
        path: A Keras layer or a list of layers.
        shortcut: "auto", or a Keras layer or list of layers (an empty list is the
            identity) whose output has the path's shape.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above, or, on building, no stride
            takes the input's sizes to those of the path.

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

    kept_as: ClassVar[dict[str, str]] = {"path": "body"}  # Layer.path is Keras' own

    def __init__(
        self,
        path: Any,
        shortcut: Any = "auto",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.body = as_layer(self._owner, "path", path, "path", policy)
        if isinstance(shortcut, str):
            self.shortcut = one_of(self._owner, "shortcut", shortcut, ("auto",))
        else:
            self.shortcut = as_layer(
                self._owner, "shortcut", shortcut, "shortcut", policy
            )
        self.data_format = resolve_data_format(self._owner, data_format)

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = run(self.body, inputs)
        shortcut = self.shortcut
        if shortcut == "auto":
            shortcut = self.child("projection", self._match, inputs, outputs)
        both = [outputs, inputs if shortcut is None else run(shortcut, inputs)]
        return run(self.child("add", self._make_add, both), both)

    def _make_add(self, specs: list) -> keras.layers.Layer:
        check_mergeable(self._owner, "add", ["path", "shortcut"], specs, -1)
        return keras.layers.Add(name="add", dtype=self.dtype_policy)

    def make_projection(
        self, filters: int, laws: list[SizeLaw], shape: Any
    ) -> keras.layers.Layer:
        """The linear 1x1 projection of the shortcut; subclasses may add to it.

        Args:
            filters: How many channels the path gives.
            laws: What the path does to each spatial axis.
            shape: The input's shape.
        """
        return make_projection(
            filters, laws, self.data_format, self.dtype_policy, cropped="shortcut"
        )

    def make_conv_projection(
        self, filters: int, laws: list[SizeLaw], normalization: Any, **options: Any
    ) -> keras.layers.Layer:
        """A projection of a convolution and a normalization."""
        return ConvBlock(
            filters,
            1,
            strides=tuple(law.stride for law in laws),
            normalization=normalization,
            activation=None,
            data_format=self.data_format,
            name="projection",
            dtype=self.dtype_policy,
            **options,
        )

    def _match(self, inputs: Any, outputs: Any) -> keras.layers.Layer | None:
        """The shortcut that fits the path: None for the identity, or a projection."""
        shape, out_shape = tuple(inputs.shape), tuple(outputs.shape)
        laws = self._size_laws(shape, out_shape)
        filters = channels(self._owner, self.data_format, out_shape)
        same_channels = filters == channels(self._owner, self.data_format, shape)
        if same_channels and all(law.stride == 1 for law in laws):
            return None
        return self.make_projection(filters, laws, shape)

    def _size_laws(self, shape: tuple, out_shape: tuple) -> list[SizeLaw]:
        sizes = spatial_sizes(self.data_format, shape)
        if len(shape) != len(out_shape):
            raise ValueError(
                f"{self._owner}: the path takes the input shape {shape} to "
                f"{out_shape}, and no projection can change the number of axes; give "
                "the layers that do as 'shortcut'"
            )
        out_sizes = spatial_sizes(self.data_format, out_shape)
        if sizes == out_sizes and all(size and size > 1 for size in sizes):
            return [SizeLaw(1)] * len(sizes)

        def path_sizes(size: int) -> tuple:
            probe = with_spatial_sizes(self.data_format, shape, (size,) * len(sizes))
            spec = infer_spec(
                self.body, keras.KerasTensor(probe, dtype=self.compute_dtype)
            )
            return spatial_sizes(self.data_format, spec.shape)

        laws = find_size_laws(path_sizes, sizes, out_sizes) if sizes else []
        if None in laws:
            raise ValueError(
                f"{self._owner}: no stride of a 1x1 projection takes the spatial sizes "
                f"{sizes} to those of the path, {out_sizes}; pad the path's layers "
                "(padding='same'), or give layers that do the same to the sizes as "
                "'shortcut'"
            )
        return [law for law in laws if law is not None]
