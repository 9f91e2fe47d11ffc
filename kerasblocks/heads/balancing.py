"""Balancing: layers that weigh the losses of several heads while training."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import did_you_mean, positive_int, positive_number
from kerasblocks.core.block import Block


class Balancing(Block):
    """Weighs losses against each other, with weights that belong to the layer.

    A loss of exactly 0 stays 0 and does not change the weights: the head has no label
    in the batch. Losses keep their dtype whatever the layer's policy, because they
    would overflow in float16.

    Input shape: `(..., losses)`.
    Output shape: the same, each loss times its weight.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.autocast = False

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, inputs.dtype)

    def current_weights(self) -> Any:
        """The weight of each loss, of shape `(losses,)`."""
        raise NotImplementedError(f"{self._owner} must implement current_weights()")

    @property
    def _exact(self) -> str:
        """The dtype of the weights, float32 where the policy's is narrower."""
        return keras.backend.result_type(self.variable_dtype, "float32")

    def _add(
        self, name: str, shape: tuple, value: str = "zeros", **options: Any
    ) -> Any:
        return self.add_weight(
            shape, value, self._exact, autocast=False, name=name, **options
        )

    def _add_state(self, name: str, shape: tuple, value: str = "zeros") -> Any:
        return self._add(name, shape, value, trainable=False)


@keras.saving.register_keras_serializable(package="kerasblocks")
class Uncertainty(Balancing):
    """Learns a variance for each loss: `exp(-s) * loss + s / 2`, with `s` trained.

    A loss that stays large counts as noisy and gets a small weight. The term `s / 2`
    keeps the weights from vanishing. The optimal weight is `1 / (2 * loss)`. The paper
    halves squared errors, which only shifts `s` by `log 2`.

    Input shape: `(..., losses)`.
    Output shape: the same.

    Args:
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> layer = Uncertainty()
        >>> keras.ops.convert_to_numpy(layer(keras.ops.ones((2,)))).tolist()
        [1.0, 1.0]

    Reference: Kendall, Gal and Cipolla, Multi-Task Learning Using Uncertainty to Weigh
    Losses for Scene Geometry and Semantics, CVPR 2018.
    """

    def build(self, input_shape: Any) -> None:
        self.log_variances = self._add("log_variances", (input_shape[-1],))

    def call(self, inputs: Any) -> Any:
        s = ops.cast(self.log_variances, inputs.dtype)
        weighted = ops.exp(-s) * inputs + s / 2
        return ops.where(inputs != 0, weighted, ops.zeros_like(inputs))

    def current_weights(self) -> Any:
        return ops.exp(-ops.convert_to_tensor(self.log_variances))


