"""Right layers with an unusual base, or with masks."""

import keras
from keras import layers, ops

from tests.testing.layers.case import case, register
from tests.testing.layers.pair import count, flag


@register
class SumOverTime(layers.Layer):
    def call(self, x, mask=None):
        if mask is not None:
            x = x * ops.cast(mask, x.dtype)[..., None]
        return ops.sum(x, axis=1)

    def compute_mask(self, x, mask=None):
        return None


@register
class PairMean(layers.Layer):
    """The mean of each two steps, over those that are not padding."""

    def halves(self, x):
        steps = ops.shape(x)[1] // 2
        shape = (ops.shape(x)[0], steps, 2, *x.shape[2:])
        return ops.reshape(x[:, : 2 * steps], shape)

    def call(self, x, mask=None):
        y = self.halves(x)
        if mask is None:
            return ops.mean(y, axis=2)
        known = ops.cast(self.halves(mask), x.dtype)[..., None]
        return ops.sum(y * known, axis=2) / ops.maximum(ops.sum(known, axis=2), 1)

    def compute_mask(self, x, mask=None):
        return None if mask is None else ops.any(self.halves(mask), axis=2)


@register
class LastStep(layers.Layer):
    """The last step that is not padding; zeros if all of it is."""

    def call(self, x, mask=None):
        if mask is None:
            return x[:, -1]
        steps = ops.cast(mask, "int32") * ops.arange(ops.shape(x)[1], dtype="int32")
        last = ops.max(steps, axis=1)[:, None, None]
        found = ops.any(mask, axis=1)[:, None]
        y = ops.squeeze(ops.take_along_axis(x, last, axis=1), axis=1)
        return y * ops.cast(found, x.dtype)

    def compute_mask(self, x, mask=None):
        return None


@register
class Ids(layers.Layer):
    """Looks ids up, and masks those that are zero."""

    def __init__(self, size=8, units=3, **kwargs):
        super().__init__(**kwargs)
        self.size, self.units = count("size", size), count("units", units)
        self.table = layers.Embedding(
            size, units, mask_zero=True, dtype=self.dtype_policy
        )

    def build(self, input_shape):
        self.table.build(input_shape)

    def call(self, x):
        return self.table(x)

    def compute_mask(self, x, mask=None):
        return self.table.compute_mask(x)

    def get_config(self):
        return {**super().get_config(), "size": self.size, "units": self.units}


@register
class MinimalCell(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = self.state_size = self.output_size = count("units", units)

    def build(self, input_shape):
        self.input_kernel = self.add_weight(
            shape=(input_shape[-1], 2 * self.units), name="input_kernel"
        )
        self.state_kernel = self.add_weight(
            shape=(self.units, self.units), name="state_kernel"
        )

    def call(self, x, states, training=None):
        (state,) = states
        gate, new = ops.split(ops.matmul(x, self.input_kernel), 2, axis=-1)
        gate = ops.sigmoid(gate + ops.matmul(state, self.state_kernel))
        state = gate * state + (1 - gate) * ops.tanh(new)
        return state, [state]

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@register
class MinimalRNN(layers.RNN):
    def __init__(self, units, return_sequences=False, **kwargs):
        cell = MinimalCell(units, dtype=kwargs.get("dtype"), name="cell")
        flag("return_sequences", return_sequences)
        super().__init__(cell, return_sequences=return_sequences, **kwargs)

    def get_config(self):
        config = super().get_config()
        del config["cell"]
        return {**config, "units": self.cell.units}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


@register
class AroundResidual(layers.Wrapper):
    def call(self, x):
        return x + self.layer(x)

    def compute_output_shape(self, input_shape):
        return input_shape

    @classmethod
    def from_config(cls, config):
        # The one of Wrapper takes "layer" out of its caller's dict.
        return super().from_config(dict(config))


def around_dense(**kwargs):
    return AroundResidual(layers.Dense(4, dtype=kwargs.get("dtype")), **kwargs)


@register
class CenteredConv(layers.Conv2D):
    """Its kernel has a mean of zero for each filter."""

    def __init__(self, filters, kernel_size=2, **kwargs):
        size = kernel_size if isinstance(kernel_size, tuple | list) else [kernel_size]
        for n in size:
            count("kernel_size", n)
        super().__init__(count("filters", filters), kernel_size, **kwargs)

    def convolution_op(self, inputs, kernel):
        kernel = ops.convert_to_tensor(kernel)
        kernel = kernel - ops.mean(kernel, axis=(0, 1, 2), keepdims=True)
        return super().convolution_op(inputs, kernel)


@register
class SmallModel(keras.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = count("units", units)
        self.hidden = layers.Dense(units, "relu", dtype=self.dtype_policy)
        self.final = layers.Dense(1, dtype=self.dtype_policy)

    def build(self, input_shape):
        self.hidden.build(input_shape)
        self.final.build((*input_shape[:-1], self.units))

    def call(self, x):
        return self.final(self.hidden(x))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


def sequential(name=None, trainable=True):
    steps = [layers.Input((4,)), layers.Dense(3, "tanh"), layers.Dense(2)]
    return keras.Sequential(steps, name=name, trainable=trainable)


STEPS, IMAGE, VECTOR = (None, 6, 4), (None, 4, 6, 3), (None, 4)
CASES = [
    case("takes a mask and passes none on", SumOverTime, STEPS),
    case("shortens time, and the mask with it; an odd step is cut off",
         PairMean, STEPS),
    case("gathers one step by an index made of the mask", LastStep, STEPS),
    case("makes a mask of its integer inputs", Ids, (None, 5), "int32"),
    case("a subclass of RNN with a cell of its own", MinimalRNN, STEPS, units=3),
    case("a Wrapper around a layer that came from outside", around_dense, VECTOR),
    case("a subclass of Conv2D", CenteredConv, IMAGE, filters=2),
    case("a Model used as a layer", SmallModel, VECTOR, units=3),
    case("a Sequential model as a layer, which takes no dtype", sequential, VECTOR),
]  # fmt: skip
