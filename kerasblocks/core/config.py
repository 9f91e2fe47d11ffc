"""Takes a layer's config from the constructor's signature, as scikit-learn does."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import keras

_PROBE = keras.initializers.Zeros()
_READ_BY_KERAS = ("name", "trainable", "dtype", "activity_regularizer")


class ConfigFromSignature:
    """Adds `get_config` and `from_config` to classes that keep their arguments.

    Every argument of `__init__` must be kept as an attribute of the same name.
    Arguments in `**kwargs` are kept automatically. Layers, activations, initializers
    and other objects that Keras can serialize are serialized, at any depth of lists,
    tuples and dicts.
    """

    _passed_on: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            # Keras asks for the signature twice for each layer that is created, and
            # Python takes it from here instead of making it again.
            init: Any = cls.__init__
            init.__signature__ = inspect.signature(init)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        new = super().__new__
        made = new(cls) if new is object.__new__ else new(cls, *args, **kwargs)
        own = {*cls.argument_names(), "name", "trainable", "dtype"}
        passed_on = {name: v for name, v in kwargs.items() if name not in own}
        # Past Keras' tracking, which would make a layer among them a sublayer.
        made.__dict__["_passed_on"] = passed_on
        return made

    @classmethod
    @functools.cache
    def argument_names(cls) -> tuple[str, ...]:
        """The names of the constructor's arguments, without `self` and `**kwargs`.

        Raises:
            TypeError: the constructor takes `*args`.
        """
        parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
        if any(p.kind is inspect.Parameter.VAR_POSITIONAL for p in parameters):
            raise TypeError(
                f"{cls.__name__}: '__init__' must name its arguments, because they are "
                "the layer's config, got *args"
            )
        kept = (p for p in parameters if p.kind is not inspect.Parameter.VAR_KEYWORD)
        return tuple(p.name for p in kept)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments as a JSON-serializable dict."""
        parent = getattr(super(), "get_config", dict)
        arguments = {name: getattr(self, name) for name in self.argument_names()}
        arguments |= self._passed_on
        return {**parent(), **_serialize(arguments, shared=_is_sharing())}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Makes an equal object from a config. `config` is not changed."""
        config = {
            name: value
            if name in _READ_BY_KERAS
            else keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
        }
        parent = getattr(super(), "from_config", None)
        return cls(**config) if parent is None else parent(config)


def _serialize(value: Any, *, shared: bool) -> Any:
    if isinstance(value, dict):
        return {name: _serialize(item, shared=shared) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_serialize(item, shared=shared) for item in value]
    config = keras.saving.serialize_keras_object(value)
    if shared and isinstance(value, keras.layers.Layer):
        # Two blocks may share a layer. Keras marks shared objects on a dict and copies
        # the dict afterwards, so the mark of a layer inside a layer is lost.
        config["shared_object_id"] = id(value)
    return config


def _is_sharing() -> bool:
    """Whether Keras is saving a model. Only then does it mark shared objects."""
    keras.saving.serialize_keras_object(_PROBE)
    return "shared_object_id" in keras.saving.serialize_keras_object(_PROBE)
