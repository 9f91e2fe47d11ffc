"""`Encoder`: what turns one input of a ready hypermodel into features."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np

from kerasblocks.core.arguments import did_you_mean, is_positive_int


class Encoder:
    """One input: its shape, and a search over the layers that encode it.

    Args:
        shape: The shape of one sample, None for a size that is not known.
        moments: The mean and the variance of each channel or column in the training
            data: the first layer standardizes by them. None for data that is so
            already.
        data_format: As for the blocks.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `shape` does not fit.
    """

    arguments: ClassVar[tuple[str, ...]] = ()
    """What may be given."""
    scope: ClassVar[str] = "input"
    """The name scope of an input that is alone."""
    ranks: ClassVar[tuple[int, ...]] = (1,)
    """How many sizes a shape may have."""
    dtype: ClassVar[str] = "float32"

    def __init__(
        self,
        shape: Sequence[int | None] | int,
        *,
        moments: tuple[Any, Any] | None = None,
        data_format: str | None = None,
        **given: Any,
    ) -> None:
        owner = type(self).__name__
        for name in given:
            if name not in self.arguments:
                raise TypeError(
                    f"{owner}: unexpected keyword argument {name!r}"
                    f"{did_you_mean(name, self.arguments)}"
                )
        sizes = tuple(shape) if isinstance(shape, Sequence) else (shape,)
        if len(sizes) not in self.ranks or not all(
            size is None or is_positive_int(size) for size in sizes
        ):
            counts = " or ".join(map(str, self.ranks))
            raise ValueError(
                f"{owner}: 'shape' must be that of one sample, {counts} positive ints "
                f"or None, got {shape!r}"
            )
        self.shape = sizes
        self.moments = moments
        self.data_format = data_format or keras.config.image_data_format()
        self.given = given

    def narrowed(self, **given: Any) -> Encoder:
        """The same with more of its space fixed or narrowed."""
        other = copy.copy(self)
        other.given = {**self.given, **given}
        return other

    def input(self, name: str | None = None) -> Any:
        """A Keras input for it."""
        return keras.Input(self.shape, dtype=self.dtype, name=name)

    def space(self, hp: Any, name: str) -> dict[str, Any]:
        """Read the hyperparameters; builds no model."""
        raise NotImplementedError

    def layers(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        """The layers from the input to a vector of features.

        Args:
            config: What `space` gave.
        """
        raise NotImplementedError

    def _part(self, names: Sequence[str]) -> dict[str, Any]:
        """What was given of some names."""
        return {name: self.given[name] for name in names if name in self.given}

    def _standardize(self, axis: int) -> list[keras.layers.Layer]:
        if self.moments is None:
            return []
        mean, variance = (np.asarray(part, "float64").ravel() for part in self.moments)
        # What never changes in the training data must not blow up what does later.
        variance = np.where(variance > 1e-12, variance, 1.0)
        return [
            keras.layers.Normalization(
                axis=axis,
                mean=mean.tolist(),
                variance=variance.tolist(),
                name="standardize",
            )
        ]
