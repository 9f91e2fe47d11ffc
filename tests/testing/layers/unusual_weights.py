"""Right layers whose weights train in unusual ways."""

import keras
from keras import constraints, layers, ops, regularizers

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import count


@register
class QuietActivity(layers.Layer):
    """The base class sees to the activity regularizer."""

    def __init__(self, activity_regularizer="l2", **kwargs):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)

    def build(self, input_shape):
        self.gain = self.add_weight(
            shape=(input_shape[-1],), name="gain", initializer="ones"
        )

    def call(self, x):
        return ops.tanh(x * self.gain)


@register
class Restrained(layers.Layer):
    def __init__(self, kernel_regularizer="l1", kernel_constraint="max_norm", **kwargs):
        super().__init__(**kwargs)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1],) * 2,
            name="kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def call(self, x):
        return ops.matmul(x, self.kernel)

    def get_config(self):
        return {
            **super().get_config(),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
        }


@register
class ZeroGate(layers.Layer):
    """A residual branch that starts shut: its kernel moves after its gate."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1],) * 2, name="kernel")
        self.gate = self.add_weight(shape=(), name="gate", initializer="zeros")

    def call(self, x):
        return x + self.gate * ops.tanh(ops.matmul(x, self.kernel))


@register
class LowRank(layers.Layer):
    """A frozen kernel and a trained correction that starts at zero."""

    def __init__(self, units, rank=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.rank = count("units", units), count("rank", rank)

    def build(self, input_shape):
        size = input_shape[-1]
        self.kernel = self.add_weight(
            shape=(size, self.units), name="kernel", trainable=False
        )
        self.down = self.add_weight(shape=(size, self.rank), name="down")
        self.up = self.add_weight(
            shape=(self.rank, self.units), name="up", initializer="zeros"
        )

    def call(self, x):
        correction = ops.matmul(ops.matmul(x, self.down), self.up)
        return ops.matmul(x, self.kernel) + correction

    def get_config(self):
        return {**super().get_config(), "units": self.units, "rank": self.rank}


@register
class MostlyOff(layers.Layer):
    """One rectified unit that few samples switch on."""

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], 1), name="kernel", initializer="ones"
        )
        self.bias = self.add_weight(
            shape=(1,), name="bias", initializer=keras.initializers.Constant(-2.0)
        )

    def call(self, x):
        return ops.relu(ops.matmul(x, self.kernel) + self.bias)


@register
class NormBlock(layers.Layer):
    """In training the samples of a batch depend on each other, as they should."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.dense = layers.Dense(units, use_bias=False, dtype=self.dtype_policy)
        self.norm = layers.BatchNormalization(momentum=0.5, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense.build(input_shape)
        self.norm.build((*input_shape[:-1], self.units))

    def call(self, x, training=None):
        return ops.silu(self.norm(self.dense(x), training=training))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


STEPS, IMAGE, VECTOR = (None, 6, 4), (None, 4, 6, 3), (None, 4)
CASES = [
    case("the activity regularizer is on by default", QuietActivity, STEPS),
    case("regularizer and constraint are on by default", Restrained, VECTOR),
    case("the kernel has a gradient of zero until the gate has moved",
         ZeroGate, VECTOR),
    case("one factor has a gradient of zero until the other has moved",
         LowRank, VECTOR, units=3),
    case("many batches give no gradient, some do", MostlyOff, VECTOR),
    case("samples depend on each other in training", NormBlock, STEPS, units=3),
]  # fmt: skip
