"""Python source that makes a layer, or an array, for the snippets of a report."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from keras import tree


def layer_code(
    factory: Callable[..., Any],
    arguments: Mapping[str, Any],
    make: Callable[..., keras.layers.Layer],
) -> list[str]:
    """Lines that make a layer, in the name `layer`, and import what they use."""
    maker, given = factory, dict(arguments)
    if isinstance(factory, functools.partial) and not factory.args:
        maker, given = factory.func, {**factory.keywords, **arguments}
    imported, name = _import(maker)
    texts = {key: _literal(value) for key, value in given.items()}
    if imported is None or None in texts.values():
        return _from_config(make, arguments)
    call = ", ".join(f"{key}={text}" for key, text in texts.items())
    return [*imported, f"layer = {name}({call})"]


def array_code(arrays: Any) -> str:
    """An expression for arrays like these: same shapes and dtypes, random values."""

    def one(array: np.ndarray) -> str:
        shape = tuple(array.shape)
        if array.dtype == bool:
            return f"(rng.random({shape}) < 0.5)"
        if np.issubdtype(array.dtype, np.integer):
            least, most = int(array.min(initial=0)), int(array.max(initial=0)) + 1
            return f'rng.integers({least}, {most}, {shape}).astype("{array.dtype}")'
        if array.size and (array == array.flat[0]).all():
            return f'np.full({shape}, {float(array.flat[0])}, "{array.dtype}")'
        text = f"rng.standard_normal({shape})"
        if np.std(array) > 1e3:
            text = f"(1e4 * {text})"
        return f'{text}.astype("{array.dtype}")'

    return repr(tree.map_structure(lambda array: Text(one(array)), arrays))


class Text:
    """Source text, which a structure holds as a leaf."""

    def __init__(self, text: str):
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _import(target: Any) -> tuple[list[str] | None, str]:
    """How to import a class or function, or None where that cannot be done."""
    name = getattr(target, "__qualname__", "")
    module = getattr(target, "__module__", "")
    if module.startswith("keras."):
        if getattr(keras.layers, name, None) is target:
            return ["import keras"], f"keras.layers.{name}"
        return None, name
    if not name.isidentifier():
        return None, name
    if getattr(sys.modules.get(module), name, None) is not target:
        return None, name
    return [f"from {module} import {name}"], name


def _from_config(
    make: Callable[..., keras.layers.Layer], arguments: Mapping[str, Any]
) -> list[str]:
    """The layer that a function makes: by its constructor, or else by its config."""
    try:
        layer, given = _watched(make, arguments)
        config = layer.get_config()
    except Exception:
        return ["layer = ...  # as your factory makes it"]
    imported, name = _import(type(layer))
    texts = {key: _literal(value) for key, value in given.items()}
    if imported is not None and None not in texts.values():
        call = ", ".join(f"{key}={text}" for key, text in texts.items())
        return [*imported, f"layer = {name}({call})"]
    text = _literal(_own(layer, config))
    if imported is None or text is None:
        return [f"layer = ...  # a {type(layer).__name__}, as your factory makes it"]
    return [*imported, f"layer = {name}.from_config({text})"]


def _watched(
    make: Callable[..., keras.layers.Layer], arguments: Mapping[str, Any]
) -> tuple[keras.layers.Layer, dict[str, Any]]:
    """A layer that is made, and the arguments that its constructor was given.

    Its config would not do: what a config has lost is what a snippet is to show.
    """
    kind = type(make(**arguments))
    constructor = kind.__init__
    seen: dict[int, dict[str, Any]] = {}

    @functools.wraps(constructor)
    def watch(self: Any, *args: Any, **kwargs: Any) -> None:
        bound = inspect.signature(constructor).bind(self, *args, **kwargs).arguments
        named = dict(list(bound.items())[1:])
        named |= named.pop("kwargs", {})
        seen.setdefault(id(self), {**named})
        constructor(self, *args, **kwargs)

    # Keras reads the signature, and not through functools.wraps.
    vars(watch)["__signature__"] = inspect.signature(constructor)
    own = "__init__" in vars(kind)
    kind.__init__ = watch
    try:
        layer = make(**arguments)
    finally:
        if own:
            kind.__init__ = constructor
        else:
            del kind.__init__
    return layer, seen[id(layer)]


def _own(layer: keras.layers.Layer, config: Mapping[str, Any]) -> dict[str, Any]:
    """A config without what each layer has anyway."""
    usual = {
        "name": layer.name,
        "trainable": True,
        "dtype": keras.saving.serialize_keras_object(keras.config.dtype_policy()),
        "activity_regularizer": None,
        "autocast": True,
    }
    own = {
        key: value
        for key, value in config.items()
        if key not in usual or value != usual[key]
    }
    return {**own, "dtype": layer.dtype_policy.name} if "dtype" in own else own


def _literal(value: Any) -> str | None:
    """The value's source, or None where it has none."""
    if value is None or isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, list | tuple):
        items = [_literal(one) for one in value]
        if None in items:
            return None
        inside = ", ".join(map(str, items))
        if isinstance(value, list):
            return f"[{inside}]"
        return f"({inside},)" if len(items) == 1 else f"({inside})"
    if isinstance(value, Mapping):
        pairs = {_literal(key): _literal(one) for key, one in value.items()}
        if None in pairs or None in pairs.values():
            return None
        return "{" + ", ".join(f"{key}: {one}" for key, one in pairs.items()) + "}"
    return None
