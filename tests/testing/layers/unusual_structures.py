"""Right layers with unusual structures, bases and masks."""

from keras import activations, initializers, layers, ops

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import count


def least(x):
    return -6e4 if x.dtype == "float16" else -1e30


@register
class ScaledDense(layers.Dense):
    def __init__(self, units, **kwargs):
        super().__init__(count("units", units), **kwargs)

    def call(self, x, training=None):
        return super().call(x, training=training) / self.units**0.5


@register
class NamedHeads(layers.Layer):
    """A dict in, a dict out, one Dense layer for each key."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        self.heads = {}
        for key, shape in sorted(input_shape.items()):
            name = f"{key}_head"
            head = layers.Dense(self.units, name=name, dtype=self.dtype_policy)
            head.build(shape)
            self.heads[key] = head

    def call(self, inputs):
        return {key: self.heads[key](inputs[key]) for key in sorted(inputs)}

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class WeightedSum(layers.Layer):
    """A list in: its sum, weighted by a softmax that starts even."""

    def build(self, input_shape):
        self.weight = self.add_weight(
            shape=(len(input_shape),), name="weight", initializer="zeros"
        )

    def call(self, inputs):
        share = ops.softmax(self.weight)
        return sum(x * share[i] for i, x in enumerate(inputs))


@register
class WithContext(layers.Layer):
    """The context may be left out."""

    def build(self, x_shape, context_shape=None):
        self.gain = self.add_weight(
            shape=(x_shape[-1],), name="gain", initializer="ones"
        )

    def call(self, x, context=None):
        y = x * self.gain
        return y if context is None else y + context

    def compute_output_shape(self, x_shape, context_shape=None):
        return x_shape


@register
class Pyramid(layers.Layer):
    """A list of ever smaller pictures comes out."""

    def __init__(self, levels=3, **kwargs):
        super().__init__(**kwargs)
        self.levels = count("levels", levels)

    def call(self, x):
        pictures = [x]
        for _ in range(self.levels - 1):
            x = ops.average_pool(x, 2, padding="same", data_format="channels_last")
            pictures.append(x)
        return pictures

    def get_config(self):
        return {**super().get_config(), "levels": self.levels}


@register
class Moments(layers.Layer):
    """A dict with a dict and a tuple in it comes out."""

    def call(self, x):
        top, low = ops.max(x, axis=1), ops.min(x, axis=1)
        return {"center": {"mean": ops.mean(x, axis=1)}, "ends": (low, top)}


@register
class Fitted(layers.Layer):
    """A projection only where the sizes differ, chosen in build."""

    def __init__(
        self, units, activation="relu", kernel_initializer="he_normal", **kwargs
    ):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)

    def build(self, input_shape):
        self.project = None
        if input_shape[-1] != self.units:
            self.project = layers.Dense(
                self.units,
                kernel_initializer=self.kernel_initializer,
                dtype=self.dtype_policy,
            )
            self.project.build(input_shape)

    def call(self, x):
        return self.activation(x if self.project is None else self.project(x))

    def get_config(self):
        return {
            **super().get_config(),
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
        }


@register
class Nested(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.inner = {
            "wide": Fitted(units, "tanh", name="wide", dtype=self.dtype_policy),
            "rest": [ScaledDense(units, name="rest", dtype=self.dtype_policy)],
        }

    def build(self, input_shape):
        self.inner["wide"].build(input_shape)
        self.inner["rest"][0].build((*input_shape[:-1], self.units))

    def call(self, x):
        return self.inner["rest"][0](self.inner["wide"](x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class TiedAutoencoder(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        shape = (input_shape[-1], self.units)
        self.kernel = self.add_weight(shape=shape, name="kernel")

    def call(self, x):
        code = ops.tanh(ops.matmul(x, self.kernel))
        return ops.matmul(code, ops.transpose(self.kernel))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class RelativeAttention(layers.Layer):
    """Attention over time with a learned bias for each distance up to four."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape):
        size = input_shape[-1]
        for name in ("query", "key", "value"):
            setattr(self, name, self.add_weight(shape=(size, size), name=name))
        self.near = self.add_weight(shape=(9,), name="near", initializer="zeros")

    def call(self, x, mask=None):
        query, key = ops.matmul(x, self.query), ops.matmul(x, self.key)
        scores = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / x.shape[-1] ** 0.5
        steps = ops.arange(ops.shape(x)[1], dtype="int32")
        gaps = ops.clip(steps[:, None] - steps, -4, 4) + 4
        scores = scores + ops.take(self.near, gaps)
        if mask is not None:
            scores = ops.where(mask[:, None], scores, ops.cast(least(x), x.dtype))
        return ops.matmul(ops.softmax(scores), ops.matmul(x, self.value))

    def compute_output_shape(self, input_shape):
        return input_shape


STEPS, IMAGE, VECTOR = (None, 6, 4), (None, 4, 6, 3), (None, 4)
CASES = [
    case("a subclass of Dense", ScaledDense, VECTOR, units=3),
    case("a dict in and a dict out; sublayers made in build",
         NamedHeads, {"a": (None, 4), "b": (None, 3)}, units=2),
    case("a list in", WeightedSum, [STEPS, STEPS, STEPS]),
    case("an argument of call may be left out", WithContext, STEPS),
    case("a list of outputs of different sizes", Pyramid, (None, 8, 8, 3)),
    case("a nested output", Moments, STEPS),
    case("a sublayer chosen in build: here there is one",
         Fitted, VECTOR, units=3),
    case("a layer inside a list inside a dict", Nested, VECTOR, units=3),
    case("one weight used twice", TiedAutoencoder, VECTOR, units=3),
    case("integer positions inside; distances beyond four are one",
         RelativeAttention, STEPS),
]  # fmt: skip
