"""`gradient_flow`: how much of the loss's gradient reaches each block of a model."""

from __future__ import annotations

import math
import warnings
from typing import Any

import keras
import numpy as np

from kerasblocks.core.arguments import positive_int
from kerasblocks.inspect.gradients.batches import Batch, count_samples, make_batches
from kerasblocks.inspect.gradients.by_block import by_block
from kerasblocks.inspect.gradients.flow import BlockGradient, GradientFlow
from kerasblocks.inspect.gradients.forward_pass import first_not_finite, observing
from kerasblocks.inspect.gradients.training_step import (
    Gradients,
    take_step,
    with_loss,
)
from kerasblocks.inspect.graph import is_of_keras

_OWNER = "gradient_flow"


def gradient_flow(
    model: keras.Model,
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    loss: Any = None,
    batch_size: int | None = None,
    depth: int | None = 1,
) -> GradientFlow:
    """Measures the gradient of the loss in each block of a model.

    The table lists the norm of the gradient from the input to the output of the model.
    A norm that shrinks towards the input shows vanishing gradients: the first blocks
    hardly learn. A norm that grows towards the input shows exploding gradients: the
    training is unstable. The ratio to the norm of the weights tells how fast a block
    would learn with plain gradient descent. In a healthy network all blocks have about
    the same ratio.

    The loss is that of the compiled model, with its loss weights, penalties,
    `compute_loss` and `train_step`. The model runs as in training. Afterwards its
    weights, statistics, seeds, metrics and optimizer are what they were, to the bit.

    Blocks are the layers of the model that have weights. Weights that several blocks
    share count once, in the first of them.

    Args:
        model: A built Keras model of any kind.
        x: Inputs, as arrays of any structure, as for `fit`; or a dataset, from which
            the first batch is taken (and lost, if it is a generator).
        y: Targets, as arrays of any structure. A dataset has its own.
        sample_weight: Sample weights, as arrays. A dataset has its own.
        loss: A loss as for `compile`, to use in place of the model's own. A model that
            is not compiled needs one.
        batch_size: How many samples to run at once; all by default. The gradient is the
            mean over the batches, weighted by their number of samples.
        depth: 1 for the layers of the model; 2 for the layers or weights inside these
            too; and so on; None for all levels.

    Returns:
        A `GradientFlow`: a table to print, with `plot` and `to_dict`.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: the model is not built, has no trainable weight, or is not compiled
            and there is no `loss`; arrays differ in their number of samples; or the
            loss needs targets and there are none.

    Warns:
        RuntimeWarning: the loss or a gradient is not finite. The message names the
            first block where it is not.

    Example:
        >>> model = keras.Sequential(
        ...     [keras.Input((4,)), keras.layers.Dense(8, name="first")]
        ...     + [keras.layers.Dense(1, name="last")]
        ... )
        >>> flow = gradient_flow(model, np.ones((2, 4)), np.zeros((2, 1)), loss="mse")
        >>> [(block.name, block.weights) for block in flow.blocks]
        [('first', 40), ('last', 9)]

    Reference: Glorot and Bengio, Understanding the difficulty of training deep
    feedforward neural networks, AISTATS 2010.
    """
    _check_model(model, loss)
    if depth is not None:
        depth = positive_int(_OWNER, "depth", depth)
    batches = make_batches(_OWNER, x, y, sample_weight, batch_size)
    trained = model if loss is None else with_loss(model, loss)
    if batches[0][1] is None and _wants_targets(trained):
        raise ValueError(
            f"{_OWNER}: 'y' must be given for the loss {trained.loss!r}, got None"
        )
    order: list[int] = []
    with observing(model, lambda layer, _: order.append(id(layer))):
        gradients = _mean(trained, batches)
    blocks = by_block(model, gradients.of, order, depth)
    warning = _not_finite(model, batches, gradients, blocks)
    if warning:
        warnings.warn(f"{_OWNER}: {warning}", RuntimeWarning, stacklevel=2)
    samples = sum(map(count_samples, batches))
    return GradientFlow(gradients.loss, samples, blocks, warning)


def _check_model(model: Any, loss: Any) -> None:
    if not isinstance(model, keras.Model):
        raise TypeError(f"{_OWNER}: 'model' must be a Keras model, got {model!r}")
    called = f"the model {model.name!r} ({type(model).__name__})"
    if not model.built:
        raise ValueError(
            f"{_OWNER}: {called} must be built; call it on a batch, or build(shape)"
        )
    if loss is None and not model.compiled:
        raise ValueError(
            f"{_OWNER}: 'loss' must be given, as {called} is not compiled, got None"
        )
    if not model.trainable_variables:
        raise ValueError(f"{_OWNER}: {called} must have a trainable weight, got none")


def _wants_targets(model: keras.Model) -> bool:
    usual = is_of_keras(type(model).compute_loss)
    return usual and bool(getattr(model, "loss", None))


def _mean(model: keras.Model, batches: list[Batch]) -> Gradients:
    """The mean of the gradients of batches, weighted by their number of samples."""
    samples = sum(map(count_samples, batches))
    losses: list[float | None] = []
    of: dict[int, np.ndarray | None] = {}
    for batch in batches:
        step = take_step(model, batch)
        if not step.of:
            raise ValueError(
                f"{_OWNER}: the train_step of {type(model).__name__} must apply its "
                "gradients with self.optimizer"
            )
        share = count_samples(batch) / samples
        losses.append(None if step.loss is None else share * step.loss)
        for key, gradient in step.of.items():
            before = of.setdefault(key, None)
            if gradient is not None:
                part = share * gradient
                of[key] = part if before is None else before + part
    known = [loss for loss in losses if loss is not None]
    return Gradients(sum(known) if len(known) == len(losses) else None, of)


def _not_finite(
    model: keras.Model,
    batches: list[Batch],
    gradients: Gradients,
    blocks: tuple[BlockGradient, ...],
) -> str:
    """Says where the first NaN or infinity is, if there is any."""
    if gradients.loss is not None and not math.isfinite(gradients.loss):
        for batch in batches:
            source = first_not_finite(model, batch[0])
            if source:
                return f"the loss is {gradients.loss}: {source} is not finite"
        return f"the loss is {gradients.loss}, but the output of every block is finite"
    names = [block.name for block in blocks if "not finite" in block.note]
    if not names:
        return ""
    return f"the gradient is not finite, first (from the loss back) in {names[-1]!r}"
