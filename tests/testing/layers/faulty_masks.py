"""Masks: declared support, the mask that comes out, and padding that leaks."""

from keras import layers, ops

from tests.testing.layers.pair import count, pair, register

LEAK = "padding does not leak"
SUPPORT = "declared mask support is true"
FITS = "the mask fits what comes out"


def lowest(x):
    return -6e4 if x.dtype == "float16" else -1e30


class _Masked(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.supports_masking = True


class _Smooth(_Masked):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = count("filters", filters)
        self.conv = layers.Conv1D(
            filters, 3, padding="same", activation="relu", dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.conv.build(input_shape)

    def get_config(self):
        return {**super().get_config(), "filters": self.filters}


@register
class SmoothLeaks(_Smooth):
    def call(self, x, mask=None):
        return self.conv(x)


@register
class Smooth(_Smooth):
    def call(self, x, mask=None):
        if mask is not None:
            x = x * ops.cast(mask, x.dtype)[..., None]
        return self.conv(x)


class _Pool(_Masked):
    def compute_mask(self, x, mask=None):
        return None

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[2])


@register
class MeanIgnoresMask(_Pool):
    def call(self, x):
        return ops.mean(x, axis=1)


@register
class MeanOfAllSteps(_Pool):
    def call(self, x, mask=None):
        if mask is not None:
            x = x * ops.cast(mask, x.dtype)[..., None]
        return ops.mean(x, axis=1)


@register
class Mean(_Pool):
    def call(self, x, mask=None):
        if mask is None:
            return ops.mean(x, axis=1)
        weight = ops.cast(mask, x.dtype)[..., None]
        known = ops.maximum(ops.sum(weight, axis=1), 1)
        return ops.sum(x * weight, axis=1) / known


@register
class PeakCountsPadding(_Pool):
    def call(self, x, mask=None):
        if mask is not None:
            x = x * ops.cast(mask, x.dtype)[..., None]
        return ops.max(x, axis=1)


@register
class Peak(_Pool):
    def call(self, x, mask=None):
        if mask is None:
            return ops.max(x, axis=1)
        mask = mask[..., None]
        peak = ops.max(ops.where(mask, x, ops.cast(lowest(x), x.dtype)), axis=1)
        return ops.where(ops.any(mask, axis=1), peak, ops.zeros_like(peak))


class _Attend(_Pool):
    def build(self, input_shape):
        self.query = self.add_weight(shape=(input_shape[-1], 1), name="query")

    def pool(self, x, scores):
        return ops.sum(x * scores, axis=1)


@register
class AttendMasksLate(_Attend):
    def call(self, x, mask=None):
        scores = ops.softmax(ops.matmul(x, self.query), axis=1)
        if mask is not None:
            scores = scores * ops.cast(mask, x.dtype)[..., None]
        return self.pool(x, scores)


@register
class Attend(_Attend):
    def call(self, x, mask=None):
        scores = ops.matmul(x, self.query)
        if mask is not None:
            known = mask[..., None]
            scores = ops.where(known, scores, ops.cast(lowest(x), x.dtype))
            # Once more after the softmax, for a row of padding alone.
            return self.pool(x, ops.softmax(scores, axis=1) * ops.cast(known, x.dtype))
        return self.pool(x, ops.softmax(scores, axis=1))


class _EverySecond(_Masked):
    def call(self, x):
        return x[:, ::2]

    def compute_output_shape(self, input_shape):
        steps = input_shape[1]
        steps = None if steps is None else (steps + 1) // 2
        return (input_shape[0], steps, *input_shape[2:])


@register
class EverySecondOldMask(_EverySecond):
    pass


@register
class EverySecond(_EverySecond):
    def compute_mask(self, x, mask=None):
        return None if mask is None else mask[:, ::2]


class _Start(_Masked):
    """Puts a learned step before the others."""

    def build(self, input_shape):
        self.step = self.add_weight(
            shape=(1, 1, input_shape[-1]), name="step", initializer="random_normal"
        )

    def call(self, x):
        shape = (ops.shape(x)[0], 1, x.shape[-1])
        step = ops.broadcast_to(ops.cast(self.step, x.dtype), shape)
        return ops.concatenate([step, x], axis=1)


@register
class StartOldMask(_Start):
    pass


@register
class Start(_Start):
    def compute_mask(self, x, mask=None):
        if mask is None:
            return None
        return ops.concatenate([ops.ones_like(mask[:, :1]), mask], axis=1)


class _Backwards(_Masked):
    def call(self, x):
        return ops.flip(x, axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class BackwardsOldMask(_Backwards):
    pass


@register
class Backwards(_Backwards):
    def compute_mask(self, x, mask=None):
        return None if mask is None else ops.flip(mask, axis=1)


class _Total(_Masked):
    """The sum of each feature up to each step."""

    def call(self, x, mask=None):
        y = ops.cast(x, "float32")
        if mask is not None:
            y = self.known(y, mask[..., None])
        return ops.cast(ops.cumsum(y, axis=1), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class TotalInverted(_Total):
    def known(self, y, mask):
        return ops.where(mask, ops.zeros_like(y), y)


@register
class Total(_Total):
    def known(self, y, mask):
        return ops.where(mask, y, ops.zeros_like(y))


class _Merge(_Masked):
    def call(self, inputs):
        left, right = inputs
        return left * right

    def compute_output_shape(self, input_shape):
        return input_shape[0]


@register
class MergeTwoMasks(_Merge):
    def compute_mask(self, inputs, mask=None):
        return mask


@register
class Merge(_Merge):
    def compute_mask(self, inputs, mask=None):
        known = [m for m in mask or () if m is not None]
        if not known:
            return None
        return known[0] if len(known) == 1 else ops.logical_and(*known)


class _SkipZeros(_Masked):
    """Masks the steps that are all zeros."""

    def call(self, x):
        return x

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class SkipZerosWideMask(_SkipZeros):
    def compute_mask(self, x, mask=None):
        return ops.any(ops.not_equal(x, 0), axis=-1, keepdims=True)


@register
class SkipZeros(_SkipZeros):
    def compute_mask(self, x, mask=None):
        found = ops.any(ops.not_equal(x, 0), axis=-1)
        return found if mask is None else ops.logical_and(found, mask)


STEPS = (None, 6, 3)
PAIRS = [
    pair(LEAK, "masks are said to be supported, and a convolution mixes padding in",
         SmoothLeaks, Smooth, STEPS, filters=4),
    pair(SUPPORT, "masks are said to be supported, and the mean counts padding",
         MeanIgnoresMask, Mean, STEPS),
    pair(LEAK, "the mean over time is divided by the padded length",
         MeanOfAllSteps, Mean, STEPS),
    pair(LEAK, "padding counts as zeros in a maximum",
         PeakCountsPadding, Peak, STEPS),
    pair(LEAK, "the mask comes after the softmax, whose sum has padding in it",
         AttendMasksLate, Attend, STEPS),
    pair(FITS, "every second step is left and the mask is not shortened",
         EverySecondOldMask, EverySecond, STEPS),
    pair(FITS, "a step is put in front and the mask is not lengthened",
         StartOldMask, Start, STEPS),
    pair(FITS, "time runs backwards and the mask does not",
         BackwardsOldMask, Backwards, STEPS),
    pair(LEAK, "the mask is read the wrong way round",
         TotalInverted, Total, STEPS),
    pair(FITS, "two masks come out for one merged output",
         MergeTwoMasks, Merge, [STEPS, STEPS]),
    pair(FITS, "the mask that is made keeps the axis of the features",
         SkipZerosWideMask, SkipZeros, STEPS),
]  # fmt: skip
