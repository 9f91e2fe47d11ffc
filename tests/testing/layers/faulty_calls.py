"""Calls: samples that mix, one sample, graphs, and arguments without sense."""

import numpy as np
import tensorflow as tf
from keras import layers, ops

from tests.testing.layers.pair import (
    count,
    pair,
    register,
)

ALONE = "one sample's output does not depend on the others"
ONE = "a batch of one"
COMPILED = "compiled equals eager, called twice"


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
]  # fmt: skip
