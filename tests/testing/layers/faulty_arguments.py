"""Arguments without sense, which the constructor should refuse."""

import keras
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

NONSENSE = "nonsense is refused by the constructor"


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
    pair(NONSENSE, "a rate below 0 or above 1 is taken",
         StepDropAnyRate, StepDrop, STEPS),
    pair(NONSENSE, "NaN passes a check made of two comparisons",
         StepDropNan, StepDrop, STEPS),
    pair(NONSENSE, "a mistyped padding is taken for 'valid'",
         WindowAnyPadding, Window, STEPS),
    pair(NONSENSE, "a stride of zero or less is taken; -1 turns time round",
         WindowAnyStride, Window, STEPS),
    pair(NONSENSE, "an unknown mode is found only in the first call",
         ReduceLate, Reduce, STEPS),
    pair(NONSENSE, "a temperature of zero is taken",
         TemperZero, Temper, VECTOR),
    pair(NONSENSE, "any string is taken for a flag, and 'no' means yes",
         TemperTruthy, Temper, VECTOR),
]  # fmt: skip
