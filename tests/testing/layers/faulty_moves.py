"""Moving state: statistics, counters, and what is kept between calls."""

from keras import layers, ops

from tests.testing.layers.pair import number, pair, positive, register

MOVES = "state moves when it should and not when it should not"
COMPILED = "compiled equals eager, called twice"


class _Anneal(layers.Layer):
    """A softmax that gets sharper with every training step."""

    def __init__(self, rate=0.5, **kwargs):
        super().__init__(**kwargs)
        self.rate = positive("rate", rate)

    def call(self, x, training=None):
        if training and self.trainable:
            self.advance()
        return ops.softmax(x * ops.cast(1.0 + self.rate * self.steps, x.dtype))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate}


@register
class AnnealPythonCounter(_Anneal):
    steps = 0

    def advance(self):
        self.steps += 1


@register
class Anneal(_Anneal):
    def build(self, input_shape):
        self.steps = self.add_weight(
            shape=(), name="steps", initializer="zeros", trainable=False
        )

    def advance(self):
        self.steps.assign_add(1.0)


class _Whiten(layers.Layer):
    """Divides by a moving root of the mean square."""

    def __init__(self, momentum=0.9, **kwargs):
        super().__init__(**kwargs)
        self.momentum = number("momentum", momentum, 0, 1)

    def build(self, input_shape):
        self.power = self.add_weight(
            shape=(input_shape[-1],), name="power", initializer="ones", trainable=False
        )

    def update(self, x):
        axes = tuple(range(len(x.shape) - 1))
        power = ops.mean(ops.square(ops.cast(x, "float32")), axis=axes)
        old = ops.convert_to_tensor(self.power)
        power = ops.cast(power, old.dtype)
        return self.momentum * old + (1 - self.momentum) * power

    def scale(self, x):
        power = ops.stop_gradient(ops.cast(self.power, "float32"))
        root = ops.sqrt(power + 1e-3)
        return ops.cast(ops.cast(x, "float32") / root, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "momentum": self.momentum}


@register
class WhitenMovesAtInference(_Whiten):
    def call(self, x, training=None):
        if self.trainable:
            self.power.assign(self.update(x))
        return self.scale(x)


@register
class WhitenReplacesVariable(_Whiten):
    def call(self, x, training=None):
        if training and self.trainable:
            self.power = self.update(x)
        return self.scale(x)


@register
class WhitenTrainsStatistic(_Whiten):
    def build(self, input_shape):
        self.power = self.add_weight(
            shape=(input_shape[-1],), name="power", initializer="ones"
        )

    def call(self, x, training=None):
        if training and self.trainable:
            self.power.assign(self.update(x))
        return self.scale(x)


@register
class Whiten(_Whiten):
    def call(self, x, training=None):
        if training and self.trainable:
            self.power.assign(self.update(x))
        return self.scale(x)


class _Ramp(layers.Layer):
    """Adds a ramp over time of learned slope."""

    def build(self, input_shape):
        self.slope = self.add_weight(
            shape=(input_shape[-1],), name="slope", initializer="random_normal"
        )

    def call(self, x):
        ramp = ops.cast(self.positions(x), x.dtype)
        return x + ramp[: ops.shape(x)[1], None] * self.slope


@register
class RampCachesTensor(_Ramp):
    ramp = None

    def positions(self, x):
        if self.ramp is None:
            self.ramp = ops.arange(ops.shape(x)[1], dtype="float32") / 10.0
        return self.ramp


@register
class Ramp(_Ramp):
    def positions(self, x):
        return ops.arange(ops.shape(x)[1], dtype="float32") / 10.0


VECTOR, STEPS = (None, 6), (None, 5, 4)
PAIRS = [
    pair(COMPILED, "the training steps are counted in Python, once for each trace",
         AnnealPythonCounter, Anneal, VECTOR),
    pair(MOVES, "moving statistics move at inference too",
         WhitenMovesAtInference, Whiten, VECTOR),
    pair(MOVES, "the variable is replaced by a tensor in place of an assignment",
         WhitenReplacesVariable, Whiten, VECTOR),
    pair("every trainable weight gets a finite gradient, not always zero",
         "the moving statistic is made a trainable weight",
         WhitenTrainsStatistic, Whiten, VECTOR),
    pair(COMPILED, "a tensor of the first call is kept on the layer for later calls",
         RampCachesTensor, Ramp, STEPS),
]  # fmt: skip
