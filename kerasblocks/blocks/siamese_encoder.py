"""`SiameseEncoder`: one encoder with one set of weights for several inputs."""

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

    Batch normalization inside the encoder sees each input on its own, and updates
    its moving statistics once for each; with `stacked` it sees all inputs as one
    batch, once.

    Input shape: a list or tuple of two or more tensors that the encoder takes.
    Output shape: that of an encoding; "concatenate" adds up the features; "dot",
    "cosine_similarity" and "euclidean" give one feature; None gives a tuple of
    encodings.

    Args:
        encoder: A Keras layer or model, or a list of layers. `encoder_model()` gives
            it to be saved and used alone.
        merge: A name or a layer as for `Parallel`: "concatenate", "multiply", ..., for
            exactly two inputs "absolute_difference", "cosine_similarity", "euclidean"
            (a distance whose gradient is finite for identical inputs), ...; or None for
            no merge.
        stacked: Whether to stack all inputs, which must have the same shape then,
            into one batch and run the encoder once.
        data_format: "channels_last", "channels_first" or None for Keras' setting:
            which axis holds the channels.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above, or the number or the shapes
            of the inputs do not fit.

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
        """The encoder alone, as a Keras model that shares its weights.

        A model is given back itself, and a layer as a model of it. A list becomes a
        model of its layers, which loads without this package if they are Keras' own;
        if they are blocks, `kerasblocks.expand` opens them.

        Raises:
            ValueError: the block has not been built, and so knows no input.

        Example:
            >>> siamese = SiameseEncoder([keras.layers.Dense(8), keras.layers.ReLU()])
            >>> siamese.build([(None, 4), (None, 4)])
            >>> [layer.name for layer in siamese.encoder_model().layers][1:]
            ['dense', 're_lu']
        """
        if not self.built:
            raise ValueError(
                f"{self._owner}: encoder_model() needs the shape of an input; call the "
                "block, or build it, first"
            )
        if isinstance(self.encoder, keras.Model):
            return self.encoder
        shapes = self.get_build_config()["input_shape"]
        # What differs among the inputs is left open.
        sizes = zip(*(shape[1:] for shape in shapes), strict=True)
        shape = [size[0] if len(set(size)) == 1 else None for size in sizes]
        # Symbolic inputs, where there are some, say that tokens are whole numbers.
        symbolic = getattr(self, "input", None)
        dtype = None if symbolic is None else symbolic[0].dtype
        inputs = keras.Input(shape, dtype=dtype)
        outputs = _open_chains(self.encoder, inputs)
        return keras.Model(inputs, outputs, name=self.encoder.name)

    def _encode(self, run: Run, inputs: Any) -> tuple:
        if self.stacked:
            encoded = run(self.encoder, run(self.stack, list(inputs)))
            split = self.child("split", self._make_split, len(inputs))
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
                f"{self._owner}: 'stacked' needs inputs of one shape, got {shapes}"
            )


def _open_chains(layer: keras.layers.Layer, x: Any) -> Any:
    """Runs `layer` on `x`; where it is a chain, the layers in it one by one."""
    return layer.wire(_open_chains, x) if type(layer) is Chain else layer(x)
