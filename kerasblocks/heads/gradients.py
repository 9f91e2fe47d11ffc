"""The loss and the gradient of each head of a model on one batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasblocks.gradients import Recorder, undisturbed
from kerasblocks.heads.loss import balanced_losses


class HeadGradient(NamedTuple):
    """The loss of one head, and the norm of its gradient on the shared weights."""

    loss: float
    norm: float


class HeadGradients:
    """Measures the heads of a model on one batch, as in training.

    A weight is shared if it has a gradient from the losses of at least two heads. The
    batch runs with `training=True`, through the training step of a temporary Keras
    model for each head. Then all weights and states are restored.

    Args:
        model: A model with a dict of outputs.
        losses: The loss of each head, as `compile` takes it.
        x: The inputs of a batch.
        y: A dict of labels by the names of the heads.
        sample_weight: A dict of sample weights for some heads.

    Raises:
        ValueError: the model's output is not a dict with the names of the heads, or no
            two heads share a trainable weight.
    """

    def __init__(
        self,
        model: keras.Model,
        losses: Mapping[str, Any],
        x: Any,
        y: Mapping[str, Any],
        sample_weight: Mapping[str, Any],
    ):
        self.model = model
        self.x, self.y, self.sample_weight = x, y, sample_weight
        if not model.built:
            model(x)  # on TensorFlow, `fit` builds it only in its first step
        with undisturbed(model):
            self.shared = self._find_shared(list(losses))
        if not self.shared:
            raise ValueError(
                "HeadMonitor: two heads of the model must share a trainable weight, "
                "got none"
            )
        self.heads = {name: OneHead(model, name) for name in losses}
        for name, head in self.heads.items():
            head.compile(
                Recorder(),
                loss=losses[name],
                run_eagerly=True,
                auto_scale_loss=False,
            )

    def measure(self) -> dict[str, HeadGradient]:
        """The loss and the norm of the gradient of each head, by name."""
        measured = {}
        for name, head in self.heads.items():
            # Every head gets the same weights and the same dropout.
            with undisturbed(self.model), balanced_losses():
                loss = head.train_on_batch(
                    self.x,
                    self.y[name],
                    sample_weight=self.sample_weight.get(name),
                    return_dict=True,
                )["loss"]
            gradients = head.gradients()
            squares = [
                np.sum(np.square(gradient, dtype="float64"))
                for place in self.shared
                if (gradient := gradients[place]) is not None
            ]
            norm = float(np.sqrt(np.sum(squares)))
            measured[name] = HeadGradient(float(loss), norm)
        return measured

    def _find_shared(self, names: list[str]) -> list[int]:
        """The positions of the trainable weights with an element that two heads share.

        Elements count, because the wide kernel of `MultiHeadOutput` has columns for
        each head and shares none of them.
        """
        reached = [np.zeros(v.shape, "int32") for v in self.model.trainable_variables]
        for name in names:
            touch = Touch(self.model, name)
            touch.compile(Recorder(), run_eagerly=True, auto_scale_loss=False)
            touch.train_on_batch(self.x)
            for count, gradient in zip(reached, touch.gradients(), strict=True):
                if gradient is not None:
                    count += np.isnan(gradient)
        return [place for place, count in enumerate(reached) if (count > 1).any()]


class OneHead(keras.Model):
    """A model of one head: the weights of the whole model, and one of its outputs."""

    def __init__(self, model: keras.Model, head: str):
        super().__init__(name="one_head", dtype=model.dtype_policy)
        self.model = model
        self.head = head
        # Keras needs a weight with a gradient, even where the head has none.
        self.anchor = self.add_weight(shape=(), initializer="zeros", name="anchor")
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        outputs = self.model(inputs)  # Keras passes `training` on
        if not isinstance(outputs, Mapping) or self.head not in outputs:
            got = list(outputs) if isinstance(outputs, Mapping) else outputs
            raise ValueError(
                "HeadMonitor: the model's output must be a dict with the names of the "
                f"losses, such as {self.head!r}, got {got!r}"
            )
        return outputs[self.head]

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ) -> Any:
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + 0 * ops.cast(self.anchor, loss.dtype)

    @property
    def losses(self) -> list[Any]:
        """Empty: penalties on weights and activations do not belong to a head."""
        return []

    def gradients(self) -> list[np.ndarray | None]:
        """The last gradient of each trainable variable of the model."""
        own = map(id, self.trainable_variables)
        gradients = dict(zip(own, self.optimizer.gradients, strict=True))
        return [gradients[id(each)] for each in self.model.trainable_variables]


class Touch(OneHead):
    """A head whose gradient is NaN wherever its output depends on a weight.

    NaN also passes through zeros, such as those of a kernel initialized with zeros.
    """

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ) -> Any:
        total = ops.sum(ops.cast(y_pred, "float32"))
        return float("nan") * total + 0 * ops.cast(self.anchor, "float32")
