"""Inputs: data formats, dicts in any order, and nothing changed in place."""

from keras import layers, ops

from tests.testing.layers.pair import count, layout, pair, register

FORMAT = "channels_first equals channels_last transposed"
ORDER = "the order of keys does not matter"
PLACE = "inputs are not changed in place"


class _Image(layers.Layer):
    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        self.data_format = layout(data_format)
        self.first = self.data_format == "channels_first"
        self.axis = 1 if self.first else -1

    def get_config(self):
        return {**super().get_config(), "data_format": self.data_format}


class _ChannelScale(_Image):
    def add_scale(self, channels):
        self.scale = self.add_weight(
            shape=(channels,), name="scale", initializer="random_normal"
        )

    def call(self, x):
        shape = (-1, 1, 1) if self.first else (1, 1, -1)
        return x * ops.reshape(self.scale, shape)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class ChannelScaleLastAxis(_ChannelScale):
    def build(self, input_shape):
        self.add_scale(input_shape[-1])


@register
class ChannelScale(_ChannelScale):
    def build(self, input_shape):
        self.add_scale(input_shape[self.axis])


@register
class PeakLastOnly(_Image):
    def call(self, x):
        return ops.max(x, axis=(1, 2))


@register
class Peak2D(_Image):
    def call(self, x):
        return ops.max(x, axis=(2, 3) if self.first else (1, 2))


