"""`Block`: what all layers of this package share."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.config import ConfigFromSignature


class Block(ConfigFromSignature, keras.layers.Layer):
    """A Keras layer with a config from its signature and masks left to Keras.

    A subclass keeps every constructor argument on an attribute of the same name
    and passes `**kwargs` (`name`, `dtype`, `trainable`) on. One that is made of
    other layers derives from `Composite` instead.
    """

    def __init__(self, **kwargs: Any):
        super().__init__(**kwargs)
        self.supports_masking = True

    @property
    def _owner(self) -> str:
        """The class's name, with which error messages begin."""
        return type(self).__name__

    def _keep(self, **arguments: Any) -> None:
        """Keeps arguments on attributes, past Keras' tracking, which is slow.

        A layer among them does not become a sublayer: it is a template that is copied
        (a normalization, an activation), and must not be counted, built or frozen.
        """
        self.__dict__.update(arguments)
