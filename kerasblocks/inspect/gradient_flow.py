"""`gradient_flow`: how much of the loss's gradient reaches each block of a model."""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerasblocks.core._keras import sublayers
from kerasblocks.core.arguments import positive_int
from kerasblocks.gradients import undisturbed
from kerasblocks.inspect.gradients.batches import Batch, count_samples, make_batches
from kerasblocks.inspect.gradients.layer_watch import watching
from kerasblocks.inspect.gradients.rows import GradientRows
from kerasblocks.inspect.gradients.step import Gradients, take_step, with_loss
from kerasblocks.inspect.gradients.table import BlockGradient, GradientFlow

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
    """The norm of the loss's gradient in each block of a model, input to output.

    A gradient that fades from the last blocks to the first tells of a network that is
    too deep to learn (vanishing gradients), one that grows of a network that will not
    settle (exploding gradients). The ratio of its norm to that of the weights tells how
    fast a block would learn with plain gradient descent: about as fast in all blocks,
    if all is well.

    The loss is the model's own, as it was compiled: with its loss weights, penalties,
    `compute_loss` and `train_step`. The model runs as in training and is then as it
    was, to the last bit: weights, statistics, seeds, metrics and optimizer.

    Blocks are the layers of the model that have weights. Weights that several blocks
    share are counted once, in the first.

    Args:
        model: A built Keras model of any kind.
        x: Inputs, arrays of any structure, as for `fit`; or a dataset, whose first
            batch is taken (a generator loses it).
        y: Targets, likewise; not with a dataset.
        sample_weight: Sample weights, likewise.
        loss: A loss as for `compile`, to be used in place of the model's own; a model
            that is not compiled needs one.
        batch_size: How many samples to run at once, if not all: the gradient is then
            the mean of the batches', each counted by its samples.
        depth: 1 for the model's own layers; 2 to see what is inside these too: nested
            layers, or the single weights; and so on; None for everything.

    Returns:
        A `GradientFlow`: a table to print, with `plot` and `to_dict`.

    Raises:
        TypeError: `model` is not a Keras model.
        ValueError: it is not built, is not compiled and there is no `loss`, or has no
            trainable weight; arrays differ in their number of samples, or there are no
            targets for a loss that wants some.

    Warns:
        RuntimeWarning: the loss or a gradient is not finite; it names the first block
            where that is so.

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
    with watching(model, lambda layer, _: order.append(id(layer))):
        gradients = _mean(trained, batches)
    blocks = GradientRows(model, gradients.of, order).read(depth)
    warning = _what_is_not_finite(model, batches, gradients, blocks)
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
    of_keras = type(model).compute_loss.__module__.partition(".")[0] == "keras"
    return of_keras and bool(getattr(model, "loss", None))


def _mean(model: keras.Model, batches: list[Batch]) -> Gradients:
    """The mean of the gradients of batches, each counted by its samples."""
    samples = sum(map(count_samples, batches))
    losses: list[float | None] = []
    of: dict[int, np.ndarray | None] = {}
    for batch in batches:
        step = take_step(model, batch)
        if not step.of:
            raise ValueError(
                f"{_OWNER}: the train_step of {type(model).__name__} must apply its "
                "gradients by self.optimizer"
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


def _what_is_not_finite(
    model: keras.Model,
    batches: list[Batch],
    gradients: Gradients,
    blocks: tuple[BlockGradient, ...],
) -> str:
    """Where NaN or infinity comes from, if there is any: the first block to make it."""
    if gradients.loss is not None and not math.isfinite(gradients.loss):
        for batch in batches:
            culprit = _first_not_finite(model, batch)
            if culprit:
                return f"the loss is {gradients.loss}: {culprit} is not finite"
        return (
            f"the loss is {gradients.loss}, though the output of every block is finite"
        )
    lost = [block.name for block in blocks if "not finite" in block.note]
    if not lost:
        return ""
    return (
        "the gradient is not finite, on its way back from the loss first in "
        f"{lost[-1]!r}"
    )


def _first_not_finite(model: keras.Model, batch: Batch) -> str:
    """The inputs, or the first layer of which an output is not finite, in words."""
    if not _is_finite(batch[0]):
        return "'x'"
    lost: list[keras.layers.Layer] = []
    training = "training" in inspect.signature(model.call).parameters

    def note(layer: keras.layers.Layer, outputs: Any) -> None:
        if not lost and not _is_finite(outputs):
            lost.append(layer)

    with undisturbed(model), watching(model, note):
        model(batch[0], **({"training": True} if training else {}))
    return f"the output of {_path(model, lost[0])!r}" if lost else ""


def _is_finite(arrays: Any) -> bool:
    floats = [
        array
        for array in tree.flatten(arrays)
        if array is not None
        and getattr(array.dtype, "kind", "f") not in "OSTU"  # NumPy's strings
        and keras.backend.is_float_dtype(keras.backend.standardize_dtype(array.dtype))
    ]
    return all(bool(ops.all(ops.isfinite(array))) for array in floats)


def _path(layer: keras.layers.Layer, wanted: keras.layers.Layer) -> str:
    """The name of a layer inside another, after those of the layers around it."""
    for inner in sublayers(layer):
        if inner is wanted:
            return inner.name
        below = _path(inner, wanted)
        if below:
            return f"{inner.name}/{below}"
    return ""
