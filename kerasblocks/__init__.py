"""Reusable Keras layers for models with branches, residuals, many inputs and heads.

Importing the package registers its layers, losses and metrics with Keras, so models
that hold them can be loaded. `search`, `hypermodels` and `testing` need KerasTuner or
Hypothesis, and are imported when they are first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

from kerasblocks import data, heads, inspect, losses, metrics, spaces
from kerasblocks.blocks.augment import Augment
from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.inception_block import InceptionBlock
from kerasblocks.blocks.maxout import Maxout
from kerasblocks.blocks.multi_input import MultiInput
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.pooling import Pooling
from kerasblocks.blocks.residual import Residual
from kerasblocks.blocks.residual_block import ResidualBlock
from kerasblocks.blocks.siamese_encoder import SiameseEncoder
from kerasblocks.blocks.squeeze_excite import SqueezeExcite
from kerasblocks.blocks.xception_block import XceptionBlock
from kerasblocks.core.arguments import did_you_mean as _did_you_mean
from kerasblocks.core.chain import Chain
from kerasblocks.core.composite import Composite
from kerasblocks.heads.model import MultiHeadModel
from kerasblocks.heads.output import MultiHeadOutput
from kerasblocks.inspect import (
    expand,
    fold,
    gradient_flow,
    summary,
    transfer_weights,
)

__version__ = "0.1.0"

__all__ = [
    "Augment",
    "Chain",
    "Composite",
    "ConvBlock",
    "InceptionBlock",
    "Maxout",
    "MultiHeadModel",
    "MultiHeadOutput",
    "MultiInput",
    "Parallel",
    "Pooling",
    "Residual",
    "ResidualBlock",
    "SiameseEncoder",
    "SqueezeExcite",
    "XceptionBlock",
    "data",
    "expand",
    "fold",
    "gradient_flow",
    "heads",
    "inspect",
    "losses",
    "metrics",
    "spaces",
    "summary",
    "transfer_weights",
]

_LAZY = ("hypermodels", "search", "testing")

if TYPE_CHECKING:
    from kerasblocks import hypermodels as hypermodels
    from kerasblocks import search as search
    from kerasblocks import testing as testing
else:

    def __getattr__(name: str) -> Any:
        if name in _LAZY:
            return importlib.import_module(f"kerasblocks.{name}")
        near = _did_you_mean(name, __dir__())
        # Without `name`, Python would add a suggestion of its own to the traceback.
        raise AttributeError(
            f"module 'kerasblocks' has no attribute {name!r}{near}", name=name
        )


def __dir__() -> list[str]:
    return sorted([*__all__, *_LAZY, "__version__"])
