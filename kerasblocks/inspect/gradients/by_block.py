"""`by_block`: from the gradients of weights to the gradients of blocks."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np

from kerasblocks.core._keras import sublayers, walk_layers
from kerasblocks.gradients import as_array
from kerasblocks.inspect.gradients.flow import BlockGradient

_Claims = dict[int, str]
"""By the id of a weight, the name of the block that counts it."""


def by_block(
    model: keras.Model,
    gradients: dict[int, np.ndarray | None],
    order: list[int],
    depth: int | None,
) -> tuple[BlockGradient, ...]:
    """The blocks of a model from input to output, with the blocks inside them.

    Args:
        model: The model.
        gradients: By the id of each trainable variable, its gradient or None.
        order: The ids of the layers in the order of their calls.
        depth: How many levels of blocks; None for all.
    """
    levels = math.inf if depth is None else depth
    return _Blocks(model, gradients, order).inside(model, "", levels, {})


class _Blocks:
    def __init__(
        self,
        model: keras.Model,
        gradients: dict[int, np.ndarray | None],
        order: list[int],
    ):
        self.gradients = gradients
        self.position: dict[int, int] = {}
        for position, key in enumerate(order):
            self.position.setdefault(key, position)
        self.frozen = {
            id(weight)
            for layer in list(walk_layers(model))[1:]
            if not layer.trainable
            for weight in layer.weights
        }

    def inside(
        self, layer: Any, prefix: str, depth: float, claims: _Claims
    ) -> tuple[BlockGradient, ...]:
        """The blocks inside a layer: its layers, and its own weights."""
        if depth == 0:
            return ()
        layers = sorted(sublayers(layer), key=self._first_call)
        of_layers = {id(weight) for inner in layers for weight in inner.weights}
        rows = [
            self._block(f"{prefix}{weight.name}", [weight], claims)
            for weight in layer.weights
            if id(weight) not in of_layers
        ]
        for inner in layers:
            name = f"{prefix}{inner.name}"
            blocks = self.inside(inner, f"{name}/", depth - 1, dict(claims))
            rows.append(self._block(name, inner.weights, claims, blocks))
        return tuple(row for row in rows if row is not None)

    def _first_call(self, layer: keras.layers.Layer) -> float:
        """When the layer, or a layer inside it, was called first."""
        calls = [self.position.get(id(inner)) for inner in walk_layers(layer)]
        return min((call for call in calls if call is not None), default=math.inf)

    def _block(
        self,
        name: str,
        weights: list[Any],
        claims: _Claims,
        blocks: tuple[BlockGradient, ...] = (),
    ) -> BlockGradient | None:
        """One block; None if none of its weights is trainable or frozen."""
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
        norm = _norm([as_array(weight) for weight in counted])
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
