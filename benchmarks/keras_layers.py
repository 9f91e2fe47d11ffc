"""Keras' own layers in a table: how to make each and what it takes.

`LAYERS` has a row for every public layer class that can be made without another
framework, and rows with interesting arguments. `STRINGS` has those that take text.
`LEFT_OUT` names the other classes, each with its reason. Run this file to see that
no class is missing and that each layer can be called:

    python benchmarks/keras_layers.py
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
from keras import layers

WORDS = ("a", "b", "c", "d", "a b", "b c d", "unknown")

# Sizes differ, so that none can stand for another.
VECTOR = (None, 4)
STEPS = (None, 6, 3)  # (batch, steps, channels)
SERIES = (None, 6, 4)  # channels that can be grouped
IMAGE = (None, 6, 5, 4)
VOLUME = (None, 5, 3, 4, 2)
FRAMES = (None, 3, 5, 4, 2)  # (batch, steps, rows, columns, channels)
PICTURE = (None, 9, 7, 3)  # red, green, blue
TOKENS = (None, 6)
SIGNAL = (None, 40)


@dataclass(frozen=True)
class KerasLayer:
    """How to make a layer of Keras, and what it takes.

    Attributes:
        name: The name of the class, and of the variant after an underscore.
        make: `make(**kwargs)` gives a new layer; what it is given is passed on to
            the constructor: `dtype`, `name`, `data_format`...
        input_shape: A shape with the batch, None, first; or a list or a dict of
            shapes, for a layer that takes one structure. A tuple of these is for a
            layer whose call takes several arguments.
        input_dtype: The dtype of every input.
        input_range: The least value and the one that integers stay under. Of floats,
            the range of the values. None is 0 to 8 for integers, and normally
            distributed floats.
    """

    name: str
    make: Callable[..., Any]
    input_shape: Any
    input_dtype: str = "float32"
    input_range: tuple | None = None

    def __str__(self):
        return self.name

    @property
    def several(self):
        """Whether the layer's call takes several positional arguments."""
        return isinstance(self.input_shape, tuple) and not is_shape(self.input_shape)

    def sample(self, batch=2, seed=0):
        """Arguments for the layer's call: a tuple of structures of arrays."""
        generator = np.random.default_rng(seed)

        def array(shape):
            shape = tuple(batch if size is None else size for size in shape)
            if self.input_dtype == "string":
                return np.array(generator.choice(WORDS, shape), dtype=object)
            if self.input_dtype.startswith("int"):
                drawn = generator.integers(*(self.input_range or (0, 8)), size=shape)
            elif self.input_range:
                drawn = generator.uniform(*self.input_range, size=shape)
            else:
                drawn = generator.standard_normal(shape)
            return drawn.astype(self.input_dtype)

        shapes = self.input_shape if self.several else (self.input_shape,)
        return tuple(map_shapes(array, shape) for shape in shapes)


def is_shape(value):
    return isinstance(value, tuple) and all(
        size is None or isinstance(size, int) for size in value
    )


def map_shapes(function, structure):
    """The structure with `function` of each of its shapes."""
    if is_shape(structure):
        return function(structure)
    if isinstance(structure, dict):
        return {key: map_shapes(function, part) for key, part in structure.items()}
    return type(structure)(map_shapes(function, part) for part in structure)


def around(cls, make, **kwargs):
    """A layer around another, or around a list of them, which are made anew."""
    made = [one() for one in make] if isinstance(make, list) else make()
    return cls(made, **kwargs)


def two_way(forward, backward, **kwargs):
    return layers.Bidirectional(forward(), backward_layer=backward(), **kwargs)


@keras.saving.register_keras_serializable("kerasblocks_benchmarks")
def half(x):
    return x / 2


def row(name, *args, shape, dtype="float32", within=None, cls=None, **kwargs):
    """A row for the class that `name` begins with, or what `cls` makes."""
    cls = cls or getattr(layers, name.partition("_")[0])
    return KerasLayer(name, partial(cls, *args, **kwargs), shape, dtype, within)


def wrapper(name, make, *, shape, **kwargs):
    """A row for a layer around others."""
    cls = getattr(layers, name.partition("_")[0])
    return KerasLayer(name, partial(around, cls, make, **kwargs), shape)


