"""Configs: JSON, complete, the caller's own, and good for a second time."""

import keras
import numpy as np
from keras import activations, initializers, layers, ops

from tests.testing.layers.pair import count, pair, positive, register

CONFIG = "config is JSON, complete, aliases nothing, survives twice"
KEPT = "name, dtype and trainable come back"
SWALLOWED = "no argument silently swallowed"
APART = "two instances share nothing"


class _Standardize(layers.Layer):
    def __init__(self, scale=(1.0, 2.0, 0.5), **kwargs):
        super().__init__(**kwargs)
        scale = np.asarray(scale, "float32")
        good = scale.ndim == 1 and scale.size > 0 and np.all(np.isfinite(scale))
        if not good or np.any(scale <= 0):
            raise ValueError("scale must be positive numbers, one for each feature")
        self.scale = scale

    def build(self, input_shape):
        if input_shape[-1] != len(self.scale):
            raise ValueError(f"{len(self.scale)} scales for {input_shape[-1]} features")

    def call(self, x):
        return x / ops.cast(self.scale, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class StandardizeArray(_Standardize):
    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@register
class Standardize(_Standardize):
    def get_config(self):
        return {**super().get_config(), "scale": self.scale.tolist()}


class _Tower(layers.Layer):
    def __init__(self, sizes=(4, 3), **kwargs):
        super().__init__(**kwargs)
        self.sizes = [count("sizes", size) for size in sizes]
        if not self.sizes:
            raise ValueError("sizes must have at least one entry")
        self.steps = [
            layers.Dense(size, activation="tanh", dtype=self.dtype_policy)
            for size in self.sizes
        ]

    def build(self, input_shape):
        for step in self.steps:
            step.build(input_shape)
            input_shape = step.compute_output_shape(input_shape)

    def call(self, x):
        for step in self.steps:
            x = step(x)
        return x


@register
class TowerLiveList(_Tower):
    def __init__(self, sizes=(4, 3), **kwargs):
        super().__init__(sizes, **kwargs)
        self.settings = {"sizes": list(self.sizes)}

    def get_config(self):
        config = self.settings
        config.update(super().get_config())
        return config


@register
class Tower(_Tower):
    def __init__(self, sizes=(4, 3), **kwargs):
        super().__init__(sizes, **kwargs)
        self.settings = {"sizes": list(self.sizes)}

    def get_config(self):
        return {**super().get_config(), "sizes": list(self.settings["sizes"])}


class _Gate(layers.Layer):
    """Scales its features by a gate made of them."""

    def __init__(self, activation="sigmoid", **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1],) * 2, name="kernel")

    def call(self, x):
        return x * self.activation(ops.matmul(x, self.kernel))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        name = activations.serialize(self.activation)
        return {**super().get_config(), "activation": name}


@register
class GatePopsConfig(_Gate):
    @classmethod
    def from_config(cls, config):
        activation = config.pop("activation")
        return cls(activation=activations.deserialize(activation), **config)


@register
class Gate(_Gate):
    @classmethod
    def from_config(cls, config):
        config = dict(config)
        activation = config.pop("activation")
        return cls(activation=activations.deserialize(activation), **config)


class _Clip(layers.Layer):
    def _set(self, limit):
        self.limit = positive("limit", limit)

    def call(self, x):
        return ops.clip(x, -self.limit, self.limit)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


@register
class ClipDropsTrainable(_Clip):
    def __init__(self, limit=1.0, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype)
        if set(kwargs) - {"trainable"}:
            raise TypeError(f"unknown arguments: {sorted(kwargs)}")
        self._set(limit)


@register
class ClipKeepsTrainable(_Clip):
    def __init__(self, limit=1.0, name=None, dtype=None, **kwargs):
        super().__init__(name=name, dtype=dtype, **kwargs)
        self._set(limit)


@register
class ClipTakesAnything(_Clip):
    def __init__(self, limit=1.0, **kwargs):
        known = ("name", "dtype", "trainable")
        super().__init__(**{key: kwargs[key] for key in known if key in kwargs})
        self._set(limit)


@register
class Clip(_Clip):
    def __init__(self, limit=1.0, **kwargs):
        super().__init__(**kwargs)
        self._set(limit)


