"""The public names, as `kerasblocks` gives them."""

# For load_model: what a model was compiled with must be registered.
import kerasblocks.losses
import kerasblocks.metrics  # noqa: F401
from kerasblocks.blocks.chain import Chain
from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.inception_block import InceptionBlock
from kerasblocks.blocks.maxout import Maxout
from kerasblocks.blocks.multi_head_output import MultiHeadOutput
from kerasblocks.blocks.multi_input import MultiInput
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.pooling import Pooling
from kerasblocks.blocks.residual import Residual
from kerasblocks.blocks.residual_block import ResidualBlock
from kerasblocks.blocks.siamese_encoder import SiameseEncoder
from kerasblocks.blocks.squeeze_excite import SqueezeExcite
from kerasblocks.blocks.tasks import Binary, Multiclass, Multilabel, Regression, Task
from kerasblocks.blocks.xception_block import XceptionBlock
from kerasblocks.inspect.expand import expand

__all__ = [
    "Binary",
    "Chain",
    "ConvBlock",
    "InceptionBlock",
    "Maxout",
    "MultiHeadOutput",
    "MultiInput",
    "Multiclass",
    "Multilabel",
    "Parallel",
    "Pooling",
    "Regression",
    "Residual",
    "ResidualBlock",
    "SiameseEncoder",
    "SqueezeExcite",
    "Task",
    "XceptionBlock",
    "expand",
]
