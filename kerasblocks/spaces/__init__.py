"""Search spaces: functions from `hp` to arguments, of which no point can fail.

Each opens a name scope of its own, so that two blocks of a model do not share their
hyperparameters, and takes as keywords what is fixed, or narrowed:

    kb.ResidualBlock(**spaces.residual_block(hp, "stage1", filters=32, strides=2))
    kb.ConvBlock(**spaces.conv_block(hp, "stem", filters=spaces.among(16, 32)))
    model.compile(spaces.optimizer(hp, learning_rate=spaces.between(1e-4, 1e-2)), ...)

KerasTuner reads a space with its own `hp`, and Hypothesis the same function through
`kerasblocks.testing.configs`: every point of every space is tested to build. What is
inactive is neither sampled nor reported.
"""

from kerasblocks.spaces.augmentation import (
    image_augmentation,
    sequence_augmentation,
)
from kerasblocks.spaces.blocks import (
    conv_block,
    inception_block,
    normalization,
    residual_block,
    squeeze_excite,
    xception_block,
)
from kerasblocks.spaces.domains import Among, Between, among, between
from kerasblocks.spaces.space import Space
from kerasblocks.spaces.training import (
    learning_rate,
    optimizer,
    regularization,
)
from kerasblocks.spaces.wiring import (
    hidden_layers,
    multi_head,
    multi_input,
    siamese_encoder,
)

__all__ = [
    "Among",
    "Between",
    "Space",
    "among",
    "between",
    "conv_block",
    "hidden_layers",
    "image_augmentation",
    "inception_block",
    "learning_rate",
    "multi_head",
    "multi_input",
    "normalization",
    "optimizer",
    "regularization",
    "residual_block",
    "sequence_augmentation",
    "siamese_encoder",
    "squeeze_excite",
    "xception_block",
]
