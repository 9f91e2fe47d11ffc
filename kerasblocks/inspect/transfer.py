"""`transfer_weights`: from one model into another of the same graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.folding.graph import Graph, functional, tensors


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights of a model into another one of the same graph.

    Both are walked from their outputs to their inputs, through blocks and nested
    models, and each layer with weights meets the one that stands at its place. Names,
    the order in which layers were made, and what layers without weights do (padding,
    activations, how branches are added) do not matter, but for the order of what is
    concatenated; a Dense layer may meet a 1x1 convolution. So the weights of
    `keras.applications` go into the same network made of blocks, and back.

    Args:
        source: A built Functional or Sequential model.
        target: Likewise; its weights are replaced.

    Raises:
        ValueError: the graphs differ; the first layers that do are named, and nothing
            is copied.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((8, 8, 3))
        >>> x = keras.layers.Conv2D(4, 3, use_bias=False, padding="same")(inputs)
        >>> x = keras.layers.BatchNormalization()(x)
        >>> source = keras.Model(inputs, keras.layers.ReLU()(x))
        >>> target = keras.Sequential([keras.Input((8, 8, 3)), kb.ConvBlock(4)])
        >>> transfer_weights(source, target)
        >>> images = keras.random.normal((1, 8, 8, 3))
        >>> bool(keras.ops.all(source(images) == target(images)))
        True
    """
    numbers: dict[Any, int] = {}
    partners = _partners(_outputs(source, numbers), _outputs(target, numbers))
    for layer, partner in partners.values():
        layer.set_weights(
            [
                value.reshape(weight.shape)
                for weight, value in zip(
                    layer.weights, partner.get_weights(), strict=True
                )
            ]
        )


class _Place(NamedTuple):
    """An input, a layer with weights or a merge, and the places that feed it.

    Two places have the same `number` where the graphs that lead to them are the same.
    """

    operation: Any
    before: tuple[_Place, ...]
    number: int

    def __str__(self) -> str:
        if self.operation is None:
            return "an input"
        weights = ", ".join(
            f"{weight.name} {tuple(weight.shape)}"
            for weight in _weights(self.operation)
        )
        kind = type(self.operation).__name__
        return f"{kind} {self.operation.name!r} ({weights or 'no weights'})"


def _outputs(model: keras.Model, numbers: dict[Any, int]) -> list[_Place]:
    graph = Graph(functional(expand(model)))
    inputs = [
        _place(None, (), ("input", position), numbers)
        for position in range(len(tensors(graph.input)))
    ]
    return _run(graph, inputs, numbers)


def _run(graph: Graph, inputs: list[_Place], numbers: dict[Any, int]) -> list[_Place]:
    """The places of a graph's outputs, from those of its inputs."""
    starts = zip(tensors(graph.input), inputs, strict=True)
    places = {id(x): place for x, place in starts}
    for call in graph.calls:
        before, made = [places[id(x)] for x in call.reads], tensors(call.output)
        if isinstance(call.layer, keras.Model):
            after = _run(Graph(functional(call.layer)), before, numbers)
        else:
            after = [
                _after(call.layer, before, position, numbers)
                for position in range(len(made))
            ]
        places.update((id(x), place) for x, place in zip(made, after, strict=True))
    return [places[id(x)] for x in tensors(graph.output)]


def _after(
    operation: Any, before: list[_Place], position: int, numbers: dict[Any, int]
) -> _Place:
    weights = _weights(operation)
    if not weights and len(before) == 1:
        return before[0]
    # The name of the layer and of the operation. Other merges do not mind the order.
    ordered = type(operation).__name__ == "Concatenate"
    if not weights and not ordered:
        before = sorted(before, key=lambda place: place.number)
    shapes = tuple((weight.name, _squeezed(weight)) for weight in weights)
    key = (shapes or ordered, position, *(place.number for place in before))
    return _place(operation, tuple(before), key, numbers)


def _place(
    operation: Any, before: tuple[_Place, ...], key: Any, numbers: dict[Any, int]
) -> _Place:
    return _Place(operation, before, numbers.setdefault(key, len(numbers)))


def _squeezed(weight: Any) -> tuple[int, ...]:
    """The sizes above 1: the same for a Dense layer and a 1x1 convolution."""
    return tuple(size for size in weight.shape if size > 1)


def _weights(operation: Any) -> list[Any]:
    return getattr(operation, "weights", [])


def _partners(
    sources: list[_Place], targets: list[_Place]
) -> dict[int, tuple[Any, Any]]:
    """For each layer of the target, by its id: it and its partner in the source."""
    if len(sources) != len(targets):
        raise ValueError(
            f"transfer_weights: 'target' has {len(targets)} outputs, and 'source' has "
            f"{len(sources)}"
        )
    partners: dict[int, tuple[Any, Any]] = {}
    seen = set()
    waiting = list(zip(sources, targets, strict=True))
    while waiting:
        source, target = waiting.pop()
        if source.number != target.number:
            raise ValueError(_difference(source, target))
        if (id(source), id(target)) in seen:
            continue
        seen.add((id(source), id(target)))
        waiting.extend(zip(source.before, target.before, strict=True))
        if not _weights(target.operation):
            continue
        pair = (target.operation, source.operation)
        known = partners.setdefault(id(target.operation), pair)
        if known[1] is not source.operation:
            raise ValueError(
                f"transfer_weights: the layer {target.operation.name!r} of 'target' is "
                f"used more than once, and stands for the layers "
                f"{known[1].name!r} and {source.operation.name!r} of 'source'"
            )
    return partners


def _difference(source: _Place, target: _Place) -> str:
    """Where two graphs begin to differ, seen from the inputs."""
    while len(source.before) == len(target.before):
        unlike = [
            pair
            for pair in zip(source.before, target.before, strict=True)
            if pair[0].number != pair[1].number
        ]
        if not unlike:
            break
        source, target = unlike[0]
    return (
        f"transfer_weights: 'target' must have the graph of 'source': where 'source' "
        f"has {source}, 'target' has {target}"
    )
