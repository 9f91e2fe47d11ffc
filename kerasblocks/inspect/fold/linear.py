"""Convolutions and `Dense`: their weights with a scale and shift folded in."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

AVERAGES = (
    layers.AveragePooling1D,
    layers.AveragePooling2D,
    layers.AveragePooling3D,
)
MAXIMA = (layers.MaxPooling1D, layers.MaxPooling2D, layers.MaxPooling3D)

_CONVOLUTIONS = (layers.Conv1D, layers.Conv2D, layers.Conv3D)
_DEPTHWISE = (layers.DepthwiseConv1D, layers.DepthwiseConv2D)
_SEPARABLE = (layers.SeparableConv1D, layers.SeparableConv2D)
_TRANSPOSED = (layers.Conv1DTranspose, layers.Conv2DTranspose, layers.Conv3DTranspose)
_KINDS = (*_CONVOLUTIONS, *_DEPTHWISE, *_SEPARABLE, *_TRANSPOSED, layers.Dense)


def array(variable: Any) -> np.ndarray:
    """The value of a weight in float64."""
    return keras.ops.convert_to_numpy(variable).astype("float64")


def is_foldable(layer: Any) -> bool:
    """Whether a scale and shift can be folded into the weights of the layer.

    Not into those of a subclass, whose call may do anything, of a layer that is
    quantized or has LoRA weights, or of a layer with constraints.
    """
    return (
        type(layer) in _KINDS
        and layer.built
        and layer.autocast
        and getattr(layer, "quantization_mode", None) is None
        and not getattr(layer, "lora_enabled", False)
        and not any(
            getattr(layer, f"{name}_constraint", None)
            for name in ("kernel", "depthwise", "pointwise", "bias")
        )
    )


def is_convolution(layer: Any) -> bool:
    """Whether it is a foldable convolution that is not transposed."""
    return is_foldable(layer) and type(layer) not in (*_TRANSPOSED, layers.Dense)


def is_pointwise(layer: Any) -> bool:
    """Whether it is a foldable 1x1 convolution without strides."""
    ones = ("kernel_size", "strides")
    return (
        is_foldable(layer)
        and type(layer) in _CONVOLUTIONS
        and all(set(getattr(layer, name)) == {1} for name in ones)
    )


def has_no_activation(layer: Any) -> bool:
    """Whether the layer has no activation of its own."""
    return layer.activation in (None, keras.activations.linear)


def channel_axis(layer: Any, rank: int) -> int:
    """The axis of the layer's channels, counted from the front."""
    first = getattr(layer, "data_format", None) == "channels_first"
    return 1 if first else rank - 1


def _sees_padding(layer: Any) -> bool:
    """Whether padding with zeros enters the output."""
    if isinstance(layer, layers.Dense):
        return False
    return layer.padding != "valid" and set(layer.kernel_size) != {1}


def scaled_after(layer: Any, scale: np.ndarray, shift: np.ndarray) -> dict:
    """The weights with which the layer returns `scale * y + shift` instead of `y`."""
    new = weights(layer)
    last = "pointwise_kernel" if type(layer) in _SEPARABLE else "kernel"
    factor = scale
    if type(layer) in _DEPTHWISE:
        factor = scale.reshape(new[last].shape[-2:])
    elif type(layer) in _TRANSPOSED:
        factor = scale[:, None]  # the kernels end in (outputs, inputs)
    new[last] = new[last] * factor
    new["bias"] = new.get("bias", 0.0) * scale + shift
    return new


def scaled_before(layer: Any, scale: np.ndarray, shift: np.ndarray) -> dict | None:
    """The weights with which the layer returns for `x` what it did for its image.

    The image is `scale * x + shift`. There are no such weights, and the result is None,
    if padding enters the output: its zeros are not shifted.
    """
    if type(layer) in _TRANSPOSED or (shift.any() and _sees_padding(layer)):
        return None
    new = weights(layer)
    first = "depthwise_kernel" if type(layer) in _SEPARABLE else "kernel"
    kernel = new[first]
    new[first] = kernel * _by_input(layer, kernel, scale)
    if shift.any():
        constant = kernel * _by_input(layer, kernel, shift)
        constant = constant.sum(axis=tuple(range(kernel.ndim - 2)))
        if type(layer) in _SEPARABLE:
            pointwise = new["pointwise_kernel"]
            constant = constant.ravel() @ pointwise.reshape(-1, pointwise.shape[-1])
        elif type(layer) in _DEPTHWISE:
            constant = constant.ravel()
        else:
            constant = constant.sum(axis=0)
        new["bias"] = new.get("bias", 0.0) + constant
    return new


def _by_input(layer: Any, kernel: np.ndarray, values: np.ndarray) -> np.ndarray:
    """A value for each input channel, in a shape that multiplies the kernel."""
    if type(layer) in (*_DEPTHWISE, *_SEPARABLE):
        return values[:, None]
    # Kernels end in (inputs of a group, outputs of all groups).
    groups = getattr(layer, "groups", 1)
    columns = values.reshape(groups, -1).T
    return np.repeat(columns, kernel.shape[-1] // groups, axis=1)


def fits(layer: Any, new: dict[str, np.ndarray]) -> bool:
    """Whether the weights are finite in the compute dtype of the layer."""
    dtype = "float16" if layer.compute_dtype == "float16" else "float32"
    largest = np.finfo(dtype).max
    return all(np.all(np.abs(value) <= largest) for value in new.values())


def weights(layer: Any) -> dict[str, np.ndarray]:
    """The layer's weights by name, in float64."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias")
    held = {name: getattr(layer, name, None) for name in names}
    return {name: array(value) for name, value in held.items() if value is not None}
