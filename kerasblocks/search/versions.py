"""What a trial ran under, remembered beside it."""

from __future__ import annotations

import importlib.metadata
import platform

import keras

_PACKAGES = ("kerasblocks", "keras", "keras-tuner", "numpy", "scikit-learn")
_BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}


def versions() -> dict[str, str]:
    """Return the versions of Python, Keras, its backend and this package.

    Example:
        >>> versions()["keras"] == keras.__version__
        True
    """
    found = {"python": platform.python_version(), "system": platform.platform()}
    backend = str(keras.backend.backend())
    found["backend"] = backend
    for package in (*_PACKAGES, _BACKENDS.get(backend, backend)):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
