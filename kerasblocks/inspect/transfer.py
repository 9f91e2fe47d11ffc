"""`transfer_weights`: from one model into another with the same graph."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.graph import Graph, as_functional, tensors

_OWNER = "transfer_weights"


def transfer_weights(source: keras.Model, target: keras.Model) -> None:
    """Copies the weights of a model into another model with the same graph.

    Both graphs are followed from the outputs to the inputs, through blocks and nested
    models. Each layer with weights is matched with the layer at the same position,
    which must have the same class, shapes, strides, dilation, groups and epsilon. A
    Dense layer also matches a 1x1 convolution. The order in which tensors are
    concatenated matters. Names do not, nor do the order in which layers were made, the
    order in which tensors are added, and layers without weights, such as padding and
    activations. So the weights of `keras.applications` can be copied into the same
    network made of blocks, and back.

    Args:
        source: A built Functional or Sequential model.
        target: A built Functional or Sequential model. Its weights are replaced.

    Raises:
        TypeError: one of them is not a Keras model.
        ValueError: the graphs differ, and the message names the first layers that do.
            Or several branches match, because they differ only in their activations,
            and the two models have different ones. Nothing is copied then.

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
            layer.finalize_state()  # It computes with values derived from its weights.


class _Node(NamedTuple):
    """An input, a layer with weights or a merge, and the nodes that feed it.

    Two nodes have the same `number` if the same layers with weights lead to them, and
    the same `detail` if the layers without weights between them are the same too.
    """

    operation: Any
    before: tuple[_Node, ...]
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


def _outputs(model: keras.Model, numbers: dict[Any, int]) -> list[_Node]:
    graph = Graph(_OWNER, expand(as_functional(_OWNER, model)))
    inputs = [
        _Node(None, (), _number(("input", position), numbers), 0)
        for position in range(len(tensors(graph.input)))
    ]
    return _run(graph, inputs, numbers)


def _run(graph: Graph, inputs: list[_Node], numbers: dict[Any, int]) -> list[_Node]:
    """The nodes of the outputs of a graph, given those of its inputs."""
    starts = zip(tensors(graph.input), inputs, strict=True)
    nodes = {id(x): node for x, node in starts}
    for call in graph.calls:
        before, made = [nodes[id(x)] for x in call.reads], tensors(call.output)
        if isinstance(call.layer, keras.Model):
            after = _run(Graph(_OWNER, call.layer), before, numbers)
        else:
            after = [
                _after(call.layer, before, position, numbers)
                for position in range(len(made))
            ]
        nodes.update((id(x), node) for x, node in zip(made, after, strict=True))
    return [nodes[id(x)] for x in tensors(graph.output)]


def _after(
    operation: Any, before: list[_Node], position: int, numbers: dict[Any, int]
) -> _Node:
    """The node of one output of an operation."""
    weights, ordered = _weights(operation), _is_ordered(operation)
    if not ordered:
        before = sorted(before, key=lambda node: (node.number, node.detail))
    details = (_detail(operation), *(node.detail for node in before))
    detail = _number(details, numbers) if any(details) else 0
    if not weights and len(before) == 1:
        return before[0]._replace(detail=detail)
    kind = _signature(operation) if weights or ordered else "merge"
    key = (kind, position, *(node.number for node in before))
    return _Node(operation, tuple(before), _number(key, numbers), detail, ordered)


def _number(key: Any, numbers: dict[Any, int]) -> int:
    return numbers.setdefault(key, len(numbers) + 1)


def _is_ordered(operation: Any) -> bool:
    """Whether the order of its inputs matters; assumed not to for unknown layers."""
    kind = type(operation)
    of_keras = getattr(keras.layers, kind.__name__, None) is kind or not isinstance(
        operation, keras.layers.Layer
    )
    # The layers and the operations have the same names.
    return bool(_weights(operation)) or (
        of_keras
        and kind.__name__ not in ("Add", "Multiply", "Average", "Maximum", "Minimum")
    )


def _signature(operation: Any) -> Any:
    """What must be the same for two layers to match."""
    kind, weights = type(operation).__name__, _weights(operation)
    shapes = [(weight.name, tuple(weight.shape)) for weight in weights]
    if _is_pointwise(operation):
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
    """What it does without weights, such as the name of its activation."""
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


def _partners(sources: list[_Node], targets: list[_Node]) -> dict[int, tuple[Any, Any]]:
    """By the id of each layer of the target: the layer, and its match in the source."""
    if len(sources) != len(targets):
        raise ValueError(
            f"{_OWNER}: 'target' has {len(targets)} outputs, and 'source' has "
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
                f"{_OWNER}: the layer {target.operation.name!r} of 'target' is used "
                f"more than once, where 'source' has two layers, {known[1].name!r} and "
                f"{source.operation.name!r}"
            )
    return partners


def _check_twins(source: _Node, target: _Node) -> None:
    """Raises if branches with the same layers cannot be told apart."""
    if source.ordered:
        return
    numbers = [node.number for node in source.before]
    for one, other in zip(source.before, target.before, strict=True):
        if numbers.count(one.number) > 1 and one.detail != other.detail:
            raise ValueError(
                f"{_OWNER}: the branches before {target} of 'target' differ only in "
                f"their activations, which must be those before {source} of 'source'"
            )


def _difference(source: _Node, target: _Node) -> str:
    """Says where two graphs differ first, counted from the inputs."""
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
        f"{_OWNER}: 'target' must have the graph of 'source': where 'source' "
        f"has {source}, 'target' has {target}"
    )
