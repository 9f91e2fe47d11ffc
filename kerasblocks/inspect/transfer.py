"""`transfer_weights`: from one model into another of the same graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.folding.graph import Graph, tensors


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights of a model into another one of the same graph.

    Both are walked from their outputs to their inputs, through blocks and nested
    models, and each layer with weights meets the one that stands at its place: one of
    the same class, shapes, strides, dilation, groups and epsilon. Names, the order in
    which layers were made, and layers without weights (a padding, an activation, how
    branches are added) do not matter; the order of what is concatenated does. A Dense
    layer may meet a 1x1 convolution. So the weights of `keras.applications` go into
    the same network made of blocks, and back.

    Args:
        source: A built Functional or Sequential model.
        target: Likewise; its weights are replaced.

    Raises:
        ValueError: the graphs differ; the first layers that do are named, and nothing
            is copied. Or branches are alike but for their activations, and these are
            others in the two models, so that nothing tells which is which.

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
        values = zip(layer.weights, partner.get_weights(), strict=True)
        layer.set_weights([value.reshape(weight.shape) for weight, value in values])
        if isinstance(layer, keras.layers.Normalization):
            layer.finalize_state()  # computes with what it derives from its weights


class _Place(NamedTuple):
    """An input, a layer with weights or a merge, and the places that feed it.

    Two places have the same `number` where the same layers with weights lead to them,
    and the same `detail` where all that is on the way is the same.
    """

    operation: Any
    before: tuple[_Place, ...]
    number: int
    detail: int
    ordered: bool = True

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
    graph = Graph(expand(model))
    inputs = [
        _Place(None, (), _number(("input", position), numbers), 0)
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
            after = _run(Graph(call.layer), before, numbers)
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
    """The place of an output of an operation."""
    weights, ordered = _weights(operation), _is_ordered(operation)
    if not ordered:
        before = sorted(before, key=lambda place: (place.number, place.detail))
    details = (_detail(operation), *(place.detail for place in before))
    detail = _number(details, numbers) if any(details) else 0
    if not weights and len(before) == 1:
        return before[0]._replace(detail=detail)
    kind = _signature(operation) if weights or ordered else "merge"
    key = (kind, position, *(place.number for place in before))
    return _Place(operation, tuple(before), _number(key, numbers), detail, ordered)


def _number(key: Any, numbers: dict[Any, int]) -> int:
    return numbers.setdefault(key, len(numbers) + 1)


def _is_ordered(operation: Any) -> bool:
    """Whether it minds the order of its inputs, for all that is known of it."""
    kind = type(operation)
    of_keras = getattr(keras.layers, kind.__name__, None) is kind or not isinstance(
        operation, keras.layers.Layer
    )
    # These are the names of layers and of operations alike.
    return bool(_weights(operation)) or (
        of_keras
        and kind.__name__ not in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    )


def _signature(operation: Any) -> Any:
    """What must be the same of two layers that meet, beside what feeds them."""
    kind, weights = type(operation).__name__, _weights(operation)
    shapes = [(weight.name, tuple(weight.shape)) for weight in weights]
    if _is_pointwise(operation):
        # A Dense layer is the same.
        kind = "Dense"
        shapes = [(name, shape[-2:]) for name, shape in shapes]
    settings = []
    for name in ("strides", "dilation_rate", "groups", "epsilon"):
        value = getattr(operation, name, None)
        if value is not None and set(keras.tree.flatten(value)) != {1}:
            settings.append((name, value))
    return kind, tuple(shapes), tuple(settings)


def _is_pointwise(operation: Any) -> bool:
    convolutions = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
    return type(operation) in convolutions and set(operation.kernel_size) == {1}


def _detail(operation: Any) -> str:
    """What it does beside its weights: the name of an activation, for one."""
    kind = type(operation).__name__
    activation = getattr(operation, "activation", None)
    if activation is not None:
        name = getattr(activation, "__name__", type(activation).__name__)
        return "" if name == "linear" else name.lower()
    if kind == "ReLU" and operation.max_value is not None:
        return f"relu{operation.max_value:g}"
    silent = ("ZeroPadding", "Dropout", "SpatialDropout", "Identity", "Gaussian")
    if _weights(operation) or kind.startswith(silent):
        return ""
    return kind.lower()


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
        _check_twins(source, target)
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


def _check_twins(source: _Place, target: _Place) -> None:
    """Where branches have the same weights, the rest must tell which is which."""
    if source.ordered:
        return
    numbers = [place.number for place in source.before]
    for one, other in zip(source.before, target.before, strict=True):
        if numbers.count(one.number) > 1 and one.detail != other.detail:
            raise ValueError(
                f"transfer_weights: branches before {target} are alike but for their "
                f"activations, which must be those before {source} of 'source'"
            )


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
