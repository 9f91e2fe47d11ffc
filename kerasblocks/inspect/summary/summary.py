"""`summary`: the shapes, parameters and multiply-accumulates of each layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import walk_layers
from kerasblocks.core.arguments import is_positive_int
from kerasblocks.core.without_values import CreatedOutside, without_values
from kerasblocks.inspect.summary.sizes import weight_bytes
from kerasblocks.inspect.summary.symbolic import as_arguments, own_inputs
from kerasblocks.inspect.summary.table import Summary
from kerasblocks.inspect.summary.trace import Trace

_OWNER = "summary"


def summary(
    model: keras.layers.Layer | Callable[[], keras.layers.Layer],
    input_shape: Any = None,
    depth: int | None = None,
) -> Summary:
    """Lists the layers of a model or layer, down to the layers inside its blocks.

    For each layer it gives the output shape, dtype, parameters and multiply-accumulates
    (MACs). It computes nothing and gives no weight a value, so it can describe a model
    that is too large for the memory. It does not change `model`: an unbuilt model stays
    unbuilt.

    Conventions:

    - One MAC is one multiplication and one addition in a convolution or a matrix
      product, at inference. (FLOPs are often counted as two for each MAC.) Elementwise
      operations (biases, activations, normalization, pooling) are not counted, as in
      the papers. Positions that padding fills are.
    - MACs and the size of activations are for one example, or for the batch size of
      `input_shape` or of the model, if they have one.
    - The parameters of a layer that runs twice count once, and its MACs each time. The
      second row says "shared".
    - What cannot be counted is unknown ("?" or None), never 0. This happens where a
      size is None, and for a layer whose `call` needs values or uses functions of the
      backend.

    Args:
        model: A Keras layer or model, built or not, or a function without arguments
            that returns one. The function runs where weights get no values; layers that
            it uses must be built or created inside it. An unbuilt model is copied from
            its config.
        input_shape: The shape of the input with the batch axis, as `build` takes it; a
            list or dict of shapes; or a tuple of these for a `call` with several
            arguments. A `KerasTensor` may stand for a shape and gives the dtype too.
            The default is the shape that the model was built for.
        depth: How many levels of layers to show; all by default.

    Returns:
        A `Summary`. It prints as a table and has attributes such as `parameters` and
        `macs`, and `to_dict()`.

    Raises:
        TypeError: `model` is not a Keras layer or a function that returns one.
        ValueError: `input_shape` is missing or does not fit; the layer is not built and
            cannot be copied from its config; or the function uses a layer from outside
            that is not built.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((32, 32, 16))
        >>> outputs = kb.ResidualBlock(32, strides=2, name="stage")(inputs)
        >>> found = summary(keras.Model(inputs, outputs, name="small"))
        >>> found.parameters, found.macs
        (14720, 3670016)
        >>> whole = summary(lambda: keras.applications.VGG16(weights=None))
        >>> whole.parameters, f"{whole.macs / 1e9:.2f}"
        (138357544, '15.47')
    """
    if not callable(model):
        raise TypeError(
            f"{_OWNER}: 'model' must be a Keras layer or model, or a function without "
            f"arguments that returns one, got {model!r}"
        )
    if depth is not None and depth != 0 and not is_positive_int(depth):
        raise ValueError(
            f"{_OWNER}: 'depth' must be None or an int of 0 or more, got {depth!r}"
        )
    try:
        return without_values(lambda: _look(model, input_shape, depth))
    except CreatedOutside as error:
        raise ValueError(
            f"{_OWNER}: {error.layer.name!r} ({type(error.layer).__name__}) is unbuilt "
            "and was created outside the function; create it inside, "
            "summary(lambda: ...), or build it first"
        ) from error


def _look(model: Any, input_shape: Any, depth: int | None) -> Summary:
    layer = model if isinstance(model, keras.layers.Layer) else model()
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            f"{_OWNER}: the function must return a Keras layer or model, got {layer!r}"
        )
    own = own_inputs(layer)
    if input_shape is None and own is None:
        raise ValueError(
            f"{_OWNER}: 'input_shape' must be given for {layer.name!r} "
            f"({type(layer).__name__}), which is not built"
        )
    arguments = own if input_shape is None else as_arguments(_OWNER, layer, input_shape)
    if layer is model and not _is_whole(layer):
        layer = _copy(layer)
    trace = Trace()
    with trace.watch():
        try:
            trace.start(layer, *tree.map_structure(_one_example, arguments))
        except CreatedOutside:
            raise
        except Exception as error:
            if input_shape is None:
                raise
            raise ValueError(
                f"{_OWNER}: 'input_shape' must be one that {layer.name!r} "
                f"({type(layer).__name__}) takes{_shapes(own)}, with the batch axis, "
                f"got {input_shape!r}: {error}"
            ) from error
    root = trace.rows[0]
    if all(x.shape[:1] == (None,) for x in tree.flatten(arguments)):
        for row in root:
            if row.output_shape is not None:
                row.output_shape = tree.map_shape_structure(
                    _any_batch, row.output_shape
                )
    return Summary(root, weight_bytes(layer.weights), depth)


def _shapes(own: Any) -> str:
    """The shapes that a layer was built for, if any, for an error message."""
    if own is None:
        return ""
    args, named = tree.map_structure(lambda x: tuple(x.shape), own)
    return f", {named or (args[0] if len(args) == 1 else args)}"


def _is_whole(layer: Any) -> bool:
    """Whether it and all layers in it are built, so that running it builds none."""
    default = keras.layers.Layer.build
    return all(one.built or type(one).build is default for one in walk_layers(layer))


def _copy(layer: Any) -> Any:
    try:
        config = layer.get_config()
        takes = inspect.signature(type(layer).__init__).parameters
        if not any(one.kind is one.VAR_KEYWORD for one in takes.values()):
            # The config has arguments that this constructor may not take.
            common = {"name", "trainable", "dtype"} - {*takes}
            config = {key: config[key] for key in config if key not in common}
        copy = type(layer).from_config(config)
        copy.name = layer.name
        return copy
    except Exception as error:
        raise ValueError(
            f"{_OWNER}: {layer.name!r} ({type(layer).__name__}) is unbuilt and cannot "
            "be copied from its config; build it, or pass a function that creates it, "
            f"summary(lambda: ...); the error was: {error}"
        ) from error


def _one_example(x: Any) -> Any:
    """The input, with a batch size of 1 if it has none."""
    if x.shape[:1] != (None,):
        return x
    return keras.KerasTensor((1, *x.shape[1:]), dtype=x.dtype)


def _any_batch(shape: Any) -> Any:
    return (None, *shape[1:]) if shape[:1] == (1,) else tuple(shape)