def picture(name, *args, shape=PICTURE, within=(0, 1), **kwargs):
    """A row for a layer that takes pictures."""
    return row(name, *args, shape=shape, within=within, **kwargs)


DENSE = [
    row("Dense", 3, shape=VECTOR),
    row("Dense_no_bias", 3, use_bias=False, activation="relu", shape=STEPS),
    row("Dense_lora", 3, lora_rank=2, lora_alpha=3, shape=VECTOR),
    row(
        "Dense_regularized",
        *(3, "tanh"),
        kernel_regularizer="l2",
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint="non_neg",
        bias_initializer="normal",
        shape=VECTOR,
    ),
    row("EinsumDense", "ab,bc->ac", 3, shape=VECTOR),
    row("EinsumDense_bias", "abc,cd->abd", (None, 5), bias_axes="d", shape=STEPS),
    row("EinsumDense_lora", "...x,xy->...y", 5, lora_rank=2, shape=STEPS),
    row("Embedding", 8, 3, shape=TOKENS, dtype="int32"),
    row("Embedding_masked", 8, 3, mask_zero=True, shape=TOKENS, dtype="int32"),
    row("Embedding_lora", 8, 3, lora_rank=2, shape=TOKENS, dtype="int32"),
    row("ReversibleEmbedding", 8, 3, shape=TOKENS, dtype="int32"),
    row(
        "ReversibleEmbedding_untied",
        *(8, 3),
        tie_weights=False,
        mask_zero=True,
        logit_soft_cap=3.0,
        shape=TOKENS,
        dtype="int32",
    ),
]

CONVOLUTIONS = [
    row("Conv1D", 5, 3, shape=SERIES),
    row("Conv1D_causal", 5, 3, padding="causal", dilation_rate=2, shape=SERIES),
    row("Conv1D_strides", 5, 2, strides=2, padding="same", groups=1, shape=SERIES),
    row("Conv2D", 5, 3, shape=IMAGE),
    row("Conv2D_same", 5, (3, 2), (2, 1), "same", activation="relu", shape=IMAGE),
    row("Conv2D_groups", 6, 3, padding="same", groups=2, use_bias=False, shape=IMAGE),
    row("Conv2D_dilated", 5, (2, 3), dilation_rate=(3, 2), shape=IMAGE),
    row(
        "Conv2D_regularized",
        *(5, 3),
        kernel_regularizer="l2",
        bias_constraint="non_neg",
        activity_regularizer="l1",
        shape=IMAGE,
    ),
    row("Conv3D", 3, 2, shape=VOLUME),
    row("Conv3D_same", 3, (3, 2, 1), (1, 2, 2), "same", shape=VOLUME),
    row("Conv1DTranspose", 5, 3, shape=SERIES),
    row("Conv1DTranspose_strides", 5, 3, strides=2, padding="same", shape=SERIES),
    row("Conv2DTranspose", 5, (3, 2), shape=IMAGE),
    row("Conv2DTranspose_strides", 5, 3, (2, 3), "same", shape=IMAGE),
    row("Conv2DTranspose_output_padding", 5, 3, 2, output_padding=1, shape=IMAGE),
    row("Conv3DTranspose", 3, 2, shape=VOLUME),
    row("Conv3DTranspose_strides", 3, 2, (2, 1, 3), "same", shape=VOLUME),
    row("DepthwiseConv1D", 3, shape=SERIES),
    row("DepthwiseConv1D_same", 3, 2, "same", depth_multiplier=2, shape=SERIES),
    row("DepthwiseConv2D", (3, 2), shape=IMAGE),
    row("DepthwiseConv2D_same", 3, 2, "same", depth_multiplier=2, shape=IMAGE),
    row("DepthwiseConv2D_dilated", 2, dilation_rate=2, use_bias=False, shape=IMAGE),
    row("SeparableConv1D", 5, 3, shape=SERIES),
    row("SeparableConv1D_dilated", 5, 3, dilation_rate=2, shape=SERIES),
    row("SeparableConv2D", 5, (3, 2), shape=IMAGE),
    row("SeparableConv2D_same", 5, 3, 2, "same", depth_multiplier=2, shape=IMAGE),
]