class _Maxout(layers.Layer):
    def __init__(self, units, pieces=2, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.pieces = count("pieces", pieces)

    def build(self, input_shape):
        shape = (input_shape[-1], self.pieces * self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, x):
        y = ops.matmul(x, self.kernel)
        shape = (*ops.shape(y)[:-1], self.units, self.pieces)
        return ops.max(ops.reshape(y, shape), axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


@register
class MaxoutBareConfig(_Maxout):
    def get_config(self):
        return {"units": self.units, "pieces": self.pieces}


@register
class Maxout(_Maxout):
    def get_config(self):
        base = super().get_config()
        return {**base, "units": self.units, "pieces": self.pieces}


class _Residual(layers.Layer):
    def __init__(self, norm, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(norm, layers.Layer):
            raise TypeError(f"norm must be a layer, got {norm!r}")
        self.norm = norm

    def build(self, input_shape):
        if not self.norm.built:
            self.norm.build(input_shape)

    def call(self, x):
        return x + ops.tanh(self.norm(x))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        norm = keras.saving.serialize_keras_object(self.norm)
        return {**config, "norm": norm}

    @classmethod
    def from_config(cls, config):
        norm = keras.saving.deserialize_keras_object(config["norm"])
        return super().from_config({**config, "norm": norm})


@register
class ResidualSharedDefault(_Residual):
    def __init__(self, norm=layers.LayerNormalization(), **kwargs):  # noqa: B008
        super().__init__(norm, **kwargs)


@register
class Residual(_Residual):
    def __init__(self, norm=None, **kwargs):
        if norm is None:
            norm = layers.LayerNormalization(dtype=kwargs.get("dtype"))
        super().__init__(norm, **kwargs)


class _Shift(layers.Layer):
    def build(self, input_shape):
        self.offset = self.add_weight(
            shape=(input_shape[-1],), name="offset", initializer="random_normal"
        )

    def call(self, x):
        return x + self.offset


@register
class ShiftRenames(_Shift):
    def __init__(self, name=None, **kwargs):
        super().__init__(name=name and f"{name}_block", **kwargs)


@register
class ShiftKeepsName(_Shift):
    def __init__(self, name=None, **kwargs):
        super().__init__(name=name, **kwargs)


@register
class ShiftSavesVariableDtype(_Shift):
    def get_config(self):
        return {**super().get_config(), "dtype": self.dtype}


@register
class Shift(_Shift):
    pass


class _Rotate(layers.Layer):
    def __init__(self, kernel_initializer="he_normal", **kwargs):
        super().__init__(**kwargs)
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1],) * 2,
            name="kernel",
            initializer=self.kernel_initializer,
        )

    def call(self, x):
        return ops.matmul(x, self.kernel)


@register
class RotateRawInitializer(_Rotate):
    def get_config(self):
        config = super().get_config()
        config["kernel_initializer"] = self.kernel_initializer
        return config


@register
class Rotate(_Rotate):
    def get_config(self):
        config = super().get_config()
        made = initializers.serialize(self.kernel_initializer)
        config["kernel_initializer"] = made
        return config


class _Bottleneck(layers.Layer):
    def __init__(self, units, ratio=0.5, **kwargs):
        super().__init__(**kwargs)
        self.units, self.ratio = count("units", units), positive("ratio", ratio)
        if ratio > 1:
            raise ValueError(f"ratio must be at most 1, got {ratio!r}")
        self.inner = max(1, int(units * ratio))
        self.down = layers.Dense(self.inner, "gelu", dtype=self.dtype_policy)
        self.up = layers.Dense(units, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.down.build(input_shape)
        self.up.build((*input_shape[:-1], self.inner))

    def call(self, x):
        return self.up(self.down(x))


@register
class BottleneckSavesDerived(_Bottleneck):
    def get_config(self):
        return {**super().get_config(), "units": self.inner, "ratio": self.ratio}


@register
class Bottleneck(_Bottleneck):
    def get_config(self):
        return {**super().get_config(), "units": self.units, "ratio": self.ratio}


STEPS = (None, 5, 3)
PAIRS = [
    pair(CONFIG, "the config holds a NumPy array, which is not JSON",
         StandardizeArray, Standardize, STEPS),
    pair(CONFIG, "get_config gives out the layer's own dict: writing to it changes it",
         TowerLiveList, Tower, STEPS, sizes=(4, 2)),
    pair(CONFIG, "from_config pops an entry out of its caller's dict",
         GatePopsConfig, Gate, STEPS),
    pair(KEPT, "trainable is taken and not handed to Keras",
         ClipDropsTrainable, ClipKeepsTrainable, STEPS),
    pair(SWALLOWED, "an unknown keyword is filtered out without a word",
         ClipTakesAnything, Clip, STEPS),
    pair(KEPT, "get_config leaves out that of the base class",
         MaxoutBareConfig, Maxout, STEPS, units=2),
    pair(APART, "a layer made as a default argument is shared by all instances",
         ResidualSharedDefault, Residual, STEPS),
    pair(KEPT, "the constructor adds to the name, which grows with every reload",
         ShiftRenames, ShiftKeepsName, STEPS),
    pair(KEPT, "the config saves the dtype of the variables in place of the policy",
         ShiftSavesVariableDtype, Shift, STEPS),
    pair(CONFIG, "the config holds an initializer that was not serialized",
         RotateRawInitializer, Rotate, STEPS),
    pair(CONFIG, "the config saves a derived size under the argument's name",
         BottleneckSavesDerived, Bottleneck, STEPS, units=6),
]  # fmt: skip
