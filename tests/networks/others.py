"""Further published networks, from the public names alone: what the blocks can say."""

import keras
from keras import layers

import kerasblocks as kb

PRE_ACTIVATION = ("normalization", "activation", "convolution")


def ends(inputs, x, classes=1000):
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, "softmax")(x))


def densenet121(input_shape):
    """Huang et al. 2017: each layer's features stay beside its input."""
    normalization = layers.BatchNormalization(epsilon=1.001e-5)
    stem = {"normalization": normalization, "use_bias": False}
    common = {**stem, "order": PRE_ACTIVATION}
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(64, 7, strides=2, padding=3, **stem)(inputs)
    x = kb.Pooling("max", 3, 2, padding="valid")(layers.ZeroPadding2D(1)(x))
    for stage, count in enumerate((6, 12, 24, 16)):
        if stage:
            x = kb.ConvBlock(x.shape[-1] // 2, 1, **common)(x)
            x = kb.Pooling("average", 2)(x)
        for _ in range(count):
            path = [kb.ConvBlock(128, 1, **common), kb.ConvBlock(32, 3, **common)]
            x = kb.Parallel([[], path])(x)
    x = layers.BatchNormalization(epsilon=1.001e-5)(x)
    return ends(inputs, layers.ReLU()(x))


def resnet50_v2(input_shape):
    """He et al. 2016 as Keras has it: the stride at the end of a stage."""
    normalization = layers.BatchNormalization(epsilon=1.001e-5)
    common = {"normalization": normalization, "use_bias": False}
    linear = {"normalization": None, "activation": None}

    def preactivation():
        return [layers.BatchNormalization(epsilon=1.001e-5), layers.ReLU()]

    def path(filters, strides):
        return [
            kb.ConvBlock(filters, 1, **common),
            kb.ConvBlock(filters, 3, padding=1, strides=strides, **common),
            kb.ConvBlock(4 * filters, 1, **linear),
        ]

    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(64, 7, strides=2, padding=3, **linear)(inputs)
    x = kb.Pooling("max", 3, 2, padding="valid")(layers.ZeroPadding2D(1)(x))
    for filters, count, last in ((64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)):
        x = kb.Chain([*preactivation(), kb.Residual(path(filters, 1))])(x)
        for block in range(2, count + 1):
            strides = last if block == count else 1
            shortcut = [] if strides == 1 else [layers.MaxPooling2D(1, strides)]
            x = kb.Residual([*preactivation(), *path(filters, strides)], shortcut)(x)
    return ends(inputs, kb.Chain(preactivation())(x))


def efficientnet_b0(input_shape):
    """Tan and Le 2019, table 1: inverted residuals with squeeze and excitation."""
    common = {"activation": "swish"}
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Normalization()(x)
    x = kb.ConvBlock(32, 3, strides=2, **common)(x)
    stages = [
        *((1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3)),
        *((6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3)),
    ]
    for expansion, filters, count, first, kernel_size in stages:
        for block in range(count):
            strides, before = (1 if block else first), x.shape[-1]
            wide = kb.ConvBlock(expansion * before, 1, **common)
            path = [
                *([wide] if expansion > 1 else []),
                kb.ConvBlock(
                    None,
                    kernel_size,
                    strides=strides,
                    convolution="depthwise",
                    **common,
                ),
                kb.SqueezeExcite(4 * expansion, activation="swish"),
                kb.ConvBlock(filters, 1, activation=None),
            ]
            unchanged = strides == 1 and filters == before
            x = kb.Residual(path)(x) if unchanged else kb.Chain(path)(x)
    x = kb.ConvBlock(1280, 1, **common)(x)
    return ends(inputs, layers.Dropout(0.2)(x))


def mobilenet_v3_small(input_shape):
    """Howard et al. 2019, table 2."""

    def divisible(width):
        rounded = max(8, int(width + 4) // 8 * 8)
        return rounded + 8 if rounded < 0.9 * width else rounded

    normalization = layers.BatchNormalization(momentum=0.999)
    swish = {"normalization": normalization, "activation": "hard_silu"}
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = kb.ConvBlock(16, 3, strides=2, **swish)(x)
    stages = [
        *((1, 16, 3, 2, True, "relu"), (72 / 16, 24, 3, 2, False, "relu")),
        *((88 / 24, 24, 3, 1, False, "relu"), (4, 40, 5, 2, True, "hard_silu")),
        *((6, 40, 5, 1, True, "hard_silu"), (6, 40, 5, 1, True, "hard_silu")),
        *((3, 48, 5, 1, True, "hard_silu"), (3, 48, 5, 1, True, "hard_silu")),
        *((6, 96, 5, 2, True, "hard_silu"), (6, 96, 5, 1, True, "hard_silu")),
        (6, 96, 5, 1, True, "hard_silu"),
    ]
    for number, (factor, filters, kernel_size, strides, excite, act) in enumerate(
        stages
    ):
        before, common = x.shape[-1], {**swish, "activation": act}
        width = divisible(before * factor)
        path = [
            *([kb.ConvBlock(width, 1, **common)] if number else []),
            kb.ConvBlock(
                None, kernel_size, strides=strides, convolution="depthwise", **common
            ),
        ]
        if excite:
            units = divisible(width / 4)
            path.append(kb.SqueezeExcite(units=units, gate="hard_sigmoid"))
        path.append(kb.ConvBlock(filters, 1, **{**common, "activation": None}))
        unchanged = strides == 1 and filters == before
        x = kb.Residual(path)(x) if unchanged else kb.Chain(path)(x)
    x = kb.ConvBlock(divisible(6 * x.shape[-1]), 1, **swish)(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2)(layers.Dense(1024, "hard_silu")(x))
    return keras.Model(inputs, layers.Dense(1000, "softmax")(x))


def inception_resnet_v2(input_shape):
    """Szegedy et al. 2017, figures 16 to 19: inception modules inside residuals."""
    normalization = layers.BatchNormalization(scale=False)
    common = {"normalization": normalization}
    half = {"strides": 2, "padding": "valid"}
    pool = [("max", 3, 2, "valid")]

    def residual(branches, filters, scale):
        return kb.Residual(
            [
                kb.InceptionBlock(branches=branches, **common),
                kb.ConvBlock(filters, 1, normalization=None, activation=None),
                layers.Rescaling(scale),
            ]
        )

    a = [[(32, 1)], [(32, 1), (32, 3)], [(32, 1), (48, 3), (64, 3)]]
    b = [[(192, 1)], [(128, 1), (160, (1, 7)), (192, (7, 1))]]
    c = [[(192, 1)], [(192, 1), (224, (1, 3)), (256, (3, 1))]]
    mixed = [
        *([(96, 1)], [(48, 1), (64, 5)], [(64, 1), (96, 3), (96, 3)]),
        [("average", 3), (64, 1)],
    ]
    reduce_a = [
        *([(384, 3, 2, "valid")], [(256, 1), (256, 3), (384, 3, 2, "valid")], pool),
    ]
    reduce_b = [
        *([(256, 1), (384, 3, 2, "valid")], [(256, 1), (288, 3, 2, "valid")]),
        *([(256, 1), (288, 3), (320, 3, 2, "valid")], pool),
    ]
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(32, 3, **half, **common)(inputs)
    x = kb.ConvBlock(32, 3, padding="valid", **common)(x)
    x = kb.Pooling("max", 3, **half)(kb.ConvBlock(64, 3, **common)(x))
    x = kb.ConvBlock(80, 1, **common)(x)
    x = kb.ConvBlock(192, 3, padding="valid", **common)(x)
    x = kb.Pooling("max", 3, **half)(x)
    x = kb.InceptionBlock(branches=mixed, **common)(x)
    for _ in range(10):
        x = layers.ReLU()(residual(a, 320, 0.17)(x))
    x = kb.InceptionBlock(branches=reduce_a, **common)(x)
    for _ in range(20):
        x = layers.ReLU()(residual(b, 1088, 0.1)(x))
    x = kb.InceptionBlock(branches=reduce_b, **common)(x)
    for _ in range(9):
        x = layers.ReLU()(residual(c, 2080, 0.2)(x))
    x = residual(c, 2080, 1.0)(x)
    return ends(inputs, kb.ConvBlock(1536, 1, **common)(x))