POOLING = [
    row("AveragePooling1D", 2, shape=SERIES),
    row("AveragePooling1D_same", 3, 2, "same", shape=SERIES),
    row("AveragePooling2D", 2, shape=IMAGE),
    row("AveragePooling2D_same", (3, 2), (1, 2), "same", shape=IMAGE),
    row("AveragePooling3D", 2, shape=VOLUME),
    row("AveragePooling3D_same", (2, 3, 2), (2, 1, 3), "same", shape=VOLUME),
    row("MaxPooling1D", 2, shape=SERIES),
    row("MaxPooling1D_same", 3, 2, "same", shape=SERIES),
    row("MaxPooling2D", 2, shape=IMAGE),
    row("MaxPooling2D_same", (3, 2), (1, 2), "same", shape=IMAGE),
    row("MaxPooling3D", 2, shape=VOLUME),
    row("MaxPooling3D_same", (2, 3, 2), (2, 1, 3), "same", shape=VOLUME),
    row("GlobalAveragePooling1D", shape=STEPS),
    row("GlobalAveragePooling1D_keepdims", keepdims=True, shape=STEPS),
    row("GlobalAveragePooling2D", shape=IMAGE),
    row("GlobalAveragePooling2D_keepdims", keepdims=True, shape=IMAGE),
    row("GlobalAveragePooling3D", shape=VOLUME),
    row("GlobalMaxPooling1D", shape=STEPS),
    row("GlobalMaxPooling1D_keepdims", keepdims=True, shape=STEPS),
    row("GlobalMaxPooling2D", shape=IMAGE),
    row("GlobalMaxPooling3D", shape=VOLUME),
    row("GlobalMaxPooling3D_keepdims", keepdims=True, shape=VOLUME),
    row("AdaptiveAveragePooling1D", 4, shape=SERIES),
    row("AdaptiveAveragePooling2D", (4, 2), shape=IMAGE),
    row("AdaptiveAveragePooling3D", (2, 3, 2), shape=VOLUME),
    row("AdaptiveMaxPooling1D", 4, shape=SERIES),
    row("AdaptiveMaxPooling2D", (4, 2), shape=IMAGE),
    row("AdaptiveMaxPooling3D", (2, 3, 2), shape=VOLUME),
]

NORMALIZATION = [
    row("BatchNormalization", shape=IMAGE),
    row("BatchNormalization_axis_1", 1, momentum=0.5, epsilon=0.1, shape=IMAGE),
    row("BatchNormalization_bare", center=False, scale=False, shape=STEPS),
    row("BatchNormalization_renorm", renorm=True, shape=VECTOR),
    row("LayerNormalization", shape=STEPS),
    row("LayerNormalization_axes", [1, 2], epsilon=0.1, shape=IMAGE),
    row("LayerNormalization_no_scale", 1, scale=False, shape=STEPS),
    row("GroupNormalization", 2, shape=IMAGE),
    row("GroupNormalization_instances", -1, shape=IMAGE),
    row("GroupNormalization_axis_1", 3, axis=1, center=False, shape=IMAGE),
    row("RMSNormalization", shape=STEPS),
    row("RMSNormalization_axes", [1, 2], epsilon=0.1, shape=STEPS),
    row("UnitNormalization", shape=STEPS),
    row("UnitNormalization_axes", [1, 2], shape=STEPS),
    wrapper("SpectralNormalization", partial(layers.Dense, 3), shape=VECTOR),
    wrapper(
        "SpectralNormalization_Conv2D",
        partial(layers.Conv2D, 3, 2),
        power_iterations=2,
        shape=IMAGE,
    ),
]

