"""Reusable Keras layers for models with branches, residuals, many inputs and heads.

The public names are listed in `kerasblocks.names`; the losses, metrics and batches of
data that go with the layers are in `kerasblocks.losses`, `kerasblocks.metrics` and
`kerasblocks.data`, the searches in `kerasblocks.search`, the property tests in
`kerasblocks.testing`.
"""

import importlib
import importlib.util
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# A program needs the layers registered at once, to load models that hold them. Our
# own command must speak before Keras is loaded, which takes seconds.
_IS_COMMAND = PurePath((getattr(sys, "argv", None) or [""])[0]).stem == "kerasblocks"

if TYPE_CHECKING:
    from kerasblocks import blocks as blocks
    from kerasblocks import data as data
    from kerasblocks import heads as heads
    from kerasblocks import hypermodels as hypermodels
    from kerasblocks import inspect as inspect
    from kerasblocks import losses as losses
    from kerasblocks import metrics as metrics
    from kerasblocks import search as search
    from kerasblocks import spaces as spaces
    from kerasblocks import testing as testing
if TYPE_CHECKING or not _IS_COMMAND:
    from kerasblocks.names import *  # noqa: F403


def __getattr__(name: str) -> Any:
    # A module, for which Python asks here too, must not load all the others first.
    if importlib.util.find_spec(f"kerasblocks.{name}"):
        return importlib.import_module(f"kerasblocks.{name}")
    names = importlib.import_module("kerasblocks.names")
    if name in names.__all__:
        return getattr(names, name)
    raise AttributeError(f"module 'kerasblocks' has no attribute {name!r}")
