"""`Images`: convolutional stages for images, in 2D or 3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks import spaces
from kerasblocks.blocks.augment import Augment
from kerasblocks.hypermodels import stages
from kerasblocks.hypermodels.encoder import Encoder

AUGMENTATION = ("flip", "shift", "rotation", "zoom", "contrast")


class Images(Encoder):
    """Images or volumes: random changes, then stages of convolutional blocks.

    The number of stages is bounded by the image's size. What is searched, and can be
    fixed or narrowed: `block` ("residual", "inception", "plain", "separable" or
    "xception"), `stages`, `filters` (of the first stage; each doubles them), `depth`
    (blocks in a stage), `kernel_size`, `downsample` ("stride" or "max"),
    `squeeze_excite` (None or a ratio), `normalization`, `norm_momentum` (of batch
    normalization), `activation`,
    `pooling` ("average", "max", "flatten"); for 2D also `shift`, `rotation`, `zoom`,
    `contrast` and `flip`.

    Args:
        shape: `(height, width, channels)`, or `(height, width)` for one channel, or
            with a depth `(depth, height, width, channels)`; channels first where
            `data_format` says so.
        moments: The mean and the variance of each channel in the training data.
        data_format: As for the blocks.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `shape` does not fit.

    Example:
        >>> import keras_tuner as kt
        >>> images = Images((8, 8, 1), block="residual", shift=0.0)
        >>> config = images.space(kt.HyperParameters(), "images")
        >>> config["stages"]["block"], len(images.layers(config)) > 3
        ('residual', True)
    """

    arguments = (*stages.ARGUMENTS, *AUGMENTATION)
    scope = "images"
    ranks = (2, 3, 4)

    def __init__(
        self,
        shape: Sequence[int | None],
        *,
        moments: tuple[Any, Any] | None = None,
        data_format: str | None = None,
        **given: Any,
    ) -> None:
        super().__init__(shape, moments=moments, data_format=data_format, **given)
        channels, sizes = split(self)
        if channels is None or (len(self.shape) == 2 and None in sizes):
            raise ValueError(
                f"Images: 'shape' must say how many channels there are, got {shape!r}"
            )
        if len(sizes) == 3:
            for name in AUGMENTATION:
                if name in given:
                    raise TypeError(
                        f"Images: {name!r} is for images of 2 dimensions, got the "
                        f"shape {shape!r}"
                    )

    def space(self, hp: Any, name: str) -> dict[str, Any]:
        _, sizes = split(self)
        with hp.name_scope(name):
            config: dict[str, Any] = {"augmentation": {"layers": []}}
            if len(sizes) == 2:
                config["augmentation"] = spaces.image_augmentation(
                    hp,
                    value_range=(-10.0, 10.0),
                    data_format=self.data_format,
                    **self._part(AUGMENTATION),
                )
            config["stages"] = stages.stages(
                hp,
                "stages",
                sizes=sizes,
                kernels=spaces.among(3, 5),
                given=self._part(stages.ARGUMENTS),
            )
        return config

    def layers(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        _, sizes = split(self)
        changes = config["augmentation"]["layers"]
        return [
            *add_channel(self),
            *self._standardize(-1 if self.data_format == "channels_last" else 1),
            *([Augment(changes, name="augmentation")] if changes else []),
            *stages.make_stages(config["stages"], sizes, self.data_format),
        ]


def split(encoder: Encoder) -> tuple[int | None, tuple[int | None, ...]]:
    """The channels and the spatial sizes of an input of the encoder's smallest rank."""
    shape = encoder.shape
    if len(shape) == min(encoder.ranks):
        return 1, shape
    if encoder.data_format == "channels_first":
        return shape[0], shape[1:]
    return shape[-1], shape[:-1]


def add_channel(encoder: Encoder) -> list[keras.layers.Layer]:
    """A layer that adds the channels' axis where the input has none."""
    shape = encoder.shape
    if len(shape) > min(encoder.ranks):
        return []
    first = encoder.data_format == "channels_first"
    target = (1, *shape) if first else (*shape, 1)
    return [keras.layers.Reshape(target, name="add_channel")]
