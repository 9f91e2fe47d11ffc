"""Policies, integer inputs, large positions, and the scale of the inputs."""

import keras
import numpy as np
from keras import layers, ops

from tests.testing.layers.pair import count, pair, positive, register

POLICY = "policies give the dtype declared, sublayers included"
NEAR = "half precision stays close to float32"
WHOLE = "integers are not cast, large positions keep their precision"
SCALE = "values of 1e4 and all zeros stay finite"


class _Bias(layers.Layer):
    def call(self, x):
        return x + self.bias

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class BiasFloat32(_Bias):
    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), name="bias", dtype="float32", autocast=False
        )


@register
class BiasComputeDtype(_Bias):
    def build(self, input_shape):
        self.bias = self.add_weight(
            shape=(input_shape[-1],), name="bias", dtype=self.compute_dtype
        )


@register
class Bias(_Bias):
    def build(self, input_shape):
        self.bias = self.add_weight(shape=(input_shape[-1],), name="bias")


class _Mlp(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.up = layers.Dense(2 * units, "gelu", dtype=self.inner_dtype())
        self.down = layers.Dense(units, dtype=self.inner_dtype())

    def build(self, input_shape):
        self.up.build(input_shape)
        self.down.build(self.up.compute_output_shape(input_shape))

    def call(self, x):
        return self.down(self.up(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class MlpVariableDtype(_Mlp):
    def inner_dtype(self):
        return self.dtype


@register
class Mlp(_Mlp):
    def inner_dtype(self):
        return self.dtype_policy


class _SoftSign(layers.Layer):
    def call(self, x):
        return x / (1 + ops.abs(x))


@register
class SoftSignFloat32Spec(_SoftSign):
    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, dtype="float32")


@register
class SoftSign(_SoftSign):
    def compute_output_spec(self, x):
        return keras.KerasTensor(x.shape, dtype=self.compute_dtype)


class _WaveEncoding(layers.Layer):
    """Adds a wave of each feature's own frequency to a sequence."""

    def call(self, x):
        steps = ops.arange(ops.shape(x)[1], dtype="float32")
        waves = 1.0 / np.arange(1, x.shape[-1] + 1, dtype="float32")
        return self.add(x, ops.sin(steps[:, None] * waves))

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class WaveEncodingPromotes(_WaveEncoding):
    def add(self, x, waves):
        return x + waves


@register
class WaveEncoding(_WaveEncoding):
    def add(self, x, waves):
        return x + ops.cast(waves, x.dtype)


class _Lookup(layers.Layer):
    def __init__(self, size=5000, units=3, **kwargs):
        super().__init__(**kwargs)
        self.size, self.units = count("size", size), count("units", units)

    def build(self, input_shape):
        self.table = self.add_weight(
            shape=(self.size, self.units),
            name="table",
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
        )

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.units)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "units": self.units}


@register
class LookupCastsIds(_Lookup):
    def call(self, ids):
        ids = ops.clip(ops.cast(ids, self.compute_dtype), 0, self.size - 1)
        return ops.take(self.table, ops.cast(ids, "int32"), axis=0)


@register
class Lookup(_Lookup):
    def call(self, ids):
        ids = ops.clip(ops.cast(ids, "int32"), 0, self.size - 1)
        return ops.take(self.table, ids, axis=0)


class _TimeWaves(layers.Layer):
    """Sine and cosine of an integer time step."""

    def __init__(self, pairs=3, **kwargs):
        super().__init__(**kwargs)
        self.pairs = count("pairs", pairs)

    def waves(self, time):
        rates = 0.1 ** np.arange(self.pairs, dtype="float32")
        angles = time[..., None] * ops.cast(rates, time.dtype)
        return ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)

    def compute_output_spec(self, time):
        shape = (*time.shape, 2 * self.pairs)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "pairs": self.pairs}


@register
class TimeWavesInHalf(_TimeWaves):
    def call(self, time):
        return self.waves(ops.cast(time, self.compute_dtype))


@register
class TimeWaves(_TimeWaves):
    def call(self, time):
        return ops.cast(self.waves(ops.cast(time, "float32")), self.compute_dtype)


class _RmsNorm(layers.Layer):
    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],), name="gain", initializer="ones"
        )

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class RmsNormInHalf(_RmsNorm):
    def call(self, x):
        power = ops.mean(ops.square(x), axis=-1, keepdims=True)
        return x / (ops.sqrt(power) + 1e-8) * self.gain


@register
class RmsNorm(_RmsNorm):
    def call(self, x):
        y = ops.cast(x, "float32")
        power = ops.mean(ops.square(y), axis=-1, keepdims=True)
        y = y / (ops.sqrt(power) + 1e-8)
        return ops.cast(y, self.compute_dtype) * self.gain


