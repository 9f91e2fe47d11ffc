"""Right layers with unusual dtypes in and out."""

from keras import layers, ops

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import count, number


@register
class SoftmaxHead(layers.Layer):
    """Class probabilities, in float32 under every policy."""

    def __init__(self, classes, **kwargs):
        super().__init__(**kwargs)
        self.classes = count("classes", classes)
        self.dense = layers.Dense(classes, dtype=self.dtype_policy)
        self.softmax = layers.Softmax(dtype="float32")

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return self.softmax(self.dense(x))

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@register
class Winner(layers.Layer):
    def call(self, x):
        return ops.cast(ops.argmax(x, axis=-1), "int32")


@register
class AboveMean(layers.Layer):
    def call(self, x):
        return x > ops.mean(x, axis=-1, keepdims=True)


@register
class Buckets(layers.Layer):
    def __init__(self, bounds=(-1.0, 0.0, 1.0), **kwargs):
        super().__init__(**kwargs)
        self.bounds = tuple(number("bounds", b, -1e9, 1e9) for b in bounds)
        if list(self.bounds) != sorted(self.bounds) or not self.bounds:
            raise ValueError(f"bounds must rise, got {bounds!r}")

    def call(self, x):
        above = ops.expand_dims(x, -1) >= ops.cast(self.bounds, x.dtype)
        return ops.sum(ops.cast(above, "int32"), axis=-1)

    def get_config(self):
        return {**super().get_config(), "bounds": self.bounds}


@register
class StraightThrough(layers.Layer):
    """Rounds to multiples of a learned step; the gradient passes as if it did not."""

    def build(self, input_shape):
        self.step = self.add_weight(shape=(), name="step", initializer="ones")

    def call(self, x):
        y = x / self.step
        return (y + ops.stop_gradient(ops.round(y) - y)) * self.step

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class OneHot(layers.Layer):
    def __init__(self, classes=8, **kwargs):
        super().__init__(**kwargs)
        self.classes = count("classes", classes)

    def call(self, x):
        return ops.one_hot(x, self.classes, dtype=self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "classes": self.classes}


@register
class Counts(layers.Layer):
    """How often each id comes, as whole numbers."""

    def __init__(self, ids=8, **kwargs):
        super().__init__(**kwargs)
        self.ids = count("ids", ids)

    def call(self, x):
        return ops.sum(ops.one_hot(x, self.ids, dtype="int32"), axis=1)

    def get_config(self):
        return {**super().get_config(), "ids": self.ids}


@register
class Positions(layers.Layer):
    """The number of each step, whatever the values."""

    def call(self, x):
        steps = ops.arange(ops.shape(x)[1], dtype="int32")
        return ops.broadcast_to(steps, ops.shape(x)[:2])


@register
class DoubleIds(layers.Layer):
    def call(self, x):
        return 2 * x + 1


STEPS, IMAGE, IDS = (None, 6, 4), (None, 4, 6, 3), (None, 5)
CASES = [
    case("float32 comes out under every policy, from a pinned sublayer",
         SoftmaxHead, STEPS, classes=3),
    case("integers come out of floats", Winner, STEPS),
    case("booleans come out", AboveMean, STEPS),
    case("integers come out; the config holds a tuple of floats", Buckets, STEPS),
    case("rounds: half precision may round to the next step",
         StraightThrough, STEPS),
    case("integers in, the compute dtype out", OneHot, IDS, "int32"),
    case("integers in and out, time summed away", Counts, IDS, "int32"),
    case("the output does not depend on the values", Positions, STEPS),
    case("integers in and out of one shape", DoubleIds, IDS, "int32"),
]  # fmt: skip