RECURRENT = [
    row("SimpleRNN", 5, shape=STEPS),
    row("SimpleRNN_sequences", 5, return_sequences=True, unroll=True, shape=STEPS),
    row("LSTM", 5, shape=STEPS),
    row("LSTM_sequences", 5, return_sequences=True, use_bias=False, shape=STEPS),
    row("LSTM_state", 5, return_state=True, unit_forget_bias=False, shape=STEPS),
    row("LSTM_dropout", 5, dropout=0.3, recurrent_dropout=0.2, seed=1, shape=STEPS),
    row("LSTM_backwards", 5, return_sequences=True, go_backwards=True, shape=STEPS),
    row("LSTM_initial_state", 5, shape=(STEPS, [(None, 5), (None, 5)])),
    row("GRU", 5, shape=STEPS),
    row("GRU_sequences", 5, return_sequences=True, return_state=True, shape=STEPS),
    row("GRU_reset_before", 5, reset_after=False, activation="relu", shape=STEPS),
    row("SimpleRNNCell", 5, shape=(VECTOR, [(None, 5)])),
    row("GRUCell", 5, shape=(VECTOR, [(None, 5)])),
    row("LSTMCell", 5, shape=(VECTOR, [(None, 5), (None, 5)])),
    wrapper(
        "StackedRNNCells",
        [partial(layers.GRUCell, 5), partial(layers.LSTMCell, 3)],
        shape=(VECTOR, [(None, 5), [(None, 3), (None, 3)]]),
    ),
    wrapper("RNN", partial(layers.GRUCell, 5), shape=STEPS),
    wrapper(
        "RNN_stacked",
        [partial(layers.GRUCell, 5), partial(layers.SimpleRNNCell, 3)],
        return_sequences=True,
        shape=STEPS,
    ),
    wrapper(
        "RNN_state",
        [partial(layers.LSTMCell, 5), partial(layers.LSTMCell, 3)],
        return_state=True,
        shape=STEPS,
    ),
    wrapper("Bidirectional", partial(layers.LSTM, 5), shape=STEPS),
    wrapper(
        "Bidirectional_sum",
        partial(layers.GRU, 5, return_sequences=True),
        merge_mode="sum",
        shape=STEPS,
    ),
    wrapper(
        "Bidirectional_both",
        partial(layers.SimpleRNN, 5, return_state=True),
        merge_mode=None,
        shape=STEPS,
    ),
    row(
        "Bidirectional_two",
        partial(layers.LSTM, 5),
        partial(layers.GRU, 5, go_backwards=True),
        cls=two_way,
        shape=STEPS,
    ),
    wrapper("TimeDistributed", partial(layers.Dense, 5), shape=STEPS),
    wrapper("TimeDistributed_Conv2D", partial(layers.Conv2D, 3, 2), shape=FRAMES),
    row("ConvLSTM1D", 3, 2, shape=(None, 3, 5, 2)),
    row("ConvLSTM1D_same", 3, 2, 2, "same", return_state=True, shape=(None, 3, 5, 2)),
    row("ConvLSTM2D", 3, 2, shape=FRAMES),
    row("ConvLSTM2D_same", 3, 3, padding="same", return_sequences=True, shape=FRAMES),
    row("ConvLSTM2D_dropout", 3, 2, dropout=0.3, seed=1, shape=FRAMES),
    row("ConvLSTM3D", 2, 2, shape=(None, 2, 4, 3, 5, 2)),
]

KEYS = (None, 5, 3)

ATTENTION = [
    row("MultiHeadAttention", 2, 3, shape=(STEPS, KEYS)),
    row(
        "MultiHeadAttention_sizes",
        *(2, 3),
        value_dim=5,
        output_shape=7,
        use_bias=False,
        shape=(STEPS, (None, 5, 4), (None, 5, 2)),
    ),
    row("MultiHeadAttention_dropout", 2, 3, dropout=0.3, seed=1, shape=(STEPS, STEPS)),
    row("MultiHeadAttention_window", 2, 3, sliding_window=2, shape=(STEPS, STEPS)),
    row("MultiHeadAttention_gate", 2, 3, use_gate=True, shape=(STEPS, STEPS)),
    row("MultiHeadAttention_axes", 2, 3, attention_axes=2, shape=(IMAGE, IMAGE)),
    row("GroupQueryAttention", 3, 4, 2, shape=(STEPS, KEYS)),
    row("GroupQueryAttention_gate", 3, 4, 2, use_gate=True, shape=(STEPS, STEPS)),
    row(
        "GroupQueryAttention_window",
        *(3, 4, 1),
        dropout=0.3,
        use_bias=False,
        sliding_window=2,
        seed=1,
        shape=(STEPS, STEPS),
    ),
    row("Attention", shape=[STEPS, KEYS]),
    row("Attention_scaled", True, dropout=0.3, seed=1, shape=[STEPS, KEYS, KEYS]),
    row("Attention_concat", use_scale=True, score_mode="concat", shape=[STEPS, KEYS]),
    row("AdditiveAttention", shape=[STEPS, KEYS]),
    row("AdditiveAttention_unscaled", False, dropout=0.3, shape=[STEPS, KEYS]),
]

