"""Convolutions and `Dense` that take over a scale and shift before or after them."""

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
    """A weight's value, in float64."""
    return keras.ops.convert_to_numpy(variable).astype("float64")


def is_foldable(layer: Any) -> bool:
    """Whether the layer's weights can be computed anew.

    Not those of a subclass, whose call may do anything; nor of a layer that holds them
    in another form (quantized, LoRA) or to a constraint.
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
    """Whether it is a foldable convolution, and not a transposed one."""
    return is_foldable(layer) and type(layer) not in (*_TRANSPOSED, layers.Dense)


def is_pointwise(layer: Any) -> bool:
    """Whether each place of the output sees the same place of the input alone."""
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
    """Whether zeros from outside the input enter the output."""
    if isinstance(layer, layers.Dense):
        return False
    return layer.padding != "valid" and set(layer.kernel_size) != {1}


def scaled_after(layer: Any, scale: np.ndarray, shift: np.ndarray) -> dict:
    """The weights with which the layer gives `scale * y + shift` instead of `y`."""
    new = weights(layer)
    last = "pointwise_kernel" if type(layer) in _SEPARABLE else "kernel"
    factor = scale
    if type(layer) in _DEPTHWISE:
        factor = scale.reshape(new[last].shape[-2:])
    elif type(layer) in _TRANSPOSED:
        factor = scale[:, None]  # their kernels end in (outputs, inputs)
    new[last] = new[last] * factor
    new["bias"] = new.get("bias", 0.0) * scale + shift
    return new


def scaled_before(layer: Any, scale: np.ndarray, shift: np.ndarray) -> dict | None:
    """The weights with which it gives for `x` what it gave for `scale * x + shift`.

    None where there are none: zeros from outside the input are not shifted.
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
    """A value for each channel of the input, as a factor of the kernel."""
    if type(layer) in (*_DEPTHWISE, *_SEPARABLE):
        return values[:, None]
    # Kernels end in (inputs of a group, outputs of all groups).
    groups = getattr(layer, "groups", 1)
    columns = values.reshape(groups, -1).T
    return np.repeat(columns, kernel.shape[-1] // groups, axis=1)


def fits(layer: Any, new: dict[str, np.ndarray]) -> bool:
    """Whether the weights are finite in the dtype that the layer computes in."""
    dtype = "float16" if layer.compute_dtype == "float16" else "float32"
    largest = np.finfo(dtype).max
    return all(np.all(np.abs(value) <= largest) for value in new.values())


def weights(layer: Any) -> dict[str, np.ndarray]:
    """The layer's weights by name, in float64."""
    names = ("kernel", "depthwise_kernel", "pointwise_kernel", "bias")
    held = {name: getattr(layer, name, None) for name in names}
    return {name: array(value) for name, value in held.items() if value is not None}


def copy(layer: Any, shape: Any, new: dict[str, np.ndarray], **changes: Any) -> Any:
    """A layer like `layer`, but with these weights and other arguments.

    Without regularizers, which are for training, and of other weights.

    Args:
        layer: A foldable layer.
        shape: The shape of its input, to build the new one for.
        new: The weights by name.
        **changes: Arguments to make it with.
    """
    config = layer.get_config()
    for name in config:
        if name.endswith("_initializer"):
            config[name] = "zeros"  # the quickest
        elif name.endswith("_regularizer"):
            config[name] = None
    config |= {"dtype": layer.dtype_policy, "use_bias": "bias" in new}
    # The activation not through the config: it may be a function without a name.
    made = type(layer).from_config(config | {"activation": None} | changes)
    made.activation = layer.activation
    made.build(shape)
    for name, value in new.items():
        getattr(made, name).assign(value)
    return made