class _CausalAttention(layers.Layer):
    """One head that attends to the past."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        for name in ("query", "key", "value"):
            setattr(self, name, self.add_weight(shape=shape, name=name))

    def call(self, x):
        query, key = ops.matmul(x, self.query), ops.matmul(x, self.key)
        scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / self.units**0.5
        steps = ops.arange(ops.shape(x)[1])
        scores = self.hide(scores, steps[:, None] >= steps)
        return ops.matmul(ops.softmax(scores), ops.matmul(x, self.value))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class CausalAttentionOverflows(_CausalAttention):
    def hide(self, scores, past):
        return scores + (1 - ops.cast(past, scores.dtype)) * -1e9


@register
class CausalAttention(_CausalAttention):
    def hide(self, scores, past):
        least = -3e4 if scores.dtype == "float16" else -1e30
        return ops.where(past, scores, ops.cast(least, scores.dtype))


class _Softmax(layers.Layer):
    def compute_output_shape(self, input_shape):
        return input_shape


@register
class SoftmaxByHand(_Softmax):
    def call(self, x):
        e = ops.exp(x)
        return e / ops.sum(e, axis=-1, keepdims=True)


@register
class SoftmaxShifted(_Softmax):
    def call(self, x):
        e = ops.exp(x - ops.max(x, axis=-1, keepdims=True))
        return e / ops.sum(e, axis=-1, keepdims=True)


class _UnitLength(layers.Layer):
    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, x):
        y = ops.cast(x, "float32")
        length = ops.sqrt(ops.sum(ops.square(y), axis=-1, keepdims=True))
        return ops.cast(self.divide(y, length), self.compute_dtype)


@register
class UnitLengthNoGuard(_UnitLength):
    def divide(self, y, length):
        return y / length


@register
class UnitLength(_UnitLength):
    def divide(self, y, length):
        return y / ops.maximum(length, 1e-6)


@register
class SoftplusByHand(layers.Layer):
    def call(self, x):
        return ops.log(1 + ops.exp(x))


@register
class Softplus(layers.Layer):
    def call(self, x):
        return ops.softplus(x)


class _GeometricMean(layers.Layer):
    """Geometric mean of the sizes of the features."""

    def __init__(self, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.epsilon = positive("epsilon", epsilon)

    def call(self, x):
        return ops.cast(
            self.mean(ops.abs(ops.cast(x, "float32")) + self.epsilon),
            self.compute_dtype,
        )

    def compute_output_shape(self, input_shape):
        return input_shape[:-1]

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}


@register
class GeometricMeanProduct(_GeometricMean):
    def mean(self, y):
        return ops.power(ops.prod(y, axis=-1), 1 / y.shape[-1])


@register
class GeometricMean(_GeometricMean):
    def mean(self, y):
        return ops.exp(ops.mean(ops.log(y), axis=-1))


STEPS, WIDE = (None, 5, 4), (None, 3, 16)
PAIRS = [
    pair(POLICY, "a weight made float32 and not cast makes the output float32",
         BiasFloat32, Bias, STEPS),
    pair(POLICY, "under a mixed policy the weight is kept in half precision",
         BiasComputeDtype, Bias, STEPS),
    pair(POLICY, "sublayers get the dtype of the variables in place of the policy",
         MlpVariableDtype, Mlp, STEPS, units=3),
    pair(POLICY, "the declared dtype is float32 under every policy",
         SoftSignFloat32Spec, SoftSign, STEPS),
    pair(POLICY, "a float32 table promotes a half-precision sequence",
         WaveEncodingPromotes, WaveEncoding, STEPS),
    pair(WHOLE, "ids go through the compute dtype, where near ids become one",
         LookupCastsIds, Lookup, (None, 6), "int32", (0, 4999)),
    pair(WHOLE, "time steps go through the compute dtype before the waves",
         TimeWavesInHalf, TimeWaves, (None, 4), "int32", (0, 20000)),
    pair(SCALE, "1e-8 is zero in float16, so that zeros give NaN there",
         RmsNormInHalf, RmsNorm, WIDE),
    pair(NEAR, "0 times -1e9 is NaN in float16",
         CausalAttentionOverflows, CausalAttention, STEPS, units=4),
    pair(SCALE, "a softmax by hand overflows", SoftmaxByHand, SoftmaxShifted, STEPS),
    pair(SCALE, "zeros are divided by their length",
         UnitLengthNoGuard, UnitLength, STEPS),
    pair(SCALE, "log(1 + exp(x)) overflows", SoftplusByHand, Softplus, STEPS),
    pair(SCALE, "the product of sixteen large features overflows before its root",
         GeometricMeanProduct, GeometricMean, WIDE),
]  # fmt: skip
