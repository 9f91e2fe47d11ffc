"""Training: the flag, gradients, randomness, losses and constraints."""

import keras
import numpy as np
from keras import constraints, layers, ops, regularizers

from tests.testing.layers.pair import count, number, pair, positive, register

FLAG = "what the training argument changes is what training changes"
GRADIENTS = "every trainable weight gets a finite gradient, not always zero"
RANDOM = "two random calls differ, and a seed repeats them"
LOSSES = "losses and constraints reach the model"
INFERENCE = "inference is deterministic"


class _Block(layers.Layer):
    def __init__(self, units, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.seed = count("units", units), seed
        self.rate = number("rate", rate, 0, 1)
        self.dense = layers.Dense(units, "relu", dtype=self.dtype_policy)
        self.drop = layers.Dropout(rate, seed=seed, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense.build(input_shape)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        config = super().get_config()
        return {**config, "units": self.units, "rate": self.rate, "seed": self.seed}


@register
class BlockDropsNever(_Block):
    def call(self, x, training=None):
        return self.drop(self.dense(x), training=False)


@register
class BlockDropsAlways(_Block):
    def call(self, x, training=True):
        return self.drop(self.dense(x), training=training)


@register
class Block(_Block):
    def call(self, x, training=None):
        return self.drop(self.dense(x), training=training)


class _Noise(layers.Layer):
    def __init__(self, stddev=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.stddev, self.seed = positive("stddev", stddev), seed
        self.generator = self.make_generator()

    def make_generator(self):
        return keras.random.SeedGenerator(self.seed)

    def noise(self, x):
        return keras.random.normal(
            ops.shape(x), 0.0, self.stddev, dtype=x.dtype, seed=self.generator
        )

    def call(self, x, training=None):
        return x + self.noise(x) if training else x

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


@register
class NoiseInverted(_Noise):
    def call(self, x, training=None):
        return x if training else x + self.noise(x)


@register
class NoiseSameEachCall(_Noise):
    def make_generator(self):
        return 1337 if self.seed is None else self.seed


@register
class NoiseIgnoresSeed(_Noise):
    def make_generator(self):
        return keras.random.SeedGenerator()


@register
class NoiseFromNumpy(_Noise):
    def make_generator(self):
        return np.random.default_rng(self.seed)

    def noise(self, x):
        sample = self.generator.normal(0.0, self.stddev, x.shape[-1:])
        return ops.cast(sample, x.dtype)


@register
class NoiseFromKeras(_Noise):
    def noise(self, x):
        sample = keras.random.normal(
            x.shape[-1:], 0.0, self.stddev, seed=self.generator
        )
        return ops.cast(sample, x.dtype)


@register
class Noise(_Noise):
    pass


class _Bilinear(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        size = input_shape[-1]
        self.left = self.add_weight(shape=(size, self.units), name="left")
        self.right = self.add_weight(shape=(size, self.units), name="right")
        self.bias = self.add_weight(
            shape=(self.units,), name="bias", initializer="zeros"
        )

    def call(self, x):
        y = ops.matmul(x, self.left) * ops.matmul(x, self.right)
        return self.shift(y)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class BilinearUnusedBias(_Bilinear):
    def shift(self, y):
        return y


@register
class Bilinear(_Bilinear):
    def shift(self, y):
        return y + self.bias


class _HardGate(layers.Layer):
    """Passes the features whose learned gate is open."""

    def build(self, input_shape):
        self.gate = self.add_weight(
            shape=(input_shape[-1],), name="gate", initializer="random_normal"
        )

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class HardGateCutsGradient(_HardGate):
    def call(self, x):
        return x * ops.cast(self.gate > 0, x.dtype)


@register
class HardGate(_HardGate):
    def call(self, x):
        soft = ops.sigmoid(self.gate)
        hard = ops.cast(self.gate > 0, x.dtype)
        return x * (soft + ops.stop_gradient(hard - soft))


class _Entropy(layers.Layer):
    """y log y for what is positive in a projection, zero elsewhere."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1],) * 2, name="kernel")

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class EntropyNanGradient(_Entropy):
    def call(self, x):
        y = ops.relu(ops.matmul(x, self.kernel))
        return ops.where(y > 0, y * ops.log(y), ops.zeros_like(y))


@register
class Entropy(_Entropy):
    def call(self, x):
        y = ops.relu(ops.matmul(x, self.kernel))
        safe = ops.where(y > 0, y, ops.ones_like(y))
        return ops.where(y > 0, y * ops.log(safe), ops.zeros_like(y))


class _Prototypes(layers.Layer):
    def __init__(
        self, units, kernel_constraint="non_neg", kernel_regularizer="l2", **kwargs
    ):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)

    def build(self, input_shape):
        self.kernel = self.add_weight(
            shape=(input_shape[-1], self.units), name="kernel", **self.options()
        )

    def options(self):
        return {
            "constraint": self.kernel_constraint,
            "regularizer": self.kernel_regularizer,
        }

    def call(self, x):
        return ops.matmul(x, self.kernel)

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
        }


@register
class PrototypesUnconstrained(_Prototypes):
    def options(self):
        return {"regularizer": self.kernel_regularizer}


@register
class PrototypesUnregularized(_Prototypes):
    def options(self):
        return {"constraint": self.kernel_constraint}


@register
class Prototypes(_Prototypes):
    pass


class _Decay(layers.Layer):
    """Adds the size of its kernel to the losses."""

    def __init__(self, units, weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.weight = positive("weight", weight)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def penalize(self):
        kernel = ops.convert_to_tensor(self.kernel)
        self.add_loss(self.weight * ops.sum(ops.square(ops.cast(kernel, "float32"))))

    def call(self, x):
        return ops.matmul(x, self.kernel)

    def get_config(self):
        return {**super().get_config(), "units": self.units, "weight": self.weight}


@register
class DecayInBuild(_Decay):
    def build(self, input_shape):
        super().build(input_shape)
        self.penalize()


@register
class Decay(_Decay):
    def call(self, x):
        self.penalize()
        return super().call(x)


VECTOR, STEPS = (None, 6), (None, 5, 4)
PAIRS = [
    pair(FLAG, "the dropout inside is told that it never trains",
         BlockDropsNever, Block, VECTOR, units=8),
    pair(INFERENCE, "training defaults to True, so a plain call drops",
         BlockDropsAlways, Block, VECTOR, units=8),
    pair(FLAG, "noise comes at inference and not in training",
         NoiseInverted, Noise, STEPS),
    pair(RANDOM, "an integer in place of a generator: each call has the same noise",
         NoiseSameEachCall, Noise, STEPS),
    pair(RANDOM, "the seed is kept in the config and not given to the generator",
         NoiseIgnoresSeed, Noise, STEPS, seed=3),
    pair("compiled equals eager, called twice",
         "NumPy draws the noise, once for each trace of the graph",
         NoiseFromNumpy, NoiseFromKeras, STEPS),
    pair(GRADIENTS, "a bias is made and never added",
         BilinearUnusedBias, Bilinear, VECTOR, units=3),
    pair(GRADIENTS, "a comparison cuts the gradient of the learned gate",
         HardGateCutsGradient, HardGate, STEPS),
    pair(GRADIENTS, "where() guards the value of y log y, not its gradient",
         EntropyNanGradient, Entropy, VECTOR),
    pair(LOSSES, "the constraint is taken and saved, and the weight does not get it",
         PrototypesUnconstrained, Prototypes, VECTOR, units=3),
    pair(LOSSES, "the regularizer is taken and saved, and the weight does not get it",
         PrototypesUnregularized, Prototypes, VECTOR, units=3),
    pair(LOSSES, "the loss is added once in build, and the first call clears it",
         DecayInBuild, Decay, VECTOR, units=3),
]  # fmt: skip
