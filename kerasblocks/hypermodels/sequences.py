"""`Sequences` and `Tokens`: convolutional stages for what has one order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks import spaces
from kerasblocks.blocks.augment import Augment
from kerasblocks.core.arguments import positive_int
from kerasblocks.hypermodels import stages
from kerasblocks.hypermodels.encoder import Encoder
from kerasblocks.hypermodels.images import add_channel, split

AUGMENTATION = ("jitter", "scaling")


class Sequences(Encoder):
    """Sequences of numbers, time series among them, of one or several channels.

    What is searched, and can be fixed or narrowed, is as for `Images`, but the random
    changes: `jitter` and `scaling`.

    Args:
        shape: `(steps, channels)`, or `(steps,)` for one channel; channels first where
            `data_format` says so. The steps may be None.
        moments: The mean and the variance of each channel in the training data.
        data_format: As for the blocks.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `shape` does not fit.

    Example:
        >>> import keras_tuner as kt
        >>> series = Sequences((24, 1), block=spaces.among("inception", "residual"))
        >>> series.space(kt.HyperParameters(), "series")["stages"]["block"]
        'inception'
    """

    arguments = (*stages.ARGUMENTS, *AUGMENTATION)
    scope = "sequences"
    ranks = (1, 2)

    def __init__(
        self,
        shape: Sequence[int | None] | int,
        *,
        moments: tuple[Any, Any] | None = None,
        data_format: str | None = None,
        **given: Any,
    ) -> None:
        super().__init__(shape, moments=moments, data_format=data_format, **given)
        if split(self)[0] is None:
            raise ValueError(
                f"Sequences: 'shape' must say how many channels there are, got "
                f"{shape!r}"
            )

    def space(self, hp: Any, name: str) -> dict[str, Any]:
        with hp.name_scope(name):
            return {
                "augmentation": spaces.sequence_augmentation(
                    hp, data_format=self.data_format, **self._part(AUGMENTATION)
                ),
                "stages": stages.stages(
                    hp,
                    "stages",
                    sizes=split(self)[1],
                    kernels=spaces.among(5, 3, 9),
                    given=self._part(stages.ARGUMENTS),
                ),
            }

    def layers(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        changes = config["augmentation"]["layers"]
        return [
            *add_channel(self),
            *self._standardize(-1 if self.data_format == "channels_last" else 1),
            *([Augment(changes, name="augmentation")] if changes else []),
            *stages.make_stages(config["stages"], split(self)[1], self.data_format),
        ]


class Tokens(Encoder):
    """Sequences of whole numbers that stand for words or symbols.

    An embedding of the searched size `embedding`, then stages as for `Sequences`.

    Args:
        shape: `(steps,)`; the steps may be None.
        vocabulary: How many different numbers there are: they are 0 to one less.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `shape` or `vocabulary` does not fit.

    Example:
        >>> import keras_tuner as kt
        >>> text = Tokens((20,), vocabulary=100)
        >>> text.space(kt.HyperParameters(), "text")["embedding"]
        32
    """

    arguments = ("embedding", *stages.ARGUMENTS)
    scope = "tokens"
    dtype = "int32"

    def __init__(
        self, shape: Sequence[int | None] | int, *, vocabulary: int, **given: Any
    ) -> None:
        super().__init__(shape, data_format="channels_last", **given)
        self.vocabulary = positive_int("Tokens", "vocabulary", vocabulary)

    def space(self, hp: Any, name: str) -> dict[str, Any]:
        given = self._part(["embedding"])
        with spaces.Space(hp, "Tokens", name, given, ["embedding"]) as space:
            space.choose("embedding", spaces.among(32, 64, 16))
            config = stages.stages(
                hp,
                "stages",
                sizes=self.shape,
                kernels=spaces.among(5, 3),
                given=self._part(stages.ARGUMENTS),
            )
        return {**space.arguments, "stages": config}

    def layers(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        return [
            keras.layers.Embedding(
                self.vocabulary, config["embedding"], name="embedding"
            ),
            *stages.make_stages(config["stages"], self.shape, "channels_last"),
        ]
