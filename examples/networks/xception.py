"""Xception: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions,
CVPR 2017, figure 5.
"""

import keras
from keras import layers

import kerasblocks as kb

# The filters of each module's separable convolutions, and the module's stride. (The
# ReLU that begins the first one stands after a ReLU already, and changes nothing.)
ENTRY = [([128, 128], 2), ([256, 256], 2), ([728, 728], 2)]
MIDDLE = [([728, 728, 728], 1)] * 8
EXIT = [([728, 1024], 2)]


def xception(input_shape=(299, 299, 3), classes=1000):
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(32, 3, strides=2, padding="valid", name="block1_conv1")(inputs)
    x = kb.ConvBlock(64, 3, padding="valid", name="block1_conv2")(x)
    for block, (filters, strides) in enumerate(ENTRY + MIDDLE + EXIT, start=2):
        x = kb.XceptionBlock(filters, strides=strides, name=f"block{block}")(x)
    x = kb.ConvBlock(1536, 3, convolution="separable", name="block14_conv1")(x)
    x = kb.ConvBlock(2048, 3, convolution="separable", name="block14_conv2")(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="xception")


if __name__ == "__main__":
    print(kb.summary(xception(), depth=1))
