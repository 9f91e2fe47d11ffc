"""`Parallel`: one input, many paths, one merge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.axes import channel_axis, resolve_data_format
from kerasblocks.core.chain import as_layer
from kerasblocks.core.composite import Composite, Run
from kerasblocks.core.merging import check_merge, check_mergeable, make_merge


@keras.saving.register_keras_serializable(package="kerasblocks")
class Parallel(Composite):
    """Runs paths side by side on one input and merges what they give.

    Input shape: what every path takes.
    Output shape: that of the paths; "concatenate" adds up their channels.

    Args:
        paths: A list with a Keras layer or a list of layers for each path. An
            empty list is the identity.
        merge: "concatenate", "add", "average", "multiply", "maximum" or "minimum".
        data_format: "channels_last", "channels_first" or None for Keras' setting:
            which axis "concatenate" joins.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: a path is neither a layer nor a list of layers, there is none,
            or, on building, their output shapes cannot be merged.

    Example:
        >>> conv = keras.layers.Conv2D(8, 3, padding="same")
        >>> block = Parallel([conv, []])
        >>> block.compute_output_shape((None, 32, 32, 3))
        (None, 32, 32, 11)

    Reference: Szegedy et al., Going Deeper with Convolutions, CVPR 2015.
    """

    def __init__(
        self,
        paths: Sequence[Any],
        merge: str = "concatenate",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(paths, list | tuple) or not paths:
            raise ValueError(
                f"{self._owner}: 'paths' must be a list of at least one path, each a "
                f"Keras layer or a list of layers, got {paths!r}"
            )
        self.paths = [
            as_layer(self._owner, "paths", path, f"path_{i}", self.dtype_policy)
            for i, path in enumerate(paths, start=1)
        ]
        self.merge = check_merge(self._owner, merge)
        self.data_format = resolve_data_format(self._owner, data_format)

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = [run(path, inputs) for path in self.paths]
        if len(outputs) == 1:
            return outputs[0]
        return run(self.child("merge_layer", self._make_merge, outputs), outputs)

    def _make_merge(self, specs: list) -> keras.layers.Layer:
        axis = channel_axis(self.data_format, specs[0].shape)
        names = [
            f"path {i} ({path.name})" for i, path in enumerate(self.paths, start=1)
        ]
        check_mergeable(self._owner, self.merge, names, specs, axis)
        return make_merge(self.merge, axis=axis, dtype=self.dtype_policy)
