"""`summary`: what a model is made of: shapes, parameters, multiply-accumulates."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import walk_layers
from kerasblocks.core.arguments import is_positive_int
from kerasblocks.core.phantom import MadeOutside, apart
from kerasblocks.inspect.summary_tree import Summary
from kerasblocks.inspect.tracing.inputs import as_arguments, own_inputs
from kerasblocks.inspect.tracing.rules import rule_for
from kerasblocks.inspect.tracing.sizes import weight_bytes
from kerasblocks.inspect.tracing.trace import Trace

_OWNER = "summary"


def summary(
    model: keras.layers.Layer | Callable[[], keras.layers.Layer],
    input_shape: Any = None,
    depth: int | None = None,
) -> Summary:
    """Tells what a model or layer is made of, down to the layers inside its blocks.

    Of each layer: output shape, dtype, parameters and multiply-accumulates (MACs).
    Nothing is computed and no weight gets a value, so that a model of any size can be
    asked before it is paid for; and `model` is left as it is: one that is not built
    stays so.

    Conventions:

    - One MAC is one multiplication and addition of a convolution or a matrix product
      (half of what is counted as two FLOPs), at inference. Elementwise work (biases,
      activations, normalization, pooling) is not counted, as in the papers, and
      borders that are padded are.
    - MACs and bytes of activations are for one example, or for the batch that
      `input_shape` or the model names.
    - A layer that is run twice counts its parameters once and its MACs each time. Its
      second row says "shared".
    - What cannot be counted is unknown, "?" or None, and never 0: a size that is None,
      or a layer whose `call` needs values or uses a backend's own functions.

    Args:
        model: A Keras layer or model, built or not; or a function without arguments
            that makes one, which is called where its weights get no values: a layer
            in it that was made elsewhere must be built. Of a model that is not
            built, a copy from its config is looked at.
        input_shape: The shape of the input with the batch axis, as `build` takes it,
            or a list or dict of shapes, or a tuple of these for a `call` of several
            arguments. In place of a shape, a `KerasTensor` tells the dtype too. By
            default what the model was built for; given, it overrides that.
        depth: How many levels of layers are told; all by default.

    Returns:
        A `Summary`: print it, ask its attributes (`parameters`, `macs`, ...), take it
        `to_dict()`, or let a notebook show it as a table.

    Raises:
        TypeError: `model` is, or makes, no Keras layer.
        ValueError: the shapes are not those of the model's inputs, or are needed; the
            layer is not built and has no config to copy it from; or the function uses
            a layer made elsewhere that is not built.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((32, 32, 16))
        >>> outputs = kb.ResidualBlock(32, strides=2, name="stage")(inputs)
        >>> found = summary(keras.Model(inputs, outputs, name="small"))
        >>> found.parameters, found.macs
        (14432, 3670016)
        >>> whole = summary(lambda: keras.applications.VGG16(weights=None))
        >>> whole.parameters, f"{whole.macs / 1e9:.2f}"
        (138357544, '15.47')
    """
    if not callable(model):
        raise TypeError(
            f"{_OWNER}: 'model' must be a Keras layer or model, or a function without "
            f"arguments that makes one, got {model!r}"
        )
    if depth is not None and depth != 0 and not is_positive_int(depth):
        raise ValueError(
            f"{_OWNER}: 'depth' must be None or an int of 0 or more, got {depth!r}"
        )
    try:
        return apart(lambda: _look(model, input_shape, depth))
    except MadeOutside as error:
        raise ValueError(
            f"{_OWNER}: the function must make {error.layer.name!r} "
            f"({type(error.layer).__name__}) itself, summary(lambda: ...), since a "
            "question must not build what was made elsewhere; got one that was made "
            "outside of it and is not built"
        ) from error


def _look(model: Any, input_shape: Any, depth: int | None) -> Summary:
    layer = model if isinstance(model, keras.layers.Layer) else model()
    if not isinstance(layer, keras.layers.Layer):
        raise TypeError(
            f"{_OWNER}: the function must make a Keras layer or model, got {layer!r}"
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
    trace = Trace(rule_for)
    with trace.watch():
        try:
            trace.start(layer, *tree.map_structure(_one_example, arguments))
        except MadeOutside:
            raise
        except Exception as error:
            if input_shape is None:
                raise
            raise ValueError(
                f"{_OWNER}: 'input_shape' must be one that {layer.name!r} "
                f"({type(layer).__name__}) takes{_shapes(own)}, the batch axis "
                f"included, got {input_shape!r}: {error}"
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
    """What a layer was built for, if it was, for an error message."""
    if own is None:
        return ""
    args, named = tree.map_structure(lambda x: tuple(x.shape), own)
    return f", {named or (args[0] if len(args) == 1 else args)}"


def _is_whole(layer: Any) -> bool:
    """Whether it is built, and all in it: running it would build the rest."""
    default = keras.layers.Layer.build
    return all(one.built or type(one).build is default for one in walk_layers(layer))


def _copy(layer: Any) -> Any:
    try:
        config = layer.get_config()
        takes = inspect.signature(type(layer).__init__).parameters
        if not any(one.kind is one.VAR_KEYWORD for one in takes.values()):
            # Keras tells what all layers take, and not every constructor does.
            common = {"name", "trainable", "dtype"} - {*takes}
            config = {key: config[key] for key in config if key not in common}
        copy = type(layer).from_config(config)
        copy.name = layer.name
        return copy
    except Exception as error:
        raise ValueError(
            f"{_OWNER}: {layer.name!r} ({type(layer).__name__}) must be built, or have "
            "a config to be copied from, or be given as a function that makes it, "
            f"summary(lambda: ...), since a question must not build it; got: {error}"
        ) from error


def _one_example(x: Any) -> Any:
    """An input with a batch of one, where the batch is not known."""
    if x.shape[:1] != (None,):
        return x
    return keras.KerasTensor((1, *x.shape[1:]), dtype=x.dtype)


def _any_batch(shape: Any) -> Any:
    return (None, *shape[1:]) if shape[:1] == (1,) else tuple(shape)
