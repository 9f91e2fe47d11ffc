"""`MultiHeadOutput`: named outputs of several tasks from shared features."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import keras

from kerasblocks.arguments import did_you_mean
from kerasblocks.blocks.chain import Chain
from kerasblocks.blocks.composite import Composite, Run, build_layer
from kerasblocks.blocks.tasks import Task
from kerasblocks.blocks.templates import make_activation
from kerasblocks.blocks.wide_dense import SplitFeatures, build_wide_dense


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiHeadOutput(Composite):
    """A dict of outputs, one for each task, from the same features.

    Heads without hidden layers run as one matrix product, and each starts as its own
    Dense layer would. Outputs are float32 under float16 and bfloat16 policies.

    Input shape: `(batch, ..., features)`.
    Output shape: a dict with `(batch, ..., units)` for each head.

    A model that gives this dict takes dicts of losses, weights and targets, in any
    order, by the names of the heads. (One that gives a list of its values has no names
    for them: Keras takes them from layers. It needs lists throughout.)

    Args:
        heads: A dict of `Regression`, `Binary`, `Multiclass` or `Multilabel` by the
            names of the outputs.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `heads` is not such a dict, or is empty.

    Example:
        >>> from kerasblocks import Binary, Multiclass, Regression
        >>> heads = MultiHeadOutput({
        ...     "age": Regression(), "income": Multiclass(10), "gender": Binary()
        ... })
        >>> features = keras.Input((128,))
        >>> model = keras.Model(features, heads(features))
        >>> model.compile("adam", **heads.compile_args(loss_weights={"age": 0.25}))
        >>> heads.compute_output_shape((None, 128))
        {'age': (None, 1), 'income': (None, 10), 'gender': (None, 1)}

    Reference: Caruana, Multitask Learning, Machine Learning 28, 1997.
    """

    def __init__(self, heads: Mapping[str, Task], **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(heads, Mapping) or not heads:
            raise ValueError(
                f"{self._owner}: 'heads' must be a dict of at least one task, got "
                f"{heads!r}"
            )
        for name, task in heads.items():
            if not isinstance(name, str) or not name or "/" in name:
                raise ValueError(
                    f"{self._owner}: a name in 'heads' must be a string without '/', "
                    f"got {name!r}"
                )
            if not isinstance(task, Task):
                raise ValueError(
                    f"{self._owner}: 'heads' must hold tasks such as Regression(), got "
                    f"{task!r} for {name!r}"
                )
        self.heads = dict(heads)
        self.dense: keras.layers.Dense | None = None
        self.split: SplitFeatures | None = None

    def compile_args(
        self,
        loss_weights: Mapping[str, float] | None = None,
        *,
        loss: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The arguments `loss`, `metrics` and `loss_weights` for `model.compile`.

        Args:
            loss_weights: A weight for some heads; 1.0 for the others.
            loss: A loss for some heads, instead of their task's own.
            metrics: A list of metrics for some heads, instead of their task's own.

        Returns:
            A dict of dicts by the names of the heads, for `model.compile(**...)`.

        Raises:
            ValueError: a name is not that of a head, or a weight is not a number of
                0 or more.
        """
        given = {"loss": loss, "metrics": metrics, "loss_weights": loss_weights}
        for argument, values in given.items():
            self._check_names(argument, values)
        weights = dict.fromkeys(self.heads, 1.0) | dict(loss_weights or {})
        for name, weight in weights.items():
            if (
                isinstance(weight, bool)
                or not isinstance(weight, numbers.Real)
                or not 0 <= weight < float("inf")
            ):
                raise ValueError(
                    f"{self._owner}: the weight in 'loss_weights' for {name!r} must be "
                    f"a number of 0 or more, got {weight!r}"
                )
        tasks = self.heads.items()
        return {
            "loss": {name: task.loss for name, task in tasks} | dict(loss or {}),
            "metrics": {name: list(task.metrics) for name, task in tasks}
            | dict(metrics or {}),
            "loss_weights": {name: float(weight) for name, weight in weights.items()},
        }

    def wire(self, run: Run, inputs: Any) -> dict[str, Any]:
        features = {name: run(chain, inputs) for name, chain in self.chains.items()}
        if self.dense is not None:
            product = run(self.dense, inputs)
            parts = [product] if self.split is None else run(self.split, product)
            features |= zip(self._direct, parts, strict=True)
        return {
            name: run(self.activations[name], features[name]) for name in self.heads
        }

    def build_children(self, inputs: Any) -> Any:
        policy = self.dtype_policy
        narrow = policy.compute_dtype in ("float16", "bfloat16")
        self.activations = {
            name: make_activation(task.activation, name=name, dtype=dtype)
            or keras.layers.Activation("linear", name=name, dtype=dtype)
            for dtype in ["float32" if narrow else policy]
            for name, task in self.heads.items()
        }
        self.chains = {
            name: Chain(
                [*task.make_hidden(policy), _dense(task.units, policy)],
                name=name,
                dtype=policy,
            )
            for name, task in self.heads.items()
            if task.hidden
        }
        widths = [self.heads[name].units for name in self._direct]
        self.dense = self.split = None
        if widths:
            self.dense = _dense(sum(widths), policy)
            build_wide_dense(self.dense, tuple(inputs.shape), widths)
        if len(widths) > 1:
            self.split = SplitFeatures(widths, name="split", dtype=policy)
        return self.wire(build_layer, inputs)

    @property
    def _direct(self) -> list[str]:
        """The heads without hidden layers, in their order."""
        return [name for name, task in self.heads.items() if not task.hidden]

    def _check_names(self, argument: str, values: Mapping[str, Any] | None) -> None:
        if values is None:
            return
        if not isinstance(values, Mapping):
            raise ValueError(
                f"{self._owner}: '{argument}' must be a dict by the names of the "
                f"heads, got {values!r}"
            )
        for name in values:
            if name not in self.heads:
                raise ValueError(
                    f"{self._owner}: '{argument}' names {name!r}, but the heads are "
                    f"{', '.join(map(repr, self.heads))}"
                    f"{did_you_mean(name, self.heads)}"
                )


def _dense(units: int, policy: Any) -> keras.layers.Dense:
    return keras.layers.Dense(units, name="dense", dtype=policy)
