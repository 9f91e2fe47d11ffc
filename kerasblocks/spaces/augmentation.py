"""The spaces of augmentation: random changes that only training sees."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.parallel import Parallel
from kerasblocks.spaces.domains import among
from kerasblocks.spaces.space import Space

FLIPS = (None, "horizontal", "vertical", "horizontal_and_vertical")


def image_augmentation(
    hp: Any,
    name: str = "augmentation",
    *,
    value_range: tuple[float, float] = (0.0, 255.0),
    data_format: str | None = None,
    **given: Any,
) -> dict[str, list[keras.layers.Layer]]:
    """The space of random changes of images, for `Augment`.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        value_range: The least and the largest value in the images.
        data_format: As for the blocks.
        **given: What is fixed, or narrowed by `among` and `between`: `shift`, `zoom`
            and `rotation` (each the largest, as a share of the size or of a turn),
            `contrast` (0 to 1), and `flip` (None, "horizontal", "vertical" or
            "horizontal_and_vertical"), which is not searched: a mirrored 3 is no 3.

    Returns:
        A dict with `layers`, those that change something.

    Raises:
        TypeError: `given` has another name.
        ValueError: A value is not legal.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks.blocks.augment import Augment
        >>> hp = kt.HyperParameters()
        >>> flip = {"flip": "horizontal", "rotation": 0.0}
        >>> augment = Augment(**image_augmentation(hp, shift=0.1, **flip))
        >>> [type(layer).__name__ for layer in augment.layers]
        ['RandomFlip', 'RandomTranslation']
    """
    legal = ["flip", "shift", "rotation", "zoom", "contrast"]
    with Space(hp, "image_augmentation", name, given, legal) as space:
        flip = space.choose("flip", among(None), legal=FLIPS)
        shift = space.choose("shift", among(0.05, 0.0, 0.1))
        rotation = space.choose("rotation", among(0.02, 0.0, 0.05))
        zoom = space.choose("zoom", among(0.0, 0.1))
        contrast = space.choose("contrast", among(0.0, 0.2))
    common = {"data_format": data_format}
    moves = {"fill_mode": "nearest", **common}
    layers = keras.layers
    made = [
        flip and layers.RandomFlip(flip, **common),
        shift and layers.RandomTranslation(shift, shift, **moves),
        rotation and layers.RandomRotation(rotation, **moves),
        zoom and layers.RandomZoom((-zoom, zoom), **moves),
        contrast and layers.RandomContrast(contrast, value_range),
    ]
    return {"layers": [layer for layer in made if layer]}


def sequence_augmentation(
    hp: Any, name: str = "augmentation", *, data_format: str | None = None, **given: Any
) -> dict[str, list[keras.layers.Layer]]:
    """The space of random changes of sequences of standardized numbers, for `Augment`.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        data_format: As for the blocks.
        **given: What is fixed, or narrowed by `among` and `between`: `jitter`, the
            standard deviation of noise on each number, and `scaling`, that of the
            factor by which each channel of a sequence is multiplied.

    Returns:
        A dict with `layers`, those that change something.

    Raises:
        TypeError: `given` has another name.

    Example:
        >>> import keras_tuner as kt
        >>> sequence_augmentation(kt.HyperParameters(), jitter=0.1, scaling=0.0)
        {'layers': [<GaussianNoise name=..., built=True>]}

    Reference: Um et al., Data Augmentation of Wearable Sensor Data for Parkinson's
    Disease Monitoring using Convolutional Neural Networks, ICMI 2017.
    """
    legal = ["jitter", "scaling"]
    with Space(hp, "sequence_augmentation", name, given, legal) as space:
        jitter = space.choose("jitter", among(0.1, 0.0, 0.05))
        scaling = space.choose("scaling", among(0.1, 0.0, 0.2))
    layers = []
    if jitter:
        layers.append(keras.layers.GaussianNoise(jitter))
    if scaling:
        layers.append(_random_scale(scaling, data_format))
    return {"layers": layers}


def _random_scale(deviation: float, data_format: str | None) -> Parallel:
    """The input times a random factor for each channel, of Keras layers alone."""
    factors = [
        keras.layers.GlobalAveragePooling1D(data_format=data_format, keepdims=True),
        keras.layers.Rescaling(0.0, 1.0),  # ones
        keras.layers.GaussianNoise(deviation),
    ]
    return Parallel([[], factors], merge="multiply", name="random_scale")
