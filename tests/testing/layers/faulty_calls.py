"""Calls: samples that mix, one sample, graphs, and arguments without sense."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.testing.layers.pair import (
    choice,
    count,
    flag,
    number,
    pair,
    positive,
    register,
)

ALONE = "one sample's output does not depend on the others"
ONE = "a batch of one"
COMPILED = "compiled equals eager, called twice"
NONSENSE = "nonsense is refused by the constructor"


class _UnitRange(layers.Layer):
    def call(self, x):
        return x / ops.maximum(self.largest(ops.abs(x)), 1e-3)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class UnitRangeOfBatch(_UnitRange):
    def largest(self, x):
        return ops.max(x)


@register
class UnitRange(_UnitRange):
    def largest(self, x):
        return ops.max(x, axis=tuple(range(1, len(x.shape))), keepdims=True)


class _Experts(layers.Layer):
    """A mixture of linear maps, weighted by a softmax."""

    def __init__(self, units, experts=3, **kwargs):
        super().__init__(**kwargs)
        self.units, self.experts = count("units", units), count("experts", experts)

    def build(self, input_shape):
        size = input_shape[-1]
        self.gate = self.add_weight(shape=(size, self.experts), name="gate")
        self.kernel = self.add_weight(
            shape=(self.experts, size, self.units), name="kernel"
        )

    def call(self, x):
        gate = ops.softmax(ops.matmul(x, self.gate), axis=self.gate_axis)
        return ops.einsum("bi,be,eiu->bu", x, gate, self.kernel)

    def get_config(self):
        config = super().get_config()
        return {**config, "units": self.units, "experts": self.experts}


@register
class ExpertsCompeteAcrossBatch(_Experts):
    gate_axis = 0


@register
class Experts(_Experts):
    gate_axis = -1


class _Fold(layers.Layer):
    """A dense map of each step, by folding time into the batch."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, x):
        batch, steps, features = ops.shape(x)
        y = ops.tanh(ops.matmul(ops.reshape(x, (-1, features)), self.kernel))
        return self.unfold(y, batch, steps)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class FoldMixes(_Fold):
    def unfold(self, y, batch, steps):
        return ops.transpose(ops.reshape(y, (steps, batch, self.units)), (1, 0, 2))


@register
class Fold(_Fold):
    def unfold(self, y, batch, steps):
        return ops.reshape(y, (batch, steps, self.units))


