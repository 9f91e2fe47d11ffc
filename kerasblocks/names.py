"""The public names, as `kerasblocks` gives them."""

# losses and metrics too: what a model was compiled with must be registered.
from kerasblocks import heads, losses, metrics
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
from kerasblocks.core.chain import Chain
from kerasblocks.heads.model import MultiHeadModel
from kerasblocks.heads.output import MultiHeadOutput
from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.fold import fold
from kerasblocks.inspect.gradient_flow import gradient_flow
from kerasblocks.inspect.summary import summary
from kerasblocks.inspect.transfer import transfer_weights

__all__ = [
    "Augment",
    "Chain",
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
    "expand",
    "fold",
    "gradient_flow",
    "heads",
    "losses",
    "metrics",
    "summary",
    "transfer_weights",
]
