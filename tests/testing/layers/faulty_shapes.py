"""Shapes: what a layer declares, and sizes that it did not see when built."""

from keras import layers, ops

from tests.testing.layers.pair import count, flag, pair, register

DECLARED = "declared, symbolic and eager output agree"
SIZES = "sizes never seen at build"


class _Decimate(layers.Layer):
    def __init__(self, step=2, **kwargs):
        super().__init__(**kwargs)
        self.step = count("step", step)

    def call(self, x):
        return x[:, :: self.step]

    def get_config(self):
        return {**super().get_config(), "step": self.step}


@register
class DecimateFloor(_Decimate):
    def compute_output_shape(self, input_shape):
        batch, steps, features = input_shape
        return (batch, None if steps is None else steps // self.step, features)


@register
class DecimateCeil(_Decimate):
    def compute_output_shape(self, input_shape):
        batch, steps, features = input_shape
        return (batch, None if steps is None else -(-steps // self.step), features)


class _RepeatSteps(layers.Layer):
    def __init__(self, times=2, **kwargs):
        super().__init__(**kwargs)
        self.times = count("times", times)

    def call(self, x):
        return ops.repeat(x, self.times, axis=1)

    def get_config(self):
        return {**super().get_config(), "times": self.times}


@register
class RepeatStepsKnown(_RepeatSteps):
    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[1] * self.times, *input_shape[2:])


@register
class RepeatSteps(_RepeatSteps):
    def compute_output_shape(self, input_shape):
        steps = input_shape[1]
        steps = None if steps is None else steps * self.times
        return (input_shape[0], steps, *input_shape[2:])


class _SpaceMean(layers.Layer):
    def __init__(self, keepdims=False, **kwargs):
        super().__init__(**kwargs)
        self.keepdims = flag("keepdims", keepdims)

    def call(self, x):
        return ops.mean(x, axis=(1, 2), keepdims=self.keepdims)

    def get_config(self):
        return {**super().get_config(), "keepdims": self.keepdims}


@register
class SpaceMeanFlat(_SpaceMean):
    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


@register
class SpaceMean(_SpaceMean):
    def compute_output_shape(self, input_shape):
        ones = (1, 1) if self.keepdims else ()
        return (input_shape[0], *ones, input_shape[-1])


class _ExpandAxis(layers.Layer):
    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, int) or axis == 0:
            raise ValueError(f"axis must be an integer other than 0, got {axis!r}")
        self.axis = axis

    def call(self, x):
        return ops.expand_dims(x, self.axis)

    def get_config(self):
        return {**super().get_config(), "axis": self.axis}


@register
class ExpandAxisSliced(_ExpandAxis):
    def compute_output_shape(self, input_shape):
        return (*input_shape[: self.axis], 1, *input_shape[self.axis :])


@register
class ExpandAxis(_ExpandAxis):
    def compute_output_shape(self, input_shape):
        axis = self.axis if self.axis > 0 else len(input_shape) + 1 + self.axis
        return (*input_shape[:axis], 1, *input_shape[axis:])


class _PoolByScore(layers.Layer):
    """Pools time by learned scores, and gives the scores too."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.score = layers.Dense(1, use_bias=False, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.score.build(input_shape)

    def call(self, x):
        scores = ops.softmax(self.score(x), axis=1)
        return ops.sum(x * scores, axis=1), ops.squeeze(scores, axis=-1)


@register
class PoolByScoreOneShape(_PoolByScore):
    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@register
class PoolByScore(_PoolByScore):
    def compute_output_shape(self, input_shape):
        batch, steps, features = input_shape
        return (batch, features), (batch, steps)


class _GaussianHead(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.mean = layers.Dense(units, name="mean", dtype=self.dtype_policy)
        self.scale = layers.Dense(units, name="scale", dtype=self.dtype_policy)

    def build(self, input_shape):
        self.mean.build(input_shape)
        self.scale.build(input_shape)

    def call(self, x):
        return {"mean": self.mean(x), "log_var": self.scale(x)}

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class GaussianHeadOtherKey(_GaussianHead):
    def compute_output_shape(self, input_shape):
        shape = (*input_shape[:-1], self.units)
        return {"mean": shape, "logvar": shape}


@register
class GaussianHead(_GaussianHead):
    def compute_output_shape(self, input_shape):
        shape = (*input_shape[:-1], self.units)
        return {"mean": shape, "log_var": shape}


@register
class RunningAverageLoop(layers.Layer):
    """Each step becomes the mean of the steps up to it."""

    def call(self, x):
        total, means = 0.0, []
        for step in range(x.shape[1]):
            total = total + ops.cast(x[:, step], "float32")
            means.append(ops.cast(total / (step + 1), self.compute_dtype))
        return ops.stack(means, axis=1)


@register
class RunningAverage(layers.Layer):
    """Each step becomes the mean of the steps up to it."""

    def call(self, x):
        total = ops.cumsum(ops.cast(x, "float32"), axis=1)
        steps = ops.arange(1, ops.shape(x)[1] + 1, dtype="float32")
        return ops.cast(total / steps[:, None], self.compute_dtype)


class _SplitHeads(layers.Layer):
    def __init__(self, heads=2, **kwargs):
        super().__init__(**kwargs)
        self.heads = count("heads", heads)

    def build(self, input_shape):
        if input_shape[-1] % self.heads:
            raise ValueError(f"{self.heads} heads do not divide {input_shape[-1]}")
        self.steps = input_shape[1]

    def _split(self, x, steps):
        size = x.shape[-1] // self.heads
        x = ops.reshape(x, (ops.shape(x)[0], steps, self.heads, size))
        return ops.transpose(x, (0, 2, 1, 3))

    def get_config(self):
        return {**super().get_config(), "heads": self.heads}


@register
class SplitHeadsBuiltLength(_SplitHeads):
    def call(self, x):
        return self._split(x, self.steps)


@register
class SplitHeads(_SplitHeads):
    def call(self, x):
        return self._split(x, ops.shape(x)[1])


class _ClassToken(layers.Layer):
    def build(self, input_shape):
        self.token = self.add_weight(
            shape=(1, 1, input_shape[-1]), name="token", initializer="random_normal"
        )

    def _prepend(self, x, batch):
        token = ops.broadcast_to(self.token, (batch, 1, x.shape[-1]))
        return ops.concatenate([ops.cast(token, x.dtype), x], axis=1)


@register
class ClassTokenStaticBatch(_ClassToken):
    def call(self, x):
        return self._prepend(x, x.shape[0] or 1)


@register
class ClassToken(_ClassToken):
    def call(self, x):
        return self._prepend(x, ops.shape(x)[0])


class _CausalConv(layers.Layer):
    """Dilated convolution of the past; as many steps come out as went in."""

    def __init__(self, filters, kernel_size=3, dilation=2, **kwargs):
        super().__init__(**kwargs)
        self.filters = count("filters", filters)
        self.kernel_size = count("kernel_size", kernel_size)
        self.dilation = count("dilation", dilation)
        self.conv = layers.Conv1D(
            filters, kernel_size, dilation_rate=dilation, dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def call(self, x):
        return self.conv(ops.pad(x, [[0, 0], [self.past(), 0], [0, 0]]))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dilation": self.dilation,
        }


@register
class CausalConvUndilatedPadding(_CausalConv):
    def past(self):
        return self.kernel_size - 1


@register
class CausalConv(_CausalConv):
    def past(self):
        return self.dilation * (self.kernel_size - 1)


class _Unet(layers.Layer):
    """One level down and up again, beside the input itself."""

    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = count("filters", filters)
        self.pool = layers.MaxPooling2D(2, padding="same", dtype=self.dtype_policy)
        self.conv = layers.Conv2D(
            filters, 3, padding="same", activation="relu", dtype=self.dtype_policy
        )
        self.up = layers.UpSampling2D(2, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.conv.build(self.pool.compute_output_shape(input_shape))

    def call(self, x):
        y = self.fit(self.up(self.conv(self.pool(x))), x)
        return ops.concatenate([x, y], axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], input_shape[-1] + self.filters)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class UnetEvenOnly(_Unet):
    def fit(self, y, x):
        return y


@register
class Unet(_Unet):
    def fit(self, y, x):
        return y[:, : ops.shape(x)[1], : ops.shape(x)[2]]


STEPS, IMAGE = (None, 6, 4), (None, 6, 8, 3)
PAIRS = [
    pair(DECLARED, "declares T // step steps where the slice gives the ceiling",
         DecimateFloor, DecimateCeil, (None, 7, 3)),
    pair(DECLARED, "the declared shape cannot be computed where the time is unknown",
         RepeatStepsKnown, RepeatSteps, STEPS),
    pair(DECLARED, "keepdims changes the output and not the declared shape",
         SpaceMeanFlat, SpaceMean, IMAGE, keepdims=True),
    pair(DECLARED, "a negative axis is used as a slice bound in the declared shape",
         ExpandAxisSliced, ExpandAxis, STEPS),
    pair(DECLARED, "two outputs come back and one shape is declared",
         PoolByScoreOneShape, PoolByScore, STEPS),
    pair(DECLARED, "the dict declared has another key than the dict that comes back",
         GaussianHeadOtherKey, GaussianHead, (None, 5), units=2),
    pair(SIZES, "a Python loop over the steps needs their number when traced",
         RunningAverageLoop, RunningAverage, STEPS),
    pair(SIZES, "the number of steps at build is kept and used in every call",
         SplitHeadsBuiltLength, SplitHeads, STEPS),
    pair(SIZES, "an unknown batch is taken as a batch of one",
         ClassTokenStaticBatch, ClassToken, STEPS),
    pair(DECLARED, "padding forgets the dilation, so that steps are lost",
         CausalConvUndilatedPadding, CausalConv, STEPS, filters=3),
    pair(SIZES, "what was pooled and upsampled no longer fits an input of odd size",
         UnetEvenOnly, Unet, IMAGE, filters=2),
]  # fmt: skip