class _Center(layers.Layer):
    """Standardizes by the batch in training and by moving statistics after."""

    def build(self, input_shape):
        shape = (input_shape[-1],)
        self.mean = self.add_weight(
            shape=shape, name="mean", initializer="zeros", trainable=False
        )
        self.variance = self.add_weight(
            shape=shape, name="variance", initializer="ones", trainable=False
        )

    def call(self, x, training=None):
        y = ops.cast(x, "float32")
        mean, variance = self.mean, self.variance
        if training and self.trainable:
            mean, variance = ops.mean(y, axis=0), self.spread(y)
            for weight, value in ((self.mean, mean), (self.variance, variance)):
                old = ops.cast(weight, "float32")
                weight.assign(ops.cast(0.9 * old + 0.1 * value, weight.dtype))
        mean, variance = ops.cast(mean, "float32"), ops.cast(variance, "float32")
        return ops.cast((y - mean) / ops.sqrt(variance + 1e-3), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class CenterUnbiased(_Center):
    def spread(self, y):
        size = ops.cast(ops.shape(y)[0], "float32")
        return ops.var(y, axis=0) * (size / (size - 1))


@register
class Center(_Center):
    def spread(self, y):
        return ops.var(y, axis=0)


class _Limit(layers.Layer):
    """Shrinks a sample whose largest value is above one."""

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class LimitReadsValue(_Limit):
    def call(self, x):
        if float(ops.max(ops.abs(x))) <= 1:
            return x
        return x / ops.maximum(ops.max(ops.abs(x), axis=-1, keepdims=True), 1)


@register
class Limit(_Limit):
    def call(self, x):
        return x / ops.maximum(ops.max(ops.abs(x), axis=-1, keepdims=True), 1)


class _Ranked(layers.Layer):
    def compute_output_shape(self, input_shape):
        return input_shape


@register
class RankedByNumpy(_Ranked):
    def call(self, x):
        return tf.numpy_function(np.sort, [x], x.dtype)


@register
class Ranked(_Ranked):
    def call(self, x):
        return ops.sort(x, axis=-1)


class _StepDrop(layers.Layer):
    """Drops whole steps in training."""

    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.check(rate)
        self.rate, self.seed = rate, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x, training=None):
        if not training:
            return x
        shape = (*ops.shape(x)[:2], 1)
        draw = keras.random.uniform(shape, dtype="float32", seed=self.generator)
        keep = ops.cast(draw >= self.rate, x.dtype)
        return x * keep / ops.cast(1 - self.rate, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@register
class StepDropAnyRate(_StepDrop):
    def check(self, rate):
        if isinstance(rate, bool) or not isinstance(rate, int | float) or rate != rate:
            raise ValueError(f"rate must be a number, got {rate!r}")


@register
class StepDropNan(_StepDrop):
    def check(self, rate):
        if isinstance(rate, bool) or rate < 0 or rate >= 1:
            raise ValueError(f"rate must be in [0, 1), got {rate!r}")


@register
class StepDrop(_StepDrop):
    def check(self, rate):
        number("rate", rate, 0, 1)


class _Window(layers.Layer):
    """The largest of each window of steps, one window every few steps."""

    def __init__(self, size=2, stride=1, padding="valid", **kwargs):
        super().__init__(**kwargs)
        self.check(size, stride, padding)
        self.size, self.stride, self.padding = size, stride, padding

    def call(self, x):
        if self.padding == "same":
            x = ops.concatenate([x] + [x[:, -1:]] * (self.size - 1), axis=1)
        end = ops.shape(x)[1] - self.size + 1
        windows = [x[:, i : i + end] for i in range(self.size)]
        return ops.max(ops.stack(windows), axis=0)[:, :: self.stride]

    def get_config(self):
        config = super().get_config()
        sizes = {"size": self.size, "stride": self.stride}
        return {**config, **sizes, "padding": self.padding}


@register
class WindowAnyPadding(_Window):
    def check(self, size, stride, padding):
        count("size", size)
        count("stride", stride)


@register
class WindowAnyStride(_Window):
    def check(self, size, stride, padding):
        count("size", size)
        choice("padding", padding, ("valid", "same"))


@register
class Window(_Window):
    def check(self, size, stride, padding):
        count("size", size)
        count("stride", stride)
        choice("padding", padding, ("valid", "same"))


class _Reduce(layers.Layer):
    modes = {"mean": ops.mean, "sum": ops.sum, "max": ops.max}  # noqa: RUF012

    def __init__(self, mode="mean", **kwargs):
        super().__init__(**kwargs)
        self.mode = self.known(mode)

    def call(self, x):
        return self.modes[self.mode](x, axis=1)

    def get_config(self):
        return {**super().get_config(), "mode": self.mode}


@register
class ReduceLate(_Reduce):
    def known(self, mode):
        return mode


@register
class Reduce(_Reduce):
    def known(self, mode):
        return choice("mode", mode, tuple(self.modes))


class _Temper(layers.Layer):
    def __init__(self, temperature=1.0, log=False, **kwargs):
        super().__init__(**kwargs)
        self.check(temperature, log)
        self.temperature, self.log = temperature, log

    def call(self, x):
        y = ops.cast(x, "float32") / self.temperature
        y = ops.log_softmax(y) if self.log else ops.softmax(y)
        return ops.cast(y, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        config = super().get_config()
        return {**config, "temperature": self.temperature, "log": self.log}


@register
class TemperZero(_Temper):
    def check(self, temperature, log):
        number("temperature", temperature, 0, float("inf"))
        flag("log", log)


@register
class TemperTruthy(_Temper):
    def check(self, temperature, log):
        positive("temperature", temperature)


@register
class Temper(_Temper):
    def check(self, temperature, log):
        positive("temperature", temperature)
        flag("log", log)


VECTOR, STEPS = (None, 6), (None, 5, 4)
PAIRS = [
    pair(ALONE, "divides by the largest value of the whole batch",
         UnitRangeOfBatch, UnitRange, STEPS),
    pair(ALONE, "the softmax of the gate runs over the batch",
         ExpertsCompeteAcrossBatch, Experts, VECTOR, units=4),
    pair(ALONE, "time folded into the batch is unfolded in the wrong order",
         FoldMixes, Fold, STEPS, units=3),
    pair(ONE, "the unbiased variance of a batch of one is NaN, and stays so",
         CenterUnbiased, Center, VECTOR),
    pair(COMPILED, "Python reads the value of a tensor to choose a branch",
         LimitReadsValue, Limit, VECTOR),
    pair(COMPILED, "a NumPy function in the graph, which XLA cannot compile",
         RankedByNumpy, Ranked, VECTOR),
    pair(NONSENSE, "a rate below 0 or above 1 is taken",
         StepDropAnyRate, StepDrop, STEPS, name="StepDropAnyRate"),
    pair(NONSENSE, "NaN passes a check made of two comparisons",
         StepDropNan, StepDrop, STEPS, name="StepDropNan"),
    pair(NONSENSE, "a mistyped padding is taken for 'valid'",
         WindowAnyPadding, Window, STEPS, name="WindowAnyPadding"),
    pair(NONSENSE, "a stride of zero or less is taken; -1 turns time round",
         WindowAnyStride, Window, STEPS, name="WindowAnyStride"),
    pair(NONSENSE, "an unknown mode is found only in the first call",
         ReduceLate, Reduce, STEPS),
    pair(NONSENSE, "a temperature of zero is taken",
         TemperZero, Temper, VECTOR, name="TemperZero"),
    pair(NONSENSE, "any string is taken for a flag, and 'no' means yes",
         TemperTruthy, Temper, VECTOR, name="TemperTruthy"),
]  # fmt: skip