MERGING = [
    row("Add", shape=[VECTOR, VECTOR]),
    row("Add_three", shape=[STEPS, STEPS, STEPS]),
    row("Add_broadcast", shape=[IMAGE, (None, 1, 5, 1)]),
    row("Subtract", shape=[VECTOR, VECTOR]),
    row("Multiply", shape=[VECTOR, VECTOR]),
    row("Average", shape=[STEPS, STEPS, STEPS]),
    row("Maximum", shape=[VECTOR, VECTOR]),
    row("Minimum", shape=[STEPS, (None, 6, 1)]),
    row("Concatenate", shape=[STEPS, (None, 6, 2)]),
    row("Concatenate_axis", axis=1, shape=[STEPS, KEYS]),
    row("Dot", 1, shape=[VECTOR, VECTOR]),
    row("Dot_axes", axes=(2, 1), normalize=True, shape=[STEPS, (None, 3, 5)]),
]

RESHAPING = [
    row("Flatten", shape=IMAGE),
    row("Flatten_channels_first", data_format="channels_first", shape=IMAGE),
    row("Reshape", (2, -1, 3), shape=STEPS),
    row("Permute", (3, 1, 2), shape=IMAGE),
    row("RepeatVector", 3, shape=VECTOR),
    row("Cropping1D", (1, 2), shape=SERIES),
    row("Cropping2D", ((1, 2), (0, 3)), shape=IMAGE),
    row("Cropping3D", ((1, 2), (0, 1), (2, 0)), shape=VOLUME),
    row("ZeroPadding1D", (1, 2), shape=SERIES),
    row("ZeroPadding2D", ((1, 2), (0, 3)), shape=IMAGE),
    row("ZeroPadding3D", ((1, 2), (0, 1), (2, 0)), shape=VOLUME),
    row("UpSampling1D", 3, shape=SERIES),
    row("UpSampling2D", (2, 3), shape=IMAGE),
    row("UpSampling2D_bilinear", 2, interpolation="bilinear", shape=IMAGE),
    row("UpSampling3D", (2, 1, 3), shape=VOLUME),
    row("Identity", shape=IMAGE),
    row("Identity_list", shape=[VECTOR, STEPS]),
    row("Lambda", half, shape=STEPS),
]

ACTIVATIONS = [
    row("Activation", "gelu", shape=STEPS),
    row("Activation_softmax", "softmax", shape=VECTOR),
    row("ELU", 0.5, shape=STEPS),
    row("LeakyReLU", 0.1, shape=STEPS),
    row("PReLU", shape=IMAGE),
    row("PReLU_shared", "normal", shared_axes=[1, 2], shape=IMAGE),
    row("ReLU", shape=STEPS),
    row("ReLU_all", 1.0, negative_slope=0.1, threshold=0.2, shape=STEPS),
    row("Softmax", shape=STEPS),
    row("Softmax_axes", axis=(1, 2), shape=IMAGE),
]

REGULARIZATION = [
    row("Dropout", 0.5, shape=STEPS),
    row("Dropout_noise_shape", 0.5, noise_shape=(None, 1, 3), seed=1, shape=STEPS),
    row("AlphaDropout", 0.3, shape=STEPS),
    row("AlphaDropout_noise_shape", 0.3, (None, 6, 1), seed=1, shape=STEPS),
    row("GaussianDropout", 0.3, seed=1, shape=STEPS),
    row("GaussianNoise", 0.3, seed=1, shape=STEPS),
    row("SpatialDropout1D", 0.3, seed=1, shape=STEPS),
    row("SpatialDropout2D", 0.3, shape=IMAGE),
    row("SpatialDropout3D", 0.3, shape=VOLUME),
    row("ActivityRegularization", 0.1, 0.2, shape=VECTOR),
    row("Masking", shape=STEPS),
    row("Masking_value", 3, shape=(*TOKENS, 1), dtype="int32"),
]

COUNTS = {"shape": TOKENS, "dtype": "int32"}

