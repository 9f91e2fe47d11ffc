"""Right layers with unusual training, state, losses and masks."""

import keras
from keras import layers, ops

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import count, number, positive


@register
class MeanDropout(layers.Layer):
    """Plain in training, scaled at inference: nothing random about it."""

    def __init__(self, keep=0.8, **kwargs):
        super().__init__(**kwargs)
        self.keep = positive("keep", keep)
        if keep > 1:
            raise ValueError(f"keep must be at most 1, got {keep!r}")

    def call(self, x, training=None):
        return x if training else x * self.keep

    def get_config(self):
        return {**super().get_config(), "keep": self.keep}


@register
class HardAtInference(layers.Layer):
    """Soft choices in training, hard ones afterwards."""

    def call(self, x, training=None):
        if training:
            return ops.softmax(x)
        return ops.one_hot(ops.argmax(x, axis=-1), x.shape[-1], dtype=x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class LossInTraining(layers.Layer):
    def __init__(self, weight=0.1, **kwargs):
        super().__init__(**kwargs)
        self.weight = number("weight", weight, 0, 1e6)

    def call(self, x, training=None):
        if training:
            self.add_loss(self.weight * ops.mean(ops.square(ops.cast(x, "float32"))))
        return x

    def get_config(self):
        return {**super().get_config(), "weight": self.weight}


class _Random(layers.Layer):
    def __init__(self, rate=0.5, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rate, self.seed = number("rate", rate, 0, 1), seed
        self.generator = keras.random.SeedGenerator(seed)

    def draw(self, shape):
        return keras.random.uniform(shape, dtype="float32", seed=self.generator)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


@register
class RandomMirror(_Random):
    """Turns some of the pictures round in training."""

    def call(self, x, training=None):
        if not training:
            return x
        turn = self.draw((ops.shape(x)[0], 1, 1, 1)) < self.rate
        return ops.where(turn, ops.flip(x, axis=2), x)


@register
class RandomDepth(_Random):
    """Leaves out a residual branch for whole samples in training."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1],) * 2, name="kernel")

    def call(self, x, training=None):
        y = ops.tanh(ops.matmul(x, self.kernel))
        if training:
            keep = self.draw((ops.shape(x)[0], *[1] * (len(x.shape) - 1))) >= self.rate
            y = y * ops.cast(keep, x.dtype) / (1 - self.rate)
        return x + y


@register
class GaussianCode(_Random):
    """A random code in training, its mean at inference."""

    def build(self, input_shape):
        shape = (input_shape[-1],) * 2
        self.mean = self.add_weight(shape=shape, name="mean")
        self.spread = self.add_weight(shape=shape, name="spread")

    def call(self, x, training=None):
        mean = ops.matmul(x, self.mean)
        spread = ops.softplus(ops.matmul(x, self.spread))
        if not training:
            # The spread has a gradient in training alone.
            return mean
        noise = keras.random.normal(
            ops.shape(mean), dtype="float32", seed=self.generator
        )
        return mean + self.rate * spread * ops.cast(noise, x.dtype)


@register
class Steps(layers.Layer):
    """Counts the training steps; what comes out is what went in."""

    def build(self, input_shape):
        self.steps = self.add_weight(
            shape=(), dtype="int32", name="steps", initializer="zeros", trainable=False
        )

    def call(self, x, training=None):
        if training and self.trainable:
            self.steps.assign_add(1)
        return x


@register
class MovingCenter(layers.Layer):
    """Subtracts a moving mean; the first step sets it whole."""

    def build(self, input_shape):
        options = {"initializer": "zeros", "trainable": False}
        self.mean = self.add_weight(shape=(input_shape[-1],), name="mean", **options)
        self.seen = self.add_weight(shape=(), name="seen", **options)

    def call(self, x, training=None):
        if training and self.trainable:
            axes = tuple(range(len(x.shape) - 1))
            new = ops.mean(ops.cast(x, "float32"), axis=axes)
            old = ops.cast(self.mean, "float32")
            rate = ops.maximum(1 / (ops.cast(self.seen, "float32") + 1), 0.1)
            self.mean.assign(ops.cast(old + rate * (new - old), self.mean.dtype))
            self.seen.assign_add(ops.ones((), self.seen.dtype))
        return x - ops.cast(self.mean, x.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class SpectralDense(layers.Layer):
    """A kernel divided by its largest singular value, by power iteration."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")
        self.vector = self.add_weight(
            shape=(1, self.units),
            name="vector",
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
        )

    def call(self, x, training=None):
        kernel = ops.cast(self.kernel, "float32")
        right = ops.cast(self.vector, "float32")
        left = ops.normalize(ops.matmul(right, ops.transpose(kernel)))
        right = ops.normalize(ops.matmul(left, kernel))
        if training and self.trainable:
            self.vector.assign(ops.cast(right, self.vector.dtype))
        left, right = ops.stop_gradient(left), ops.stop_gradient(right)
        size = ops.sum(ops.matmul(left, kernel) * right)
        return ops.matmul(x, ops.cast(kernel / size, x.dtype))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class MovingCodes(layers.Layer):
    """Nearest codes, which follow a moving mean and not a gradient."""

    def __init__(self, codes=4, **kwargs):
        super().__init__(**kwargs)
        self.codes = count("codes", codes)

    def build(self, input_shape):
        size = input_shape[-1]
        self.kernel = self.add_weight(shape=(size, size), name="kernel")
        self.table = self.add_weight(
            shape=(self.codes, size),
            name="table",
            initializer=keras.initializers.RandomNormal(0.0, 1.0),
            trainable=False,
        )

    def call(self, x, training=None):
        y = ops.cast(ops.matmul(x, self.kernel), "float32")
        table = ops.cast(self.table, "float32")
        gaps = ops.sum(ops.square(ops.expand_dims(y, -2) - table), axis=-1)
        nearest = ops.argmin(gaps, axis=-1)
        if training and self.trainable:
            chosen = ops.one_hot(nearest, self.codes, dtype="float32")
            chosen = ops.reshape(chosen, (-1, self.codes))
            total = ops.matmul(ops.transpose(chosen), ops.reshape(y, (-1, y.shape[-1])))
            number = ops.sum(chosen, axis=0)[:, None]
            mean = ops.where(number > 0, total / ops.maximum(number, 1), table)
            self.table.assign(ops.cast(0.9 * table + 0.1 * mean, self.table.dtype))
        code = ops.take(table, nearest, axis=0)
        return ops.cast(y + ops.stop_gradient(code - y), self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "codes": self.codes}


STEPS, IMAGE, VECTOR = (None, 6, 4), (None, 4, 6, 3), (None, 4)
CASES = [
    case("training changes the output and draws nothing", MeanDropout, STEPS),
    case("training changes the output, whose hard form may flip in half precision",
         HardAtInference, STEPS),
    case("a loss in training alone", LossInTraining, STEPS),
    case("random in training alone, the data format fixed", RandomMirror, IMAGE),
    case("a branch is dropped for whole samples", RandomDepth, STEPS, seed=7),
    case("one of the weights has a gradient in training alone", GaussianCode, VECTOR),
    case("an integer state moves and the output does not", Steps, STEPS),
    case("a moving mean whose first step is the largest", MovingCenter, STEPS),
    case("a vector that is not trained moves in training", SpectralDense, VECTOR,
         units=3),
    case("codes move by a mean; half precision may choose another",
         MovingCodes, VECTOR),
]  # fmt: skip