class _Branches(_Image):
    def __init__(self, filters, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.filters = count("filters", filters)
        options = {"data_format": self.data_format, "dtype": self.dtype_policy}
        self.small = layers.Conv2D(filters, 1, **options)
        self.large = layers.Conv2D(filters, 3, padding="same", **options)

    def build(self, input_shape):
        self.small.build(input_shape)
        self.large.build(input_shape)

    def call(self, x):
        return ops.concatenate([self.small(x), self.large(x)], axis=self.join())

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class BranchesJoinLast(_Branches):
    def join(self):
        return -1


@register
class Branches(_Branches):
    def join(self):
        return self.axis


class _Shrink(_Image):
    def __init__(self, filters, data_format=None, **kwargs):
        super().__init__(data_format, **kwargs)
        self.filters = count("filters", filters)
        self.conv = layers.Conv2D(
            filters, 1, data_format=self.data_format, dtype=self.dtype_policy
        )
        self.pool = layers.AveragePooling2D(
            2, padding="same", dtype=self.dtype_policy, **self.pool_options()
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return self.pool(self.conv(x))

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class ShrinkPoolsLast(_Shrink):
    def pool_options(self):
        return {}


@register
class Shrink(_Shrink):
    def pool_options(self):
        return {"data_format": self.data_format}


class _Mirror(_Image):
    """Adds the picture seen in a mirror: the width runs the other way."""

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class MirrorFixedAxis(_Mirror):
    def call(self, x):
        return x + ops.flip(x, axis=2)


@register
class Mirror(_Mirror):
    def call(self, x):
        return x + ops.flip(x, axis=3 if self.first else 2)


class _Excite(_Image):
    def build(self, input_shape):
        channels = input_shape[self.axis]
        self.kernel = self.add_weight(shape=(channels, channels), name="kernel")

    def call(self, x):
        mean = ops.mean(x, axis=(2, 3) if self.first else (1, 2))
        return x * self.spread(ops.sigmoid(ops.matmul(mean, self.kernel)))

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class ExciteLastAxis(_Excite):
    def spread(self, gate):
        return gate[:, None, None, :]


@register
class Excite(_Excite):
    def spread(self, gate):
        return gate[:, :, None, None] if self.first else gate[:, None, None, :]


@register
class JoinByOrder(layers.Layer):
    def call(self, inputs):
        return ops.concatenate(list(inputs.values()), axis=-1)


@register
class JoinByName(layers.Layer):
    def call(self, inputs):
        return ops.concatenate([inputs[key] for key in sorted(inputs)], axis=-1)


class _Difference(layers.Layer):
    def compute_output_shape(self, input_shape):
        return input_shape["after"]


@register
class DifferenceByOrder(_Difference):
    def call(self, inputs):
        after, before = inputs.values()
        return after - before


@register
class Difference(_Difference):
    def call(self, inputs):
        return inputs["after"] - inputs["before"]


class _Fuse(layers.Layer):
    """The sum of one projection for each input."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)

    def build(self, input_shape):
        self.kernels = {
            key: self.add_weight(shape=(shape[-1], self.units), name=f"{key}_kernel")
            for key, shape in sorted(input_shape.items())
        }

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class FuseByOrder(_Fuse):
    def call(self, inputs):
        pairs = zip(inputs.values(), self.kernels.values(), strict=True)
        return sum(ops.matmul(x, kernel) for x, kernel in pairs)


@register
class FuseByName(_Fuse):
    def call(self, inputs):
        return sum(ops.matmul(x, self.kernels[key]) for key, x in inputs.items())


class _Horner(layers.Layer):
    """A polynomial whose coefficients come as a list, the constant first."""

    def __init__(self, point=0.5, **kwargs):
        super().__init__(**kwargs)
        if isinstance(point, bool) or not isinstance(point, int | float):
            raise ValueError(f"point must be a number, got {point!r}")
        if not abs(point) < float("inf"):
            raise ValueError(f"point must be finite, got {point!r}")
        self.point = point
        # As a preprocessing layer does: the list comes as the caller gave it.
        self._convert_input_args = False
        self._allow_non_tensor_positional_args = True

    def call(self, inputs):
        inputs = self.own(inputs)
        inputs.reverse()
        value = 0.0
        for x in inputs:
            value = value * self.point + ops.cast(x, self.compute_dtype)
        return value

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "point": self.point}


@register
class HornerReversesInput(_Horner):
    def own(self, inputs):
        return inputs


@register
class Horner(_Horner):
    def own(self, inputs):
        return list(inputs)


class _Condition(layers.Layer):
    """Scales and shifts features by a projection of a condition."""

    def build(self, input_shape):
        shapes = self.own(input_shape)
        condition = shapes.pop("condition")
        (features,) = shapes.values()
        shape = (condition[-1], features[-1])
        self.scale = self.add_weight(shape=shape, name="scale")
        self.shift = self.add_weight(shape=shape, name="shift")

    def call(self, inputs):
        x, condition = inputs["features"], inputs["condition"]
        return x * ops.matmul(condition, self.scale) + ops.matmul(condition, self.shift)

    def compute_output_shape(self, input_shape):
        return input_shape["features"]


@register
class ConditionPopsShape(_Condition):
    def own(self, shapes):
        return shapes


@register
class Condition(_Condition):
    def own(self, shapes):
        return dict(shapes)


IMAGE, VECTOR = (None, 4, 5, 3), (None, 4)
PAIRS = [
    pair(FORMAT, "the weight has the size of the last axis in both formats",
         ChannelScaleLastAxis, ChannelScale, IMAGE),
    pair(FORMAT, "pools the axes of channels_last in both formats",
         PeakLastOnly, Peak2D, IMAGE),
    pair(FORMAT, "branches are joined on the last axis in both formats",
         BranchesJoinLast, Branches, IMAGE, filters=2),
    pair(FORMAT, "the data format goes to the convolution and not to the pooling",
         ShrinkPoolsLast, Shrink, IMAGE, filters=2),
    pair(FORMAT, "the mirror turns the height of channels_first; all shapes agree",
         MirrorFixedAxis, Mirror, IMAGE),
    pair(FORMAT, "the gate of channels_first is spread along the width",
         ExciteLastAxis, Excite, IMAGE),
    pair(ORDER, "the values of a dict are joined in the order they were put in",
         JoinByOrder, JoinByName, {"wide": (None, 4), "deep": (None, 3)}),
    pair(ORDER, "the values of a dict are unpacked in the order they were put in",
         DifferenceByOrder, Difference, {"after": VECTOR, "before": VECTOR}),
    pair(ORDER, "kernels are matched to inputs by position and not by key",
         FuseByOrder, FuseByName, {"a": VECTOR, "b": VECTOR}, units=3),
    pair(PLACE, "the caller's list is reversed in place",
         HornerReversesInput, Horner, [VECTOR, VECTOR, VECTOR]),
    pair(PLACE, "build takes an entry out of its caller's dict of shapes",
         ConditionPopsShape, Condition, {"features": VECTOR, "condition": (None, 3)}),
]  # fmt: skip
