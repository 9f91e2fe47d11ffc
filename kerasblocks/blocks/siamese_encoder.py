"""`SiameseEncoder`: one encoder that several inputs share."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.batching import SplitBatches, StackBatches
from kerasblocks.blocks.merging import (
    check_count,
    check_merge,
    check_mergeable,
    make_merge,
)
from kerasblocks.core.axes import channel_axis, resolve_data_format
from kerasblocks.core.chain import Chain, as_layer
from kerasblocks.core.composite import Composite, Run


@keras.saving.register_keras_serializable(package="kerasblocks")
class SiameseEncoder(Composite):
    """Encodes two or more inputs with the same weights and merges the encodings.

    Batch normalization inside the encoder sees each input as a separate batch, and
    updates its moving statistics for each. With `stacked` it sees all inputs as one
    batch.

    Input shape: a list or tuple of two or more tensors.
    Output shape: the shape of an encoding. "concatenate" adds up the features, and
    "dot", "cosine_similarity" and "euclidean" give one feature. None gives a tuple of
    encodings.

    Args:
        encoder: A Keras layer or model, or a list of layers. `encoder_model()` returns
            it as a model of its own.
        merge: A name or a layer, as for `Parallel`: "concatenate", "multiply", ..., or
            for exactly two inputs "absolute_difference", "cosine_similarity",
            "euclidean" (its gradient is finite for identical inputs), ..., or None for
            no merge.
        stacked: Whether to stack all inputs into one batch and run the encoder once.
            The inputs must then have the same shape.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above, or the number or the shapes of
            the inputs are wrong.

    Example:
        >>> siamese = SiameseEncoder(keras.layers.LSTM(32), merge="concatenate")
        >>> siamese.compute_output_shape([(None, None, 128), (None, None, 128)])
        (None, 64)

    Reference: Bromley et al., Signature Verification using a "Siamese" Time Delay
    Neural Network, NIPS 1993.
    """

    def __init__(
        self,
        encoder: Any,
        merge: Any = "concatenate",
        *,
        stacked: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.encoder = as_layer(
            self._owner, "encoder", encoder, "encoder", self.dtype_policy
        )
        self.merge = check_merge(self._owner, merge, (None,))
        self.stacked = bool(stacked)
        self.data_format = resolve_data_format(self._owner, data_format)
        if self.stacked:
            self.stack = StackBatches(name="stack", dtype=self.dtype_policy)

    def wire(self, run: Run, inputs: Any) -> Any:
        self._check_inputs(inputs)
        encodings = self._encode(run, inputs)
        if self.merge is None:
            return encodings
        merge = self.child("merge_layer", self._make_merge, encodings)
        return run(merge, list(encodings))

    def _make_merge(self, encodings: tuple) -> keras.layers.Layer:
        axis = channel_axis(self.data_format, encodings[0].shape)
        names = [f"encoding {i}" for i in range(1, len(encodings) + 1)]
        check_mergeable(self._owner, self.merge, names, encodings, axis)
        return make_merge(self.merge, axis=axis, dtype=self.dtype_policy)

    def encoder_model(self) -> keras.Model:
        """Returns the encoder as a Keras model that shares its weights.

        If the encoder is a model, it is returned as it is. A list becomes a model of
        its layers. If these are Keras' own, the model loads without this package;
        `kerasblocks.expand` turns blocks into Keras' own layers.

        Raises:
            ValueError: the block is not built yet.

        Example:
            >>> siamese = SiameseEncoder([keras.layers.Dense(8), keras.layers.ReLU()])
            >>> siamese.build([(None, 4), (None, 4)])
            >>> [layer.name for layer in siamese.encoder_model().layers][1:]
            ['dense', 're_lu']
        """
        if not self.built:
            raise ValueError(
                f"{self._owner}: encoder_model() needs the shape of an input; call or "
                "build the block first"
            )
        if isinstance(self.encoder, keras.Model):
            return self.encoder
        shapes = self.get_build_config()["input_shape"]
        # A size that differs between the inputs becomes None.
        sizes = zip(*(shape[1:] for shape in shapes), strict=True)
        shape = [size[0] if len(set(size)) == 1 else None for size in sizes]
        # Symbolic inputs have a dtype, which matters for tokens.
        symbolic = getattr(self, "input", None)
        dtype = None if symbolic is None else symbolic[0].dtype
        inputs = keras.Input(shape, dtype=dtype)
        outputs = _open_chains(self.encoder, inputs)
        return keras.Model(inputs, outputs, name=self.encoder.name)

    def _encode(self, run: Run, inputs: Any) -> tuple:
        if self.stacked:
            encoded = run(self.encoder, run(self.stack, list(inputs)))
            split = self.child("split", self._make_split, len(inputs))
            if split.parts != len(inputs):
                raise ValueError(
                    f"{self._owner}: with 'stacked', the input must be a list of "
                    f"{split.parts} tensors, as when the block was built, got "
                    f"{len(inputs)}"
                )
            return tuple(run(split, encoded))
        return tuple(run(self.encoder, x) for x in inputs)

    def _make_split(self, parts: int) -> keras.layers.Layer:
        return SplitBatches(parts, name="split", dtype=self.dtype_policy)

    def _check_inputs(self, inputs: Any) -> None:
        if not isinstance(inputs, list | tuple) or len(inputs) < 2:
            raise ValueError(
                f"{self._owner}: the input must be a list of two or more tensors, got "
                f"{getattr(inputs, 'shape', inputs)}"
            )
        shapes = [tuple(x.shape) for x in inputs]
        check_count(self._owner, self.merge, len(shapes))
        if self.stacked and len({shape[1:] for shape in shapes}) > 1:
            raise ValueError(
                f"{self._owner}: 'stacked' needs inputs of the same shape, got {shapes}"
            )


def _open_chains(layer: keras.layers.Layer, x: Any) -> Any:
    """Runs `layer` on `x`. If it is a chain, runs the layers in it one by one."""
    return layer.wire(_open_chains, x) if type(layer) is Chain else layer(x)
