"""InceptionTime: Ismail Fawaz et al., InceptionTime: Finding AlexNet for Time Series
Classification, Data Mining and Knowledge Discovery 2020, figures 1 and 2.

One member of the ensemble, and how it is trained; the ensemble is the mean of what
five say that differ in their initial weights.
"""

import keras
from keras import layers

import kerasblocks as kb

FILTERS = 32
KERNEL_SIZES = (40, 20, 10)
WIDTH = FILTERS * (len(KERNEL_SIZES) + 1)


def module(channels, name):
    """Figure 2; one channel needs no bottleneck."""
    bottleneck = [(FILTERS, 1)] if channels > 1 else []
    branches = [
        [*bottleneck, [[(FILTERS, size)] for size in KERNEL_SIZES]],
        [("max", 3), (FILTERS, 1)],
    ]
    inception = kb.InceptionBlock(
        branches=branches,
        normalization=None,
        activation=None,
        use_bias=False,
        name="inception",
    )
    return kb.Chain(
        [
            inception,
            layers.BatchNormalization(name="normalization"),
            layers.ReLU(name="activation"),
        ],
        name=name,
    )


def inception_time(input_shape, classes):
    """Figure 1: two residual blocks of three modules each."""
    inputs = x = keras.Input(input_shape)
    for block in (1, 2):
        x = kb.Residual(
            [
                module(channels, name=f"module{number}")
                for number, channels in enumerate((x.shape[-1], WIDTH, WIDTH), start=1)
            ],
            shortcut=kb.ConvBlock(WIDTH, 1, activation=None, name="shortcut"),
            name=f"residual{block}",
        )(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling1D()(x)
    outputs = layers.Dense(classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="inception_time")


def slower(epochs):
    """Half the rate after 50 of 1500 epochs without a better loss; of fewer, fewer."""
    return keras.callbacks.ReduceLROnPlateau(
        "loss", factor=0.5, patience=max(5, epochs // 30), min_lr=1e-4
    )


def train(model, x, y, epochs=1500, batch_size=64, callbacks=()):
    """Ends with the weights of the epoch that had the best loss."""
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    best = keras.callbacks.EarlyStopping(
        "loss", patience=epochs, restore_best_weights=True
    )
    callbacks = [*callbacks, slower(epochs), best]
    return model.fit(x, y, batch_size, epochs, verbose=0, callbacks=callbacks)


if __name__ == "__main__":
    print(kb.summary(inception_time((150, 1), classes=2), depth=1))