FEATURES = [
    row("Normalization", mean=[1.0, 2.0, 0.5], variance=[2.0, 1.0, 3.0], shape=STEPS),
    row("Normalization_invert", None, 1.5, 4.0, invert=True, shape=STEPS),
    row("Discretization", [-1.0, 0.0, 0.5], shape=VECTOR),
    row("Discretization_one_hot", [-1.0, 0.5], output_mode="one_hot", shape=VECTOR),
    row("CategoryEncoding", 8, **COUNTS),
    row("CategoryEncoding_one_hot", 8, output_mode="one_hot", **COUNTS),
    row("CategoryEncoding_count", 8, output_mode="count", **COUNTS),
    row("Hashing", 5, **COUNTS),
    row("Hashing_salted", 5, mask_value=0, salt=[3, 7], **COUNTS),
    row("Hashing_one_hot", 5, output_mode="one_hot", shape=(None, 1), dtype="int32"),
    row("HashedCrossing", 5, shape=[(None, 1), (None, 1)], dtype="int32"),
    row(
        "HashedCrossing_one_hot",
        5,
        output_mode="one_hot",
        shape=[(None, 1), (None, 1)],
        dtype="int32",
    ),
    row("IntegerLookup", vocabulary=[1, 3, 5], shape=TOKENS, dtype="int64"),
    row(
        "IntegerLookup_masked",
        vocabulary=[1, 3, 5],
        mask_token=0,
        num_oov_indices=2,
        shape=TOKENS,
        dtype="int64",
    ),
    row(
        "IntegerLookup_tf_idf",
        vocabulary=[1, 3, 5],
        idf_weights=[0.5, 0.7, 1.5],
        output_mode="tf_idf",
        shape=TOKENS,
        dtype="int64",
    ),
]

UNIT = {"value_range": (0, 1)}

IMAGES = [
    picture("Rescaling", 2.0, -1.0),
    picture("Rescaling_channels", [1.0, 2.0, 0.5], [0.0, 1.0, -1.0]),
    picture("Resizing", 5, 8),
    picture("Resizing_crop", 5, 8, crop_to_aspect_ratio=True),
    picture("Resizing_pad", 5, 8, "nearest", pad_to_aspect_ratio=True, fill_value=0.5),
    picture("CenterCrop", 5, 4),
    picture("CenterCrop_larger", 11, 4),
    picture("AutoContrast", **UNIT),
    picture("Equalization", within=(0, 255)),
    picture("Equalization_bins", bins=16, **UNIT),
    picture("ContrastLimitedAdaptiveHistogramEqualization", (0, 1), 2.0, (2, 3)),
    picture("Solarization", 0.1, 0.5, seed=1, **UNIT),
    picture("RandomBrightness", 0.3, seed=1, **UNIT),
    picture("RandomColorDegeneration", 0.3, seed=1, **UNIT),
    picture("RandomColorJitter", (0, 1), 0.3, 0.3, 0.3, 0.3, seed=1),
    picture("RandomContrast", 0.3, seed=1, **UNIT),
    picture("RandomCrop", 5, 4, seed=1),
    picture("RandomElasticTransform", 0.5, 0.5, seed=1, **UNIT),
    picture("RandomErasing", 0.5, seed=1, **UNIT),
    picture("RandomFlip", seed=1),
    picture("RandomFlip_horizontal", "horizontal", seed=1),
    picture("RandomGaussianBlur", 0.5, 3, 0.7, seed=1, **UNIT),
    picture("RandomGrayscale", 0.5, seed=1),
    picture("RandomHue", 0.3, seed=1, **UNIT),
    picture("RandomInvert", 0.5, seed=1, **UNIT),
    picture("RandomPerspective", 0.5, 0.5, seed=1),
    picture("RandomPosterization", 4, seed=1, **UNIT),
    picture("RandomRotation", 0.2, seed=1),
    picture("RandomRotation_constant", (-0.3, 0.1), "constant", "nearest", seed=1),
    picture("RandomSaturation", 0.3, seed=1, **UNIT),
    picture("RandomSharpness", 0.3, seed=1, **UNIT),
    picture("RandomShear", 0.3, 0.2, seed=1),
    picture("RandomTranslation", 0.3, (-0.2, 0.1), "wrap", seed=1),
    picture("RandomZoom", 0.3, seed=1),
    picture("RandomZoom_sides", (-0.3, 0.2), 0.1, "nearest", seed=1),
    picture("RandAugment", (0, 1), 2, 0.5, seed=1),
    picture("AugMix", (0, 1), 2, 2, seed=1),
    picture("CutMix", 0.7, seed=1),
    picture("CutMix_labels", shape={"images": PICTURE, "labels": (None, 5)}, seed=1),
    picture("MixUp", 0.3, seed=1),
    picture("MixUp_labels", shape={"images": PICTURE, "labels": (None, 5)}, seed=1),
    picture(
        "MaxNumBoundingBoxes",
        *(4,),
        bounding_box_format="xyxy",
        shape={
            "images": PICTURE,
            "bounding_boxes": {"boxes": (None, 6, 4), "labels": (None, 6)},
        },
    ),
    KerasLayer(
        "Pipeline",
        partial(
            around,
            layers.Pipeline,
            [partial(layers.RandomFlip, seed=1), partial(layers.Rescaling, 0.5)],
        ),
        PICTURE,
        input_range=(0, 1),
    ),
]

