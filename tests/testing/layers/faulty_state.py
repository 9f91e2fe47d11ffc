"""State: weights made by build, saving, moving statistics, shared state."""

from types import SimpleNamespace

import keras
import numpy as np
from keras import layers, ops

from tests.testing.layers.pair import count, flag, pair, register

BUILD = "build alone creates all weights"
RELOAD = "reload gives equal outputs, losses, masks and state, and trains on"
PATHS = "weight paths are unique"


class _TwoLayers(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.first = layers.Dense(units, "relu", dtype=self.dtype_policy)
        self.second = layers.Dense(units, dtype=self.dtype_policy)

    def call(self, x):
        return self.second(self.first(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class TwoLayersNoBuild(_TwoLayers):
    pass


@register
class TwoLayers(_TwoLayers):
    def build(self, input_shape):
        self.first.build(input_shape)
        self.second.build(self.first.compute_output_shape(input_shape))


class _Stack(layers.Layer):
    def __init__(self, units, depth=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.depth = count("units", units), count("depth", depth)
        self.blocks = [
            layers.Dense(units, "tanh", name=self.label(i), dtype=self.dtype_policy)
            for i in range(depth)
        ]

    def build(self, input_shape):
        for block in self.blocks:
            block.build(input_shape)
            input_shape = block.compute_output_shape(input_shape)

    def call(self, x):
        for block in self.blocks:
            x = block(x)
        return x

    def get_config(self):
        return {**super().get_config(), "units": self.units, "depth": self.depth}


@register
class StackOneName(_Stack):
    def label(self, i):
        return "block"


@register
class Stack(_Stack):
    def label(self, i):
        return f"block_{i}"


class _Head(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        dense = layers.Dense(units, dtype=self.dtype_policy)
        self.keep(dense)

    def build(self, input_shape):
        self.parts.dense.build(input_shape)

    def call(self, x):
        return self.parts.dense(x)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class HeadHidden(_Head):
    def keep(self, dense):
        self.parts = SimpleNamespace(dense=dense)


@register
class Head(_Head):
    def keep(self, dense):
        self.dense = dense
        self.parts = SimpleNamespace(dense=dense)


class _Affine(layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.gain = self.add_weight(shape=shape, name="gain", initializer="ones")
        self.shift = self.add_weight(shape=shape, name="shift")

    def call(self, x):
        return x * self.gain + self.shift

    def save_own_variables(self, store):
        for key, weight in self.stored().items():
            store[key] = ops.convert_to_numpy(weight)

    def load_own_variables(self, store):
        for key, weight in self.stored().items():
            weight.assign(store[key])


@register
class AffineSavesGain(_Affine):
    def stored(self):
        return {"gain": self.gain}


@register
class Affine(_Affine):
    def stored(self):
        return {"gain": self.gain, "shift": self.shift}


class _RandomFourier(layers.Layer):
    """Cosine features of fixed random frequencies."""

    def __init__(self, features, **kwargs):
        super().__init__(**kwargs)
        self.features = count("features", features)

    def call(self, x):
        return ops.cos(ops.matmul(x, ops.cast(self.frequencies, x.dtype)))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.features)

    def get_config(self):
        return {**super().get_config(), "features": self.features}


@register
class RandomFourierNumpy(_RandomFourier):
    def build(self, input_shape):
        shape = (input_shape[-1], self.features)
        self.frequencies = np.random.default_rng().normal(0.0, 1.0, shape)


@register
class RandomFourier(_RandomFourier):
    def build(self, input_shape):
        self.frequencies = self.add_weight(
            shape=(input_shape[-1], self.features),
            name="frequencies",
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
        )


class _Tokens(layers.Layer):
    def __init__(self, size=8, units=3, mask_zero=True, **kwargs):
        super().__init__(**kwargs)
        self.size, self.units = count("size", size), count("units", units)
        self.mask_zero = flag("mask_zero", mask_zero)

    def build(self, input_shape):
        self.table = self.add_weight(
            shape=(self.size, self.units), name="table", initializer="random_normal"
        )

    def call(self, x):
        return ops.take(self.table, ops.cast(x, "int32"), axis=0)

    def compute_mask(self, x, mask=None):
        return ops.not_equal(x, 0) if self.mask_zero else None

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.units)


@register
class TokensLoseMask(_Tokens):
    def __init__(self, size=8, units=3, mask_zero=False, **kwargs):
        super().__init__(size, units, mask_zero, **kwargs)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "units": self.units}


@register
class Tokens(_Tokens):
    def __init__(self, size=8, units=3, mask_zero=False, **kwargs):
        super().__init__(size, units, mask_zero, **kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "size": self.size,
            "units": self.units,
            "mask_zero": self.mask_zero,
        }


class _GainDense(layers.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(count("units", units), **kwargs)

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(self.units,), name="gain", initializer="random_normal"
        )
        super().build(input_shape)

    def call(self, x, training=None):
        return super().call(x, training=training) * self.gain


@register
class GainDenseUnsaved(_GainDense):
    pass


@register
class GainDense(_GainDense):
    def save_own_variables(self, store):
        super().save_own_variables(store)
        store["gain"] = ops.convert_to_numpy(self.gain)

    def load_own_variables(self, store):
        super().load_own_variables(store)
        self.gain.assign(store["gain"])


class _Mix(layers.Layer):
    def build(self, input_shape):
        shape = (input_shape[-1],) * 2
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, x):
        return x + ops.matmul(x, self.kernel)


@register
class MixFrozenOnLoad(_Mix):
    @classmethod
    def from_config(cls, config):
        layer = super().from_config(config)
        layer.trainable = False
        return layer


@register
class Mix(_Mix):
    pass


VECTOR, STEPS = (None, 6), (None, 5, 4)
PAIRS = [
    pair(BUILD, "no build method: the weights inside wait for the first call",
         TwoLayersNoBuild, TwoLayers, VECTOR, units=4),
    pair(PATHS, "the sublayers of a list all have one name",
         StackOneName, Stack, STEPS, units=4),
    pair(RELOAD, "the sublayer sits in a plain object, where Keras does not see it",
         HeadHidden, Head, STEPS, units=3),
    pair(RELOAD, "save_own_variables forgets one of the weights",
         AffineSavesGain, Affine, STEPS),
    pair(RELOAD, "a subclass of Dense has one more weight, which Dense does not save",
         GainDenseUnsaved, GainDense, VECTOR, units=3),
    pair(RELOAD, "fixed random numbers of NumPy in place of a weight",
         RandomFourierNumpy, RandomFourier, VECTOR, features=4),
    pair(RELOAD, "mask_zero is not in the config: a reloaded layer makes no mask",
         TokensLoseMask, Tokens, (None, 5), "int32", mask_zero=True),
    pair(RELOAD, "from_config freezes the layer, which trains no more after a reload",
         MixFrozenOnLoad, Mix, VECTOR),
]  # fmt: skip
