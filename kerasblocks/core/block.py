"""`Block`: the base class of all layers of this package."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.arguments import split_keywords
from kerasblocks.core.config import ConfigFromSignature

_OF_LAYERS = ("activity_regularizer", "input_shape", "batch_input_shape")
"""What a Keras layer takes beside its name, dtype and trainability."""


class Block(ConfigFromSignature, keras.layers.Layer):
    """A Keras layer that takes its config from its signature and supports masking.

    A subclass keeps every constructor argument as an attribute of the same name and
    passes `**kwargs` (`name`, `dtype`, `trainable`) to `super().__init__`. A layer that
    is made of other layers derives from `Composite` instead.
    """

    def __init__(self, **kwargs: Any):
        split_keywords(self._owner, kwargs, _OF_LAYERS, self.argument_names())
        super().__init__(**kwargs)
        self.supports_masking = True

    @property
    def _owner(self) -> str:
        """The class's name. Error messages begin with it."""
        return type(self).__name__

    def _keep(self, **arguments: Any) -> None:
        """Keeps arguments as attributes without Keras' tracking, which is slow.

        A layer among them does not become a sublayer. It is a template, such as a
        normalization or an activation: the block uses copies of it, and the template
        itself must not be counted, built or frozen.
        """
        self.__dict__.update(arguments)