SOUND = [
    row("MelSpectrogram", 16, 4, sampling_rate=100, num_mel_bins=5, shape=SIGNAL),
    row(
        "MelSpectrogram_amplitude",
        *(16, 4, 12),
        sampling_rate=100,
        num_mel_bins=5,
        power_to_db=False,
        mag_exp=1.0,
        shape=SIGNAL,
    ),
    row("STFTSpectrogram", frame_length=8, shape=(None, 40, 1)),
    row(
        "STFTSpectrogram_complex",
        *("magnitude", 8, 3, 16),
        padding="same",
        expand_dims=True,
        shape=(None, 40, 2),
    ),
]

LAYERS: list[KerasLayer] = [
    *(*DENSE, *CONVOLUTIONS, *POOLING, *NORMALIZATION, *RECURRENT, *ATTENTION),
    *(*MERGING, *RESHAPING, *ACTIVATIONS, *REGULARIZATION, *FEATURES, *IMAGES),
    *SOUND,
]

TEXT = {"shape": TOKENS, "dtype": "string"}

STRINGS: list[KerasLayer] = [
    row("StringLookup", vocabulary=["a", "b", "c"], **TEXT),
    row("StringLookup_masked", vocabulary=["a", "b"], mask_token="", **TEXT),
    row("StringLookup_count", vocabulary=["a", "b"], output_mode="count", **TEXT),
    row(
        "TextVectorization", vocabulary=["a", "b", "c"], shape=(None, 1), dtype="string"
    ),
    row(
        "TextVectorization_multi_hot",
        vocabulary=["a", "b", "b c"],
        ngrams=2,
        output_mode="multi_hot",
        shape=(None, 1),
        dtype="string",
    ),
    row("Hashing_strings", 5, **TEXT),
]

LEFT_OUT: dict[str, str] = {
    "FlaxLayer": "wraps a module of Flax",
    "InputLayer": "is not called: it stands for an input",
    "JaxLayer": "wraps a function of JAX",
    "Layer": "is what a user derives from",
    "TFSMLayer": "wraps a SavedModel on disk",
    "TorchModuleWrapper": "wraps a module of PyTorch",
    "Wrapper": "is what a user derives from: it has no call",
}


def public_classes():
    """The name of each public layer class, without its aliases."""
    found = {}
    for name in sorted(dir(layers)):
        value = getattr(layers, name)
        if inspect.isclass(value) and issubclass(value, layers.Layer):
            known = found.get(value)
            if known is None or name == value.__name__:
                found[value] = name
    return set(found.values())


def class_name(one):
    return one.name.partition("_")[0]


def main():
    rows = LAYERS + STRINGS
    names = [one.name for one in rows]
    assert len(set(names)) == len(names), "two rows have one name"
    in_table = {class_name(one) for one in rows}
    assert not in_table & LEFT_OUT.keys(), in_table & LEFT_OUT.keys()
    classes = public_classes()
    missing = classes ^ (in_table | LEFT_OUT.keys())
    assert not missing, f"neither in the table nor left out, or not known: {missing}"
    wrong = []
    for one in rows:
        try:
            layer = one.make(name="one")
            assert layer.name == "one"
            assert type(layer) is getattr(layers, class_name(one))
            layer(*one.sample())
        except Exception as error:  # to name every row that fails
            wrong.append(f"{one.name}: {type(error).__name__}: {error}")
    print(f"{len(classes)} public classes, {len(LEFT_OUT)} of them left out")
    for table in (LAYERS, STRINGS):
        print(f"{len(table)} rows of {len({class_name(one) for one in table})} classes")
    assert not wrong, "\n".join(wrong)
    print("Each can be called.")


if __name__ == "__main__":
    main()
