"""`MultiHeadModel`: a model of named outputs, strict in names, that balances losses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from kerasblocks.core._keras import Functional, walk_layers
from kerasblocks.core.arguments import check_keys
from kerasblocks.heads.labels import Values
from kerasblocks.heads.loss import TaskLoss, balanced_losses
from kerasblocks.heads.output import MultiHeadOutput


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiHeadModel(keras.Model):
    """A Keras model whose output is a dict, trained with targets by name.

    You create, compile, fit, save and load it like any `keras.Model`: from inputs and
    outputs, or as a subclass. There are two differences:

    - Targets must be a dict with exactly the names of the outputs, and sample weights
      a dict with some of them. Anything else is an error in the first step. Keras
      itself refuses arrays with weights for some outputs only:
      `MultiHeadOutput.route` completes them.
    - The losses are balanced as the `balancing` of its `MultiHeadOutput` says.

    It overrides `compute_loss`, and also `compute_metrics`, because on JAX and torch
    Keras builds the metrics before it computes a loss.

    Args:
        inputs: The inputs of a Functional model.
        outputs: A dict of outputs.
        name: The name of the model.

    Raises:
        ValueError: while training, if a name is wrong, missing or superfluous.

    Example:
        >>> from kerasblocks.heads import Binary, Regression
        >>> heads = MultiHeadOutput(
        ...     {"age": Regression(), "smokes": Binary()}, balancing="uncertainty"
        ... )
        >>> features = keras.Input((8,))
        >>> model = MultiHeadModel(features, heads(features))
        >>> model.compile("adam", **heads.compile_args())
    """

    _functional: ClassVar[type]

    def __init__(self, *args: Any, **kwargs: Any):
        if len(args) > 1 or "outputs" in kwargs:
            # Past Keras' __setattr__, which needs an initialized layer.
            object.__setattr__(self, "__class__", _functional(type(self)))
        super().__init__(*args, **kwargs)

    def __reduce__(self) -> Any:
        load, arguments = super().__reduce__()
        # Python finds a class by its name, and so finds the parent of a twin.
        parent = type(self).__mro__[1]
        is_twin = vars(parent).get("_functional") is type(self)
        return getattr(parent if is_twin else type(self), load.__name__), arguments

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        self._check_names(y, y_pred, sample_weight)
        weights = _complete(sample_weight, y_pred)
        with balanced_losses():
            total = super().compute_loss(x, y, y_pred, weights, training)
            heads = find_balanced(self)
            balancer = None if heads is None else heads.balancer
            if heads is None or balancer is None:
                self._check_unbalanced()
                return total
            # The call above keeps the metrics of the losses; their sum is not used.
            losses = [
                loss(y[name], y_pred[name], _weight_of(name, weights))
                for name, loss in self._head_losses(heads).items()
            ]
        # Keras divides losses by the number of replicas. Undo it while balancing.
        share = Values()(ops.ones((1,)), ops.ones((1,)))
        total = ops.sum(balancer(ops.stack(losses) / share, training=training))
        for loss in self.losses:
            total = total + ops.sum(ops.cast(loss, total.dtype))
        return total * share

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        self._check_names(y, y_pred, sample_weight)
        weights = _complete(sample_weight, y_pred)
        return super().compute_metrics(x, y, y_pred, weights)

    def _head_losses(self, heads: MultiHeadOutput) -> dict[str, TaskLoss]:
        """The losses that the model was compiled with, in the order of the heads."""
        losses = self.loss if isinstance(self.loss, Mapping) else {}
        for name, loss in losses.items():
            if name not in heads.heads and loss is not None:
                raise ValueError(
                    f"{type(self).__name__}: 'balancing' needs a model whose losses "
                    f"are all of one MultiHeadOutput; {name!r} is not one of its heads "
                    "and must have no loss"
                )
        for name in heads.heads:
            if not isinstance(losses.get(name), TaskLoss):
                raise ValueError(
                    f"{type(self).__name__}: 'balancing' needs the losses of "
                    f"MultiHeadOutput.compile_args(), got {losses.get(name)!r} for "
                    f"{name!r}"
                )
        return {name: losses[name] for name in heads.heads}

    def _check_unbalanced(self) -> None:
        losses = self.loss.values() if isinstance(self.loss, Mapping) else ()
        if any(isinstance(loss, TaskLoss) and loss.balanced for loss in losses):
            raise ValueError(
                f"{type(self).__name__}: 'balancing' needs the MultiHeadOutput as a "
                "layer of the model, at any depth; found none"
            )

    def _check_names(self, y: Any, y_pred: Any, sample_weight: Any) -> None:
        try:
            check_names("MultiHeadModel", y, y_pred, sample_weight)
        except ValueError:
            # A function that failed in its first trace cannot be called again.
            self.train_function = self.test_function = None
            raise


def _functional(cls: type[MultiHeadModel]) -> type:
    """The subclass of `cls` that is a Functional model too, created once per class.

    Keras instead adds Functional to the bases of `cls` and of its parents. They could
    then no longer be parents of models with a `call` of their own.
    """
    if issubclass(cls, Functional):
        return cls
    if "_functional" not in vars(cls):
        same = {"__module__": cls.__module__, "__qualname__": cls.__qualname__}
        cls._functional = type(cls.__name__, (cls, Functional), same)
        package, _, name = keras.saving.get_registered_name(cls).rpartition(">")
        if package:
            # Both classes have the name in saved files. It is loaded as `cls`.
            for each in (cls._functional, cls):
                keras.saving.register_keras_serializable(package, name)(each)
    return cls._functional


def check_names(owner: str, y: Any, y_pred: Any, sample_weight: Any) -> None:
    """Checks that targets and weights have the names of the outputs.

    Args:
        owner: The class, for the error message.
        y: The targets.
        y_pred: The outputs.
        sample_weight: None, weights for all outputs, or a dict for some.

    Raises:
        ValueError: what is wrong, with the nearest legal name.
    """
    if not isinstance(y_pred, Mapping):
        raise ValueError(
            f"{owner}: the model's output must be a dict by name, as MultiHeadOutput "
            f"returns it, got {y_pred!r}"
        )
    names = list(y_pred)
    check_keys(owner, "y", y, names, what="outputs", complete=True)
    if isinstance(sample_weight, Mapping | list | tuple):
        check_keys(owner, "sample_weight", sample_weight, names, what="outputs")


def find_balanced(model: keras.Model) -> MultiHeadOutput | None:
    """The `MultiHeadOutput` of a model that has a `balancing`, if there is one.

    Raises:
        ValueError: there are several.
    """
    found = {id(heads): heads for heads in _heads(model) if heads.balancer is not None}
    if len(found) > 1:
        raise ValueError(
            f"{type(model).__name__}: only one MultiHeadOutput can have a "
            f"'balancing', got {len(found)}"
        )
    return next(iter(found.values()), None)


def _heads(model: Any) -> Iterator[MultiHeadOutput]:
    for layer in walk_layers(model):
        if isinstance(layer, MultiHeadOutput):
            yield layer


def _complete(sample_weight: Any, y_pred: Any) -> Any:
    """Weights for all outputs, None where there are none."""
    if not isinstance(sample_weight, Mapping):
        return sample_weight
    return {name: sample_weight.get(name) for name in y_pred}


def _weight_of(name: str, weights: Any) -> Any:
    return weights[name] if isinstance(weights, Mapping) else weights
