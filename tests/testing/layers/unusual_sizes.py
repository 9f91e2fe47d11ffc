"""Right layers with unusual sizes, dtypes and arguments."""

import numpy as np
from keras import layers, ops

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import choice, count, layout, number


@register
class PatchEmbedding(layers.Layer):
    def __init__(self, units, size=2, **kwargs):
        super().__init__(**kwargs)
        self.units, self.size = count("units", units), count("size", size)
        self.project = layers.Conv2D(
            units, size, size, data_format="channels_last", dtype=self.dtype_policy
        )

    def check(self, shape):
        if any(n is not None and n % self.size for n in shape[1:3]):
            raise ValueError(f"{self.size} does not divide height and width of {shape}")

    def build(self, input_shape):
        self.check(input_shape)
        self.project.build(input_shape)

    def call(self, x):
        self.check(x.shape)
        y = self.project(x)
        return ops.reshape(y, (ops.shape(y)[0], -1, self.units))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "size": self.size}


@register
class PairSteps(layers.Layer):
    def call(self, x):
        y = ops.reshape(x, (ops.shape(x)[0], -1, 2, x.shape[-1]))
        return ops.mean(y, axis=2)


@register
class NarrowConv(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = count("filters", filters)
        self.conv = layers.Conv1D(
            filters, 3, activation="relu", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return ops.relu(self.conv(x))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class PositionTable(layers.Layer):
    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError("the number of steps and features must be known")
        self.table = self.add_weight(
            shape=input_shape[1:], name="table", initializer="random_normal"
        )

    def call(self, x):
        return x + self.table


@register
class LongestTable(layers.Layer):
    def __init__(self, longest=8, **kwargs):
        super().__init__(**kwargs)
        self.longest = count("longest", longest)

    def build(self, input_shape):
        shape = (self.longest, input_shape[-1])
        self.table = self.add_weight(
            shape=shape, name="table", initializer="random_normal"
        )

    def call(self, x):
        steps = x.shape[1]
        if steps is not None and steps > self.longest:
            raise ValueError(f"{steps} steps are more than {self.longest}")
        return x + self.table[: ops.shape(x)[1]]

    def get_config(self):
        return {**super().get_config(), "longest": self.longest}


@register
class FlatDense(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.flatten = layers.Flatten(dtype=self.dtype_policy)
        self.dense = layers.Dense(units, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.dense.build(self.flatten.compute_output_shape(input_shape))

    def call(self, x):
        return self.dense(self.flatten(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class PixelShuffle(layers.Layer):
    """Channels become space: four of them make a square of pixels."""

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = layout(data_format)

    def call(self, x):
        first = self.data_format == "channels_first"
        if first:
            x = ops.transpose(x, (0, 2, 3, 1))
        batch, height, width, channels = ops.shape(x)
        if channels % 4:
            raise ValueError(f"the channels must divide by 4, got {channels}")
        x = ops.reshape(x, (batch, height, width, 2, 2, channels // 4))
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
        x = ops.reshape(x, (batch, height * 2, width * 2, channels // 4))
        return ops.transpose(x, (0, 3, 1, 2)) if first else x

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


@register
class GatedHalves(layers.Layer):
    def build(self, input_shape):
        if input_shape[-1] % 2:
            raise ValueError("the number of features must be even")

    def call(self, x):
        half = x.shape[-1] // 2
        return x[..., :half] * ops.sigmoid(x[..., half:])


@register
class CutEdges(layers.Layer):
    def call(self, x):
        return x[:, 1:-1, 1:-1]


@register
class TwoByTwo(layers.Layer):
    """The corners of a picture: its output has one size for all inputs."""

    def call(self, x):
        corners = x[:, :1, :1], x[:, :1, -1:], x[:, -1:, :1], x[:, -1:, -1:]
        top = ops.concatenate(corners[:2], axis=2)
        return ops.concatenate([top, ops.concatenate(corners[2:], axis=2)], axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], 2, 2, input_shape[-1])


@register
class OnlySequences(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.input_spec = layers.InputSpec(ndim=3, axes={-1: 4})

    def call(self, x):
        return ops.relu(x)


@register
class CosineTransform(layers.Layer):
    """Only a constant weight, which is saved and never trains."""

    def build(self, input_shape):
        size = input_shape[-1]
        step = np.arange(size)
        basis = np.cos(np.pi / size * np.outer(step + 0.5, step))
        self.basis = self.add_weight(
            shape=(size, size),
            name="basis",
            initializer=lambda shape, dtype=None: ops.cast(basis, dtype),
            trainable=False,
        )

    def call(self, x):
        return ops.matmul(x, self.basis)


@register
class Roll(layers.Layer):
    """A negative or zero shift has a meaning here."""

    def __init__(self, shift=-1, axis=-1, **kwargs):
        super().__init__(**kwargs)
        for name, value in (("shift", shift), ("axis", axis)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"{name} must be an integer, got {value!r}")
        if axis == 0:
            raise ValueError("axis 0 is the batch")
        self.shift, self.axis = shift, axis

    def call(self, x):
        return ops.roll(x, self.shift, axis=self.axis)

    def get_config(self):
        return {**super().get_config(), "shift": self.shift, "axis": self.axis}


@register
class PoolTuple(layers.Layer):
    """Takes an integer or a pair; its config holds a tuple, JSON a list."""

    def __init__(self, size=2, **kwargs):
        super().__init__(**kwargs)
        size = (size, size) if isinstance(size, int) else tuple(size)
        self.size = tuple(count("size", n) for n in size)
        if len(self.size) != 2:
            raise ValueError(f"size must be one or two integers, got {size!r}")

    def call(self, x):
        return ops.max_pool(x, self.size, padding="same", data_format="channels_last")

    def get_config(self):
        return {**super().get_config(), "size": self.size}


@register
class BareArguments(layers.Layer):
    """Takes just the arguments of its own and of every layer."""

    def __init__(self, scale=2.0, *, name=None, dtype=None, trainable=True):
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.scale = number("scale", scale, -1e3, 1e3)

    def call(self, x):
        return x * self.scale

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@register
class Same(layers.Layer):
    def call(self, x):
        return x


@register
class OneNumber(layers.Layer):
    """A vector comes out: one number for each sample."""

    def __init__(self, how="mean", **kwargs):
        super().__init__(**kwargs)
        self.how = choice("how", how, ("mean", "max"))

    def call(self, x):
        reduce = ops.mean if self.how == "mean" else ops.max
        return reduce(x, axis=tuple(range(1, len(x.shape))))

    def get_config(self):
        return {**super().get_config(), "how": self.how}


@register
class StepsAsBatch(layers.Layer):
    """The batch that comes out is the batch times the steps."""

    def call(self, x):
        return ops.reshape(x, (-1, x.shape[-1]))


STEPS, IMAGE, IDS = (None, 6, 4), (None, 4, 6, 3), (None, 5)
CASES = [
    case("refuses sizes that the patch does not divide, in so many words",
         PatchEmbedding, IMAGE, units=5),
    case("an odd number of steps fails inside reshape", PairSteps, STEPS),
    case("fewer than three steps fail in the convolution",
         NarrowConv, STEPS, filters=3),
    case("bound to the number of steps it was built with", PositionTable, STEPS),
    case("takes up to eight steps and refuses more", LongestTable, STEPS),
    case("bound to the sizes it was built with, by a Dense layer",
         FlatDense, (None, 3, 4), units=2),
    case("the channels must divide by four", PixelShuffle, (None, 3, 4, 8)),
    case("the features must be even, and half of them come out", GatedHalves, STEPS),
    case("nothing is left of a picture of two pixels", CutEdges, IMAGE),
    case("one output size for all input sizes", TwoByTwo, IMAGE),
    case("an input spec fixes the rank and the features", OnlySequences, STEPS),
    case("a constant weight and no trainable one", CosineTransform, STEPS),
    case("zero and negative arguments have a meaning", Roll, STEPS),
    case("a tuple in the config comes back from JSON as a list", PoolTuple, IMAGE),
    case("no **kwargs in the constructor", BareArguments, STEPS),
    case("gives back the very tensor that came in", Same, STEPS),
    case("a vector comes out", OneNumber, STEPS),
    case("the first axis of the output is not the batch", StepsAsBatch, STEPS),
]  # fmt: skip
