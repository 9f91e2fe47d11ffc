"""From gradients by weight to gradients by block."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasblocks.core._keras import sublayers
from kerasblocks.inspect.gradients.layer_watch import all_sublayers
from kerasblocks.inspect.gradients.table import BlockGradient

_Claims = dict[int, str]
"""By a weight's id, the name of the block that counts it."""


class GradientRows:
    """Reads the blocks of a model, whose gradients are known, from input to output.

    Args:
        model: The model.
        gradients: By the id of each trainable variable, its gradient or None.
        order: The ids of the layers in the order of their calls.
    """

    def __init__(
        self,
        model: keras.Model,
        gradients: dict[int, np.ndarray | None],
        order: list[int],
    ):
        self.model = model
        self.gradients = gradients
        self.place: dict[int, int] = {}
        for place, key in enumerate(order):
            self.place.setdefault(key, place)
        self.frozen = {
            id(weight)
            for layer in all_sublayers(model)
            if not layer.trainable
            for weight in layer.weights
        }

    def read(self, depth: int | None) -> tuple[BlockGradient, ...]:
        """The blocks, with those inside them down to `depth`, or all for None."""
        return self._inside(self.model, "", math.inf if depth is None else depth, {})

    def _inside(
        self, layer: Any, prefix: str, depth: float, claims: _Claims
    ) -> tuple[BlockGradient, ...]:
        """The blocks inside a layer: its layers, and the weights that are its own."""
        if depth == 0:
            return ()
        layers = sorted(sublayers(layer), key=self._place)
        of_layers = {id(weight) for inner in layers for weight in inner.weights}
        rows = [
            self._row(f"{prefix}{weight.name}", [weight], claims)
            for weight in layer.weights
            if id(weight) not in of_layers
        ]
        for inner in layers:
            name = f"{prefix}{inner.name}"
            blocks = self._inside(inner, f"{name}/", depth - 1, dict(claims))
            rows.append(self._row(name, inner.weights, claims, blocks))
        return tuple(row for row in rows if row is not None)

    def _place(self, layer: keras.layers.Layer) -> float:
        """When a layer was first called, or one inside it."""
        places = [self.place.get(id(inner)) for inner in [layer, *all_sublayers(layer)]]
        return min((place for place in places if place is not None), default=math.inf)

    def _row(
        self,
        name: str,
        weights: list[Any],
        claims: _Claims,
        blocks: tuple[BlockGradient, ...] = (),
    ) -> BlockGradient | None:
        """A block's row, or None where it has no weight that is for training."""
        unique = {id(weight): weight for weight in weights}
        known = {k for k in unique if k in self.gradients or k in self.frozen}
        if not known:
            return None
        shared = [key for key in known if key in claims]
        fresh = {key: weight for key, weight in unique.items() if key in known}
        for key in shared:
            del fresh[key]
        trained = [key for key in fresh if key in self.gradients]
        reached = [g for k in trained if (g := self.gradients[k]) is not None]
        gradient = _norm(reached) if reached else None
        counted = [fresh[key] for key in trained or fresh]
        norm = _norm([_array(weight) for weight in counted])
        notes = []
        if fresh and not trained:
            notes.append("frozen")
        elif len(trained) < len(fresh):
            notes.append("partly frozen")
        if trained and not reached:
            notes.append("no gradient")
        elif len(reached) < len(trained):
            lacking = len(trained) - len(reached)
            notes.append(f"no gradient in {lacking} of {len(trained)} weights")
        if gradient is not None and not math.isfinite(gradient):
            notes.append("not finite")
        if shared:
            partly = "partly " if fresh else ""
            others = sorted({claims[key] for key in shared})
            notes.append(f"{partly}shared with {', '.join(map(repr, others))}")
        claims.update(dict.fromkeys(fresh, name))
        return BlockGradient(
            name=name,
            gradient_norm=gradient,
            weight_norm=norm if fresh else None,
            ratio=gradient / norm if gradient is not None and norm else None,
            weights=sum(math.prod(weight.shape) for weight in counted),
            note=", ".join(notes),
            blocks=blocks,
        )


def _norm(arrays: list[np.ndarray]) -> float:
    return math.sqrt(sum(float(np.sum(np.square(a, dtype="float64"))) for a in arrays))


def _array(weight: Any) -> np.ndarray:
    """A weight's value: as float32 where it has less."""
    double = weight.dtype == "float64"
    return ops.convert_to_numpy(ops.cast(weight, "float64" if double else "float32"))
