"""`MultiHeadOutput`: named outputs of several tasks from shared features."""

from __future__ import annotations

import numbers
import re
import sys
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasblocks.core.activations import make_activation
from kerasblocks.core.arguments import check_keys, non_negative
from kerasblocks.core.chain import Chain
from kerasblocks.core.composite import Composite, Run
from kerasblocks.heads.balancing import make_balancing
from kerasblocks.heads.labels import check_labels
from kerasblocks.heads.loss import TaskLoss
from kerasblocks.heads.metric import TaskMetric
from kerasblocks.heads.task import Task, as_list, replaced
from kerasblocks.heads.wide_dense import SplitFeatures, start_apart

_NAME = re.compile(r"[A-Za-z0-9_.>-]+")


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiHeadOutput(Composite):
    """A dict of outputs, one for each task, from the same features.

    Heads without hidden layers run as one matrix product. Each is initialized like a
    Dense layer of its own. Outputs are float32 under float16 and bfloat16 policies.

    Input shape: `(batch, ..., features)`.
    Output shape: a dict with `(batch, ..., units)` for each head.

    A model whose output is this dict takes dicts of losses, weights and targets by the
    names of the heads, in any order. A model whose output is a list of its values
    takes lists, because Keras then does not know the names.

    Args:
        heads: A dict of tasks, such as `kerasblocks.heads.Regression()`, by the names
            of the outputs.
        balancing: How a `MultiHeadModel` weighs the losses while training:
            "uncertainty" or "scale", a layer such as `DynamicWeightAverage`, or None
            for fixed weights.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `heads` is not such a dict or is empty, or `balancing` is not one
            of the above.

    Example:
        >>> from kerasblocks.heads import Binary, Multiclass, Regression
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

    def __init__(
        self, heads: Mapping[str, Task], *, balancing: Any = None, **kwargs: Any
    ):
        super().__init__(**kwargs)
        if not isinstance(heads, Mapping) or not heads:
            raise ValueError(
                f"{self._owner}: 'heads' must be a dict of at least one task, got "
                f"{heads!r}"
            )
        for name, task in heads.items():
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(
                    f"{self._owner}: a name in 'heads' must consist of letters from a "
                    "to z, digits, '_', '-', '.' and '>', because TensorFlow names the "
                    f"loss after it, got {name!r}"
                )
            if not isinstance(task, Task):
                raise ValueError(
                    f"{self._owner}: 'heads' must hold tasks such as "
                    f"kerasblocks.heads.Regression(), got {task!r} for {name!r}"
                )
        self.heads = dict(heads)
        self.balancing = balancing
        self.balancer = make_balancing(self._owner, balancing, self._wide)
        policy = self.dtype_policy
        self.activations = {
            name: make_activation(task.activation, name=name, dtype=self._wide)
            or keras.layers.Activation("linear", name=name, dtype=self._wide)
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
        widths = self._widths
        self.dense = _dense(sum(widths), policy) if widths else None
        self.split = None
        if len(widths) > 1:
            self.split = SplitFeatures(widths, name="split", dtype=policy)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        # As pairs, because JSON may sort keys, and the weights are in this order.
        config["heads"] = [list(pair) for pair in config["heads"].items()]
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        return super().from_config({**config, "heads": dict(config["heads"])})

    def compile_args(
        self,
        loss_weights: Mapping[str, float] | None = None,
        *,
        loss: Mapping[str, Any] | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> dict[str, dict[str, Any]]:
        """The arguments `loss`, `metrics` and `loss_weights` for `model.compile`.

        Args:
            loss_weights: A dict of weights for some heads, in place of their tasks'.
            loss: A dict of losses for some heads, in place of their tasks'.
            metrics: A dict of metrics for some heads, in place of their tasks'.

        Returns:
            A dict of dicts by the names of the heads, for `model.compile(**...)`.

        Raises:
            ValueError: a name is not the name of a head, a weight is not a number of
                0 or more, or there are weights as well as a `balancing`.
        """
        given = {"loss": loss, "metrics": metrics, "loss_weights": loss_weights}
        for argument, values in given.items():
            if values is not None:
                check_keys(self._owner, argument, values, list(self.heads))
        weights = {name: task.loss_weight for name, task in self.heads.items()}
        for name, weight in (loss_weights or {}).items():
            what = f"the weight in 'loss_weights' for {name!r}"
            weights[name] = non_negative(self._owner, what, weight)
        if self.balancing is not None and set(weights.values()) != {1.0}:
            raise ValueError(
                f"{self._owner}: with 'balancing', all loss weights must be 1, got "
                f"{weights}"
            )
        tasks = {
            name: task
            if not loss or name not in loss
            else replaced(task, loss=loss[name])
            for name, task in self.heads.items()
        }
        balanced = self.balancing is not None
        seen: set[int] = set()
        return {
            "loss": {
                name: TaskLoss(task, name, balanced) for name, task in tasks.items()
            },
            "metrics": {
                name: [
                    TaskMetric(task, _own_copy(metric, seen), name)
                    for metric in as_list((metrics or {}).get(name, task.used_metrics))
                ]
                for name, task in tasks.items()
            },
            "loss_weights": weights,
        }

    def route(self, y: Any, sample_weight: Any = None) -> Any:
        """Checks the targets of the heads, and completes their sample weights.

        Use it on arrays before `fit`, where it checks the values too, or on the
        batches of a `tf.data.Dataset` (in `map`), a `PyDataset` or a `DataLoader`.

        Args:
            y: A dict of targets by the names of the heads, in any order.
            sample_weight: None, or a dict of weights for some heads.

        Returns:
            The targets in the order of the heads. With weights, a tuple of the targets
            and the weights of all heads; weights that were not given are 1.

        Raises:
            ValueError: a name is wrong, missing or superfluous, or the values of an
                array are not labels of the task.
        """
        check_keys(self._owner, "y", y, list(self.heads), complete=True)
        y = {name: y[name] for name in self.heads}
        for name, labels in y.items():
            if isinstance(labels, np.ndarray | list | tuple | numbers.Number):
                check_labels(self._owner, name, self.heads[name], np.asarray(labels))
        if sample_weight is None:
            return y
        names = list(self.heads)
        check_keys(self._owner, "sample_weight", sample_weight, names)
        weights = {
            name: sample_weight[name] if name in sample_weight else _ones(y[name])
            for name in names
        }
        return y, weights

    def wire(self, run: Run, inputs: Any) -> dict[str, Any]:
        features = {name: run(chain, inputs) for name, chain in self.chains.items()}
        if self.dense is not None:
            product = run(self.dense, inputs)
            parts = [product] if self.split is None else run(self.split, product)
            features |= zip(self._direct, parts, strict=True)
        return {
            name: run(self.activations[name], features[name]) for name in self.heads
        }

    def build(self, input_shape: Any) -> None:
        with start_apart(self.dense, self._widths):
            super().build(input_shape)
        if self.balancer is not None and not self.balancer.built:
            self.balancer.build((len(self.heads),))

    @property
    def _wide(self) -> Any:
        """The policy of outputs and losses, never narrower than float32."""
        policy = self.dtype_policy
        narrow = policy.compute_dtype in ("float16", "bfloat16")
        return "float32" if narrow else policy

    @property
    def _widths(self) -> list[int]:
        """The units of the heads without hidden layers."""
        return [self.heads[name].units for name in self._direct]

    @property
    def _direct(self) -> list[str]:
        """The heads without hidden layers, in their order."""
        return [name for name, task in self.heads.items() if not task.hidden]


def _ones(labels: Any) -> Any:
    """A weight of 1 for each label, as an array of the same library."""
    if type(labels).__module__.startswith("tensorflow"):
        # Labels of a tf.data.Dataset, whatever Keras' backend is.
        tf = sys.modules["tensorflow"]
        return tf.ones(tf.shape(labels)[:1])
    return np.ones(len(labels), "float32")


def _own_copy(metric: Any, seen: set[int]) -> Any:
    """The metric, or a copy if another head has it: it would count both heads."""
    if isinstance(metric, keras.metrics.Metric) and id(metric) in seen:
        return type(metric).from_config(metric.get_config())
    seen.add(id(metric))
    return metric


def _dense(units: int, policy: Any) -> keras.layers.Dense:
    return keras.layers.Dense(units, name="dense", dtype=policy)