@keras.saving.register_keras_serializable(package="kerasblocks")
class ScaleNormalization(Balancing):
    """Divides each loss by a running mean of its size, so that all count the same.

    Input shape: `(..., losses)`.
    Output shape: the same.

    Args:
        momentum: How much of the running mean is kept at each training step.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `momentum` is not a number from 0 to less than 1.

    Example:
        >>> layer = ScaleNormalization()
        >>> losses = keras.ops.convert_to_tensor([[100.0, 0.5]])
        >>> keras.ops.convert_to_numpy(layer(losses, training=True)).round(5).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, momentum: float = 0.99, **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(momentum, bool) or not (
            isinstance(momentum, int | float) and 0 <= momentum < 1
        ):
            raise ValueError(
                f"{self._owner}: 'momentum' must be a number from 0 to less than 1, "
                f"got {momentum!r}"
            )
        self.momentum = momentum

    def build(self, input_shape: Any) -> None:
        # The mean is `sums / parts`, which is right from the first step on.
        self.sums = self._add_state("sums", (input_shape[-1],))
        self.parts = self._add_state("parts", (input_shape[-1],))

    def call(self, inputs: Any, training: bool = False) -> Any:
        if training and self.trainable:
            rest = 1 - self.momentum
            sizes, seen = _seen(inputs, self._exact)
            for state, value in (
                (self.sums, sizes),
                (self.parts, ops.ones_like(sizes)),
            ):
                moved = state * self.momentum + value * rest
                state.assign(ops.where(seen, moved, ops.convert_to_tensor(state)))
        weights = ops.cast(self.current_weights(), inputs.dtype)
        return inputs * ops.stop_gradient(weights)

    def current_weights(self) -> Any:
        sums, parts = (
            ops.convert_to_tensor(self.sums),
            ops.convert_to_tensor(self.parts),
        )
        known = sums > 0
        return ops.where(known, parts / ops.where(known, sums, 1.0), 1.0)


@keras.saving.register_keras_serializable(package="kerasblocks")
class DynamicWeightAverage(Balancing):
    """Gives more weight to the losses that fall slowly.

    The ratio of a loss is its mean over one period of training steps, divided by its
    mean over the period before. After each period, the weights become the softmax of
    the ratios divided by the temperature, times the number of losses. They are 1
    during the first two periods.

    Input shape: `(..., losses)`.
    Output shape: the same.

    Args:
        period: The number of training steps of a period. The paper takes an epoch:
            the number of batches.
        temperature: A higher temperature makes the weights more equal.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not a positive number.

    Example:
        >>> DynamicWeightAverage(period=100).temperature
        2.0

    Reference: Liu, Johns and Davison, End-to-End Multi-Task Learning with Attention,
    CVPR 2019.
    """

    def __init__(self, period: int, temperature: float = 2.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.period = positive_int(self._owner, "period", period)
        self.temperature = positive_number(self._owner, "temperature", temperature)

    def build(self, input_shape: Any) -> None:
        losses = (input_shape[-1],)
        self.sums = self._add_state("sums", losses)
        self.counts = self._add_state("counts", losses)
        self.before = self._add_state("before", losses)
        self.balance = self._add_state("weights", losses, "ones")
        self.step = self._add_state("step", ())

    def call(self, inputs: Any, training: bool = False) -> Any:
        # A copy, taken before the weights change: a tensor read from a variable may
        # change with it, and torch needs the old values for the gradient.
        weights = ops.cast(ops.copy(ops.convert_to_tensor(self.balance)), inputs.dtype)
        outputs = inputs * ops.stop_gradient(weights)
        if training and self.trainable:
            self._see(inputs)
        return outputs

    def current_weights(self) -> Any:
        return ops.convert_to_tensor(self.balance)

    def _see(self, losses: Any) -> None:
        """Adds a step to the means, and sets the weights at the end of a period."""
        sizes, seen = _seen(losses, self._exact)
        sums = self.sums + sizes
        counts = self.counts + ops.cast(seen, sums.dtype)
        step = self.step + 1
        ends = step >= self.period
        before = ops.convert_to_tensor(self.before)
        means = sums / ops.maximum(counts, 1.0)
        # The ratio is 1 where one of the two means is not known.
        known = ops.logical_and(before > 0, means > 0)
        ratios = ops.where(known, means / ops.where(known, before, 1.0), 1.0)
        weights = ops.softmax(ratios / self.temperature) * losses.shape[-1]
        self.balance.assign(
            ops.where(ends, weights, ops.convert_to_tensor(self.balance))
        )
        self.before.assign(ops.where(ends & (means > 0), means, before))
        self.sums.assign(ops.where(ends, ops.zeros_like(sums), sums))
        self.counts.assign(ops.where(ends, ops.zeros_like(counts), counts))
        self.step.assign(ops.where(ends, ops.zeros_like(step), step))


BALANCINGS = {"uncertainty": Uncertainty, "scale": ScaleNormalization}


def make_balancing(owner: str, balancing: Any, dtype: Any) -> Balancing | None:
    """The balancing layer for a name; a layer or None is returned as it is."""
    if balancing is None or isinstance(balancing, Balancing):
        return balancing
    if isinstance(balancing, str) and balancing in BALANCINGS:
        return BALANCINGS[balancing](name="balancing", dtype=dtype)
    names = ", ".join(map(repr, BALANCINGS))
    raise ValueError(
        f"{owner}: 'balancing' must be {names}, a layer such as "
        f"DynamicWeightAverage(period=100), or None, got {balancing!r}"
        f"{did_you_mean(balancing, BALANCINGS)}"
    )


def _seen(losses: Any, dtype: Any) -> tuple[Any, Any]:
    """The mean size of the nonzero values of each loss, and whether there are any."""
    sizes = ops.abs(ops.cast(ops.stop_gradient(losses), dtype))
    sizes = ops.reshape(sizes, (-1, losses.shape[-1]))
    seen = sizes > 0
    count = ops.sum(ops.cast(seen, dtype), axis=0)
    return ops.sum(sizes, axis=0) / ops.maximum(count, 1.0), count > 0
