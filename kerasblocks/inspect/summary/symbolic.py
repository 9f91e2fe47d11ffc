"""Symbolic tensors: the inputs of a layer, and tensors without their values."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree

from kerasblocks.core.arguments import is_positive_int
from kerasblocks.inspect.graph import has_graph, inputs_of

Arguments = tuple[tuple[Any, ...], dict[str, Any]]
"""Structures of `KerasTensor`s for the `call` of a layer: by position, and by name."""


def is_symbolic(x: Any) -> bool:
    """Whether it is a tensor without values."""
    return isinstance(x, keras.KerasTensor)


def as_specs(structure: Any) -> Any:
    """The same structure with symbolic tensors for its tensors and variables."""
    return tree.map_structure(as_spec, structure)


def as_spec(x: Any) -> Any:
    """A tensor or variable without its values; anything else as it is."""
    if is_symbolic(x) or not (ops.is_tensor(x) or isinstance(x, keras.Variable)):
        return x
    return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))


def own_inputs(layer: Any) -> Arguments | None:
    """The inputs that the layer was built for; None if it is not built.

    Example:
        >>> layer = keras.layers.Dense(3)
        >>> layer.build((8, 4))
        >>> (x,), _ = own_inputs(layer)
        >>> x.shape
        (None, 4)
        >>> own_inputs(keras.layers.Dense(3)) is None
        True
    """
    if has_graph(layer):
        return (inputs_of(layer),), {}
    config = (layer.get_build_config() if layer.built else None) or {}

    def specs(shapes: Any) -> Any:
        # A layer built by a call was built for any batch size, not that of the call.
        return tree.map_shape_structure(
            lambda shape: _spec(
                (*(None,) * bool(shape), *shape[1:]), layer.input_dtype
            ),
            shapes,
        )

    if config.get("input_shape") is not None:
        return (specs(config["input_shape"]),), {}
    shapes = config.get("shapes_dict") or {}
    named = {
        name.removesuffix("_shape"): specs(shape)
        for name, shape in shapes.items()
        if shape is not None
    }
    return ((), named) if named else None


def as_arguments(owner: str, layer: Any, shapes: Any) -> Arguments:
    """Symbolic inputs of the given shapes, each with the batch axis.

    Args:
        owner: The function that asks, for the error message.
        layer: The layer that the inputs are for.
        shapes: A shape, a list or dict of shapes, or a tuple of these for several
            arguments. A `KerasTensor` may stand for a shape and gives the dtype too.

    Raises:
        ValueError: `shapes` is something else, or the layer is a model with other
            inputs.

    Example:
        >>> layer = keras.layers.Add()
        >>> (inputs,), _ = as_arguments("summary", layer, [(None, 4), (None, 1)])
        >>> [x.shape for x in inputs]
        [(None, 4), (None, 1)]
    """
    several = isinstance(shapes, tuple) and not _is_shape(shapes)
    given = _read(owner, shapes, layer.input_dtype)
    if has_graph(layer):
        return (_like_own(owner, layer, given, shapes),), {}
    return (given if several else (given,)), {}


def _like_own(owner: str, model: Any, given: Any, shapes: Any) -> Any:
    """The given inputs with the structure and the dtypes of the model's own inputs."""
    own = inputs_of(model)
    flat, own_flat = tree.flatten(given), tree.flatten(own)
    names = [sorted(one) if isinstance(one, dict) else None for one in (given, own)]
    ranks = [[len(x.shape) for x in one] for one in (flat, own_flat)]
    if names[0] != names[1] or ranks[0] != ranks[1]:
        expected = tree.map_structure(lambda x: tuple(x.shape), own)
        raise ValueError(
            f"{owner}: 'input_shape' must be like that of {model.name!r}, {expected}, "
            f"with the batch axis, got {shapes!r}"
        )
    specs = [_spec(x.shape, y.dtype) for x, y in zip(flat, own_flat, strict=True)]
    return tree.pack_sequence_as(own, specs)


def _read(owner: str, shapes: Any, dtype: Any) -> Any:
    """`KerasTensor`s in the place of shapes."""
    if isinstance(shapes, keras.KerasTensor):
        return _spec(shapes.shape, shapes.dtype)
    if _is_shape(shapes):
        return _spec(shapes, dtype)
    if isinstance(shapes, dict) and shapes:
        return {name: _read(owner, part, dtype) for name, part in shapes.items()}
    if isinstance(shapes, tuple | list) and shapes:
        return type(shapes)(_read(owner, part, dtype) for part in shapes)
    raise ValueError(
        f"{owner}: 'input_shape' must be a shape with the batch axis, such as "
        "(None, 32, 32, 3), or a list or dict of shapes, or a tuple of these for "
        f"several arguments, got {shapes!r}"
    )


def _is_shape(value: Any) -> bool:
    return (
        isinstance(value, tuple | list)
        and len(value) > 0
        and all(size is None or is_positive_int(size) for size in value)
    )


def _spec(shape: Any, dtype: Any) -> keras.KerasTensor:
    return keras.KerasTensor(
        tuple(size if size is None else int(size) for size in shape), dtype=dtype
    )
