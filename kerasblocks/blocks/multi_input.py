"""`MultiInput`: an encoder for each of several inputs, and one merge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasblocks.blocks.input_structure import (
    as_pair,
    by_name,
    by_position,
    check_some,
    describe,
    layer_name,
)
from kerasblocks.blocks.merging import (
    MERGES,
    check_count,
    check_merge,
    is_mergeable,
    joins,
    list_shapes,
    make_merge,
)
from kerasblocks.blocks.presence import DivideByPresent, FillAbsent, WherePresent
from kerasblocks.blocks.projection import make_projection
from kerasblocks.blocks.size_law import SizeLaw, law_between
from kerasblocks.core.arguments import did_you_mean, one_of
from kerasblocks.core.axes import (
    channel_axis,
    channels,
    resolve_data_format,
    spatial_sizes,
)
from kerasblocks.core.chain import as_layer
from kerasblocks.core.composite import Composite, Run


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiInput(Composite):
    """Encodes each of several inputs with its own layer, and merges the encodings.

    Most merges need encodings with the same number of channels. An encoding with fewer
    channels gets a linear 1x1 projection to the largest number. ("concatenate", "gated"
    and a layer take all encodings as they are.) The spatial sizes must be equal, or 1,
    which is broadcast. `resize` can make them equal.

    Input shape: for a dict of encoders, a dict of inputs in any order; for a list of
        encoders, a list or tuple. An encoder that takes several tensors gets their
        structure as one input. An optional input is a pair `(input, present)`, where
        `present` has the shape `(batch,)` or `(batch, 1)`, with booleans or 0 and 1.
    Output shape: the shape of the encodings. "concatenate" adds up their channels, and
        "dot", "cosine_similarity" and "euclidean" give one channel.

    If a sample lacks an input, its output is the same as without that input:
    "concatenate" puts zeros in its place, and the other merges use the inputs that are
    present. If no input is present, the output is zeros. The values of an absent input,
    even NaN, reach neither the output nor the gradients, because the encoder gets ones
    instead. (Batch normalization inside an encoder counts these ones.)

    Args:
        encoders: A dict of encoders by the names of the inputs, or a list. An encoder
            is a Keras layer or model, a list of layers, None for the identity, or the
            name (or position) of an earlier input, to share its encoder. The encodings
            are merged in this order.
        merge: A name or a layer, as for `Parallel`: "concatenate", "add", ..., or for
            two encoders "subtract", "dot", ..., or "gated": a sum in which each feature
            is weighted by gates that are computed from all inputs.
        optional: The names of inputs that a sample may lack, or positions for a list.
        resize: "stride" reduces larger spatial sizes to the smallest with a strided 1x1
            projection, which skips the positions in between. None refuses encodings of
            different sizes.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above, the input has a missing or an
            unknown name, or the encodings cannot be merged.

    Example:
        >>> block = MultiInput(
        ...     {
        ...         "text": [keras.layers.Embedding(1000, 16), keras.layers.LSTM(32)],
        ...         "facts": keras.layers.Dense(8, activation="relu"),
        ...     },
        ...     merge="add",
        ... )
        >>> block.compute_output_shape({"facts": (None, 4), "text": (None, 20)})
        (None, 32)
        >>> block.build({"facts": (None, 4), "text": (None, 20)})
        >>> list(block.projections)
        ['facts']

    Reference: Chollet, Deep Learning with Python, 2017, section 7.1.2; for "gated"
    Arevalo et al., Gated Multimodal Units for Information Fusion, 2017.
    """

    def __init__(
        self,
        encoders: Mapping[str, Any] | Sequence[Any],
        merge: Any = "concatenate",
        *,
        optional: Sequence[Any] = (),
        resize: str | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if not isinstance(encoders, Mapping | list | tuple) or not encoders:
            raise ValueError(
                f"{self._owner}: 'encoders' must be a dict or a list of at least one "
                f"encoder, got {encoders!r}"
            )
        named = isinstance(encoders, Mapping)
        for key in encoders if named else ():
            if not isinstance(key, str) or not key or "/" in key:
                raise ValueError(
                    f"{self._owner}: a name in 'encoders' must be a string without "
                    f"'/', got {key!r}"
                )
        pairs = encoders.items() if named else enumerate(encoders)
        layers: dict[Any, keras.layers.Layer] = {}
        for key, encoder in pairs:
            layers[key] = self._as_encoder(key, encoder, layers)
        self.encoders = layers if named else list(layers.values())
        self.merge = check_merge(self._owner, merge)
        check_count(self._owner, merge, len(layers))
        self.optional = check_some(self._owner, "optional", optional, self.keys)
        fills = isinstance(merge, str) and MERGES[merge].absent is not None
        if optional and not fills:
            raise ValueError(
                f"{self._owner}: 'optional' must be empty with merge={merge!r}, which "
                f"needs all inputs, got {list(optional)!r}"
            )
        self.resize = one_of(self._owner, "resize", resize, (None, "stride"))
        self.data_format = resolve_data_format(self._owner, data_format)
        self._places = [i for i, key in enumerate(self.keys) if key in self.optional]
        if self._places:
            policy, required = self.dtype_policy, len(self.keys) - len(self._places)
            fill = MERGES[self.merge].absent
            self.hide = WherePresent(1, name="hide", dtype=policy)
            self.fill = FillAbsent(fill, self._places, name="fill", dtype=policy)
            if MERGES[self.merge].averages:
                self.divide = DivideByPresent(required, name="divide", dtype=policy)
            if not required:
                self.blank = WherePresent(0, name="blank", dtype=policy)

    @property
    def keys(self) -> list[Any]:
        """The names of the inputs, or their positions, in the order of merging."""
        named = isinstance(self.encoders, Mapping)
        return list(self.encoders) if named else list(range(len(self.encoders)))

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        encoders = config["encoders"]
        layers = [self.encoders[key] for key in self.keys]
        for place, key in enumerate(self.keys):
            first = next(i for i, one in enumerate(layers) if one is layers[place])
            if first < place:
                encoders[key] = self.keys[first]  # shared, and so in a copy
        if isinstance(encoders, dict):
            # Pairs keep their order; the keys of a JSON object may get sorted.
            config["encoders"] = [list(pair) for pair in encoders.items()]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        encoders = config["encoders"]
        if all(isinstance(pair, list | tuple) for pair in encoders):
            config = {**config, "encoders": dict(encoders)}
        return super().from_config(config)

    def wire(self, run: Run, inputs: Any) -> Any:
        encodings, presents = self._encode(run, inputs)
        projections = self.child("projections", self._make_projections, encodings)
        projected = [
            run(projections[str(key)], x) if str(key) in projections else x
            for key, x in zip(self.keys, encodings, strict=True)
        ]
        self._check_fit(encodings, projected)
        merge = self.child("merge_layer", self._make_merge, encodings[0].shape)
        if not presents:
            return run(merge, projected)
        projected = run(self.fill, (projected, presents))
        kind = MERGES[self.merge]
        outputs = run(merge, (projected, presents) if kind.sees_absent else projected)
        if kind.averages:
            outputs = run(self.divide, (outputs, presents))
        if len(presents) == len(projected):
            outputs = run(self.blank, (outputs, presents))
        return outputs

    def _encode(self, run: Run, inputs: Any) -> tuple[list, list]:
        """The encodings, and the flags that say which optional ones are present."""
        encodings, presents = [], []
        for key, x in zip(self.keys, self._in_order(inputs), strict=True):
            if key in self.optional:
                x, present = as_pair(self._owner, key, x)
                presents.append(present)
                x = run(self.hide, (x, [present]))
            encodings.append(run(self.encoders[key], x))
        return encodings, presents

    def _make_merge(self, shape: Any) -> keras.layers.Layer:
        axis = channel_axis(self.data_format, shape)
        merge, options = self.merge, {}
        if self._places and MERGES[merge].averages:
            merge = "add"  # `divide` follows
        if self._places and MERGES[merge].sees_absent:
            options["optional"] = self._places
        return make_merge(merge, axis=axis, dtype=self.dtype_policy, **options)

    def _make_projections(self, encodings: list) -> dict[str, keras.layers.Layer]:
        """Makes a projection for each encoding that needs other channels or sizes."""
        for key, encoding in zip(self.keys, encodings, strict=True):
            if not hasattr(encoding, "shape"):
                raise ValueError(
                    f"{self._owner}: the encoder of {key!r} must return one tensor, "
                    f"got {describe(encoding)}"
                )
        shapes = [tuple(x.shape) for x in encodings]
        if len({len(shape) for shape in shapes}) > 1 or len(shapes[0]) < 2:
            return {}  # nothing fits: _check_fit says so
        axis = channel_axis(self.data_format, shapes[0])
        widest = max((shape[axis] for shape in shapes if shape[axis]), default=None)
        sizes = [spatial_sizes(self.data_format, shape) for shape in shapes]
        smallest = [
            min((size for size in along if self._is_resized(size)), default=None)
            for along in zip(*sizes, strict=True)
        ]
        projections = {}
        for key, shape, own in zip(self.keys, shapes, sizes, strict=True):
            found = [
                law_between(size, to) if to and self._is_resized(size) else SizeLaw(1)
                for size, to in zip(own, smallest, strict=True)
            ]
            laws = [law for law in found if law is not None]
            filters = shape[axis] if joins(self.merge) else widest
            same = filters == shape[axis] and all(law.stride == 1 for law in laws)
            if same or len(laws) < len(found):
                continue
            projections[str(key)] = make_projection(
                filters or channels(self._owner, self.data_format, shape),
                laws,
                self.data_format,
                self.dtype_policy,
                name=layer_name(f"project_{key}"),
                chain_name=layer_name(f"resize_{key}"),
            )
        return projections

    def _is_resized(self, size: int | None) -> bool:
        """Whether a spatial size must become equal to the others."""
        if self.resize is None or size is None:
            return False
        return size > 1 or joins(self.merge)

    def _check_fit(self, encodings: list, projected: list) -> None:
        axis = channel_axis(self.data_format, projected[0].shape)
        ranks = [len(x.shape) for x in projected]
        if min(ranks) < 2 or not is_mergeable(self.merge, projected, axis):
            listed = list_shapes([repr(key) for key in self.keys], encodings)
            hint = ""
            if self.resize is None and len(set(ranks)) == 1 and ranks[0] > 2:
                hint = "\nresize='stride' reduces the larger of the known spatial sizes"
            raise ValueError(
                f"{self._owner}: the encodings cannot be merged by '{self.merge}'; "
                f"their shapes are\n{listed}{hint}"
            )

    def _in_order(self, inputs: Any) -> list:
        """The inputs in the order of the encoders."""
        if isinstance(self.encoders, Mapping):
            return by_name(self._owner, self.keys, inputs)
        return by_position(self._owner, len(self.encoders), inputs)

    def _as_encoder(self, key: Any, encoder: Any, others: dict) -> keras.layers.Layer:
        if type(encoder) is type(key) and encoder in others:
            return others[encoder]
        layers = [] if encoder is None else encoder
        name = f"encoder_{key}" if isinstance(key, int) else layer_name(key)
        try:
            return as_layer(self._owner, "encoders", layers, name, self.dtype_policy)
        except ValueError:
            raise ValueError(
                f"{self._owner}: the encoder of {key!r} must be a Keras layer, a list "
                "of layers, None, or the "
                f"{'position' if isinstance(key, int) else 'name'} of an earlier "
                f"input, got {encoder!r}"
                f"{did_you_mean(encoder, [k for k in others if isinstance(k, str)])}"
            ) from None
