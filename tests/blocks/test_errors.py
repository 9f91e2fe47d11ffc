"""The words of every error that a constructor or a build gives."""

import numpy as np
import pytest
from keras import layers

import kerasblocks as kb

CONV = layers.Conv2D(8, 3)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: kb.ConvBlock(0),
            "ConvBlock: 'filters' must be a positive int, got 0",
        ),
        (
            lambda: kb.ConvBlock(True),
            "ConvBlock: 'filters' must be a positive int, got True",
        ),
        (
            lambda: kb.ConvBlock(8, (3, 0)),
            "ConvBlock: 'kernel_size' must be a positive int or a tuple of positive "
            "ints, got (3, 0)",
        ),
        (
            lambda: kb.ConvBlock(8, strides=1.5),
            "ConvBlock: 'strides' must be a positive int or a tuple of positive ints, "
            "got 1.5",
        ),
        (
            lambda: kb.SqueezeExcite(4, units=8),
            "SqueezeExcite: 'ratio' must be left out with 'units', got 4 and 8",
        ),
        (
            lambda: kb.ConvBlock(8, padding="sane"),
            "ConvBlock: 'padding' must be 'same', 'valid', 'causal', an int of at "
            "least 0, or a tuple with an int or a pair (before, after) for each "
            "spatial axis, got 'sane'; did you mean 'same'?",
        ),
        (
            lambda: kb.ConvBlock(8, padding=((1, 0), -1)),
            "ConvBlock: 'padding' must be 'same', 'valid', 'causal', an int of at "
            "least 0, or a tuple with an int or a pair (before, after) for each "
            "spatial axis, got ((1, 0), -1)",
        ),
        (
            lambda: kb.ConvBlock(8, padding=(1, 1)).build((None, 8, 3)),
            "ConvBlock: 'padding' must have one number or pair for each of the 1 "
            "spatial axes, got (1, 1)",
        ),
        (
            lambda: kb.ConvBlock(8, padding="causal").build((None, 8, 8, 3)),
            "ConvBlock: 'padding' must not be 'causal' for an input with 2 spatial "
            "axes; it works in 1D only",
        ),
        (
            lambda: kb.ConvBlock(8, convolution="seperable"),
            "got 'seperable'; did you mean 'separable'?",
        ),
        (
            lambda: kb.ConvBlock(8, convolution="depthwise"),
            "ConvBlock: 'filters' must be one of None, got 8",
        ),
        (
            lambda: kb.ConvBlock(8, normalization="bach"),
            "ConvBlock: 'normalization' must be 'batch', 'layer', 'group', 'rms', "
            "'unit', None or a Keras layer, got 'bach'; did you mean 'batch'?",
        ),
        (
            lambda: kb.ConvBlock(8, activation="rellu"),
            "got 'rellu'; did you mean 'relu'?",
        ),
        (
            lambda: kb.ConvBlock(8, activation=3),
            "ConvBlock: 'activation' must be the name of a Keras activation, a "
            "function, a layer or None, got 3",
        ),
        (
            lambda: kb.ConvBlock(8, order=("convolution", "activation")),
            "ConvBlock: 'order' must be 'post', 'pre', or a tuple of 'convolution', "
            "'normalization', 'activation' in some order, got ('convolution', "
            "'activation')",
        ),
        (
            lambda: kb.ConvBlock(8, data_format="channel_last"),
            "got 'channel_last'; did you mean 'channels_last'?",
        ),
        (
            lambda: kb.ConvBlock(8, kernel_sise=3),
            "ConvBlock: unexpected keyword argument 'kernel_sise'; did you mean "
            "'kernel_size'?",
        ),
        (
            lambda: kb.ConvBlock(8, 3).build((None, 8)),
            "ConvBlock: the input must have 1, 2 or 3 spatial axes (batch, spatial..., "
            "channels), got the shape (None, 8)",
        ),
        (
            lambda: kb.ConvBlock(8, (3, 3, 3)).build((None, 8, 8, 3)),
            "ConvBlock: 'kernel_size' must be a positive int or a tuple of 2 ints, "
            "got (3, 3, 3)",
        ),
        (
            lambda: kb.ConvBlock(8).build((None, 8, 8, None)),
            "ConvBlock: the number of channels must be known (channels_last), got the "
            "input shape (None, 8, 8, None)",
        ),
        (
            lambda: kb.ConvBlock(
                8, normalization="rms", data_format="channels_first"
            ).build((None, 3, 8)),
            "ConvBlock: 'normalization' must not be RMSNormalization with "
            "channels_first, because Keras scales the wrong axis; use 'layer' instead",
        ),
        (
            lambda: kb.Maxout(3).compute_output_shape((None, 8)),
            "Maxout: 'pieces' must divide the 8 channels of the input, got 3",
        ),
        (
            lambda: kb.Pooling("mean", 2),
            "Pooling: 'kind' must be one of 'max', 'average', got 'mean'",
        ),
        (
            lambda: kb.Chain([CONV, 3]),
            "Chain: 'layers' must be a list of Keras layers, got 3 at position 1",
        ),
        (
            lambda: kb.Chain(CONV),
            "Chain: 'layers' must be a list of Keras layers, got <Conv2D",
        ),
        (
            lambda: kb.Parallel([]),
            "Parallel: 'branches' must be a list of at least one branch, each a Keras "
            "layer or a list of layers, got []",
        ),
        (
            lambda: kb.Parallel([[CONV, "relu"]]),
            "Parallel: 'branches' must be a Keras layer or a list of Keras layers, got "
            "[<Conv2D",
        ),
        (
            lambda: kb.Parallel([[]], merge="concat"),
            "got 'concat'; did you mean 'concatenate'?",
        ),
        (
            lambda: kb.Parallel([layers.Conv2D(8, 3, name="valid"), []]).build(
                (None, 8, 8, 3)
            ),
            "Parallel: the outputs cannot be merged by 'concatenate'; their shapes "
            "are\n"
            "  branch 1 (valid): (None, 6, 6, 8)\n"
            "  branch 2 (branch_2): (None, 8, 8, 3)",
        ),
        (
            lambda: kb.InceptionBlock([8, 8]),
            "InceptionBlock: 'filters' must be a positive int or a list of 4 ints, one "
            "for each branch, got [8, 8]",
        ),
        (
            lambda: kb.InceptionBlock(8, branches=[[(8, 1)]]),
            "InceptionBlock: 'filters' must be left out with 'branches', because the "
            "steps have their own, got 8",
        ),
        (
            lambda: kb.InceptionBlock(strides=2, branches=[[(8, 1)]]),
            "InceptionBlock: 'strides' must be left out with 'branches', because the "
            "steps have their own, got 2",
        ),
        (
            lambda: kb.InceptionBlock(branches=[(8, 1)]),
            "InceptionBlock: a step in 'branches' must be (filters, kernel_size)",
        ),
        (
            lambda: kb.InceptionBlock(branches=[]),
            "InceptionBlock: 'branches' must be a list of at least one branch, each a ",
        ),
        (
            lambda: kb.Residual("relu"),
            "Residual: 'branch' must be a Keras layer or a list of Keras layers, got "
            "'relu'",
        ),
        (
            lambda: kb.Residual(CONV, shortcut="identity"),
            "Residual: 'shortcut' must be one of 'auto', got 'identity'",
        ),
        (
            lambda: kb.Residual(layers.Conv2D(8, 3)).build((None, 8, 9, 8)),
            "Residual: no stride of a 1x1 projection turns the spatial sizes (8, 9) "
            "into those of the branch, (6, 7); use padding='same' in the branch, or "
            "pass layers that change the sizes in the same way as 'shortcut'",
        ),
        (
            lambda: kb.Residual(layers.LSTM(8)).build((None, 8, 8)),
            "Residual: the branch turns the input shape (None, 8, 8) into (None, 8), "
            "and no projection can change the number of axes; pass layers that do as "
            "'shortcut'",
        ),
        (
            lambda: kb.Residual(layers.Conv2D(4, 3, padding="same"), shortcut=[]).build(
                (None, 8, 8, 3)
            ),
            "Residual: the outputs cannot be merged by 'add'; their shapes are\n"
            "  shortcut: (None, 8, 8, 3)\n"
            "  branch: (None, 8, 8, 4)",
        ),
        (
            lambda: kb.ResidualBlock(8, depth=0),
            "ResidualBlock: 'depth' must be a positive int, got 0",
        ),
        (
            lambda: kb.ResidualBlock(8, strides=0),
            "ResidualBlock: 'strides' must be a positive int or a tuple of positive "
            "ints, got 0",
        ),
        (
            lambda: kb.ResidualBlock(strides=2, branch=[(8, 3)]),
            "ResidualBlock: 'strides' must be left out with 'branch', because the "
            "steps have their own, got 2",
        ),
        (
            lambda: kb.ResidualBlock(branch=[(8, 3), ("mex", 2)]),
            "ResidualBlock: a step in 'branch' must be (filters, kernel_size) or "
            "('max' or 'average', pool_size), either with strides and padding after "
            "them, a dict of ConvBlock arguments, a list of branches or a Keras layer, "
            "got ('mex', 2)",
        ),
        (
            lambda: kb.ResidualBlock(branch=(8, 3)),
            "ResidualBlock: a step in 'branch' must be (filters, kernel_size)",
        ),
        (
            lambda: kb.ResidualBlock(8, bottleneck=3),
            "ResidualBlock: 'bottleneck' must be None or a positive int that divides "
            "the 8 filters, got 3",
        ),
        (
            lambda: kb.ResidualBlock(8, order="per"),
            "ResidualBlock: 'order' must be 'post', 'pre', 'book', or a tuple of "
            "'convolution', 'normalization', 'activation' in some order, got 'per'; "
            "did you mean 'pre'?",
        ),
        (
            lambda: kb.ResidualBlock(8, normalisation="batch"),
            "ResidualBlock: unexpected keyword argument 'normalisation'; did you mean "
            "'normalization'?",
        ),
        (
            lambda: kb.XceptionBlock([8, 0]),
            "XceptionBlock: 'filters' must be a positive int or a list of positive "
            "ints, got [8, 0]",
        ),
        (
            lambda: kb.XceptionBlock([8, 9], depth=3),
            "XceptionBlock: 'depth' must be None or the length of 'filters', 2, got 3",
        ),
        (
            lambda: kb.SqueezeExcite(0),
            "SqueezeExcite: 'ratio' must be a positive int, got 0",
        ),
        (
            lambda: kb.SiameseEncoder(CONV, merge="distance"),
            "SiameseEncoder: 'merge' must be one of 'concatenate'",
        ),
        (
            lambda: kb.SiameseEncoder(layers.Dense(2))(np.ones((2, 3))),
            "SiameseEncoder: the input must be a list of two or more tensors, got "
            "(2, 3)",
        ),
        (
            lambda: kb.SiameseEncoder(layers.Dense(2), "dot").build([(None, 3)] * 3),
            "SiameseEncoder: merge='dot' takes exactly 2 tensors, got 3",
        ),
        (
            lambda: kb.SiameseEncoder(layers.LSTM(2), stacked=True).build(
                [(None, 3, 4), (None, 5, 4)]
            ),
            "SiameseEncoder: 'stacked' needs inputs of the same shape, got [(None, 3, "
            "4), (None, 5, 4)]",
        ),
        (
            lambda: kb.MultiHeadOutput({}),
            "MultiHeadOutput: 'heads' must be a dict of at least one task, got {}",
        ),
        (
            lambda: kb.MultiHeadOutput({"age": layers.Dense(1)}),
            "MultiHeadOutput: 'heads' must hold tasks such as "
            "kerasblocks.heads.Regression(), got <Dense",
        ),
        (
            lambda: kb.MultiHeadOutput({"a/b": kb.heads.Binary()}),
            "MultiHeadOutput: a name in 'heads' must consist of letters from a to z, "
            "digits, '_', '-', '.' and '>', because TensorFlow names the loss after "
            "it, got 'a/b'",
        ),
        (
            lambda: kb.MultiHeadOutput({"house value": kb.heads.Regression()}),
            "names the loss after it, got 'house value'",
        ),
        (
            lambda: kb.heads.Multiclass(1),
            "Multiclass: 'classes' must be an int of at least 2, got 1",
        ),
        (
            lambda: kb.heads.Multilabel(0),
            "Multilabel: 'labels' must be a positive int, got 0",
        ),
        (
            lambda: kb.heads.Regression(hidden=["relu"]),
            "Regression: 'hidden' must be a list of positive ints or Keras layers, got "
            "'relu'",
        ),
        (
            lambda: kb.expand(CONV),
            "expand: 'model' must be a Keras model, got <Conv2D",
        ),
    ],
)
def test_words(make, words):
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert words in str(caught.value)
