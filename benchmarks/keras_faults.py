"""What Keras' own layers break of the contract, and why.

`FAULTS` are true faults of Keras, each with a snippet of plain Keras that shows it.
`REASONS` are for what is broken and no fault. `KNOWN` says for each breach which of
them it is: by the name of a row of `keras_layers`, or of a class, and of a law.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """A fault of Keras.

    Attributes:
        title: One line that says what is wrong.
        snippet: Python that prints it, given `keras`, `layers` and `np`.
        should: What should come instead, in words.
    """

    title: str
    snippet: str
    should: str


FAULTS: dict[str, Fault] = {
    "state-mask": Fault(
        "Recurrent layers that are given an initial state ignore the mask",
        """
words, lstm = layers.Embedding(8, 3, mask_zero=True), layers.LSTM(4)
short, padded = words(np.array([[5, 6]])), words(np.array([[5, 6, 0]]))
zeros = [np.zeros((1, 4), "float32")] * 2
print(np.allclose(lstm(short), lstm(padded)))
print(np.allclose(lstm(short, initial_state=zeros), lstm(padded, initial_state=zeros)))
""",
        "`True` twice. With several tensors among the arguments, Keras looks for a "
        "`sequences_mask` in `call`, and there is only `mask`. So the decoder of a "
        "model from sequence to sequence reads its padding.",
    ),
    "backwards-mask": Fault(
        "A recurrent layer that goes backwards hands the mask on as it was",
        """
padded = layers.Embedding(8, 3, mask_zero=True)(np.array([[5, 6, 0]]))
y = layers.LSTM(4, return_sequences=True, go_backwards=True)(padded)
print(np.array(y)[0].any(axis=-1))
print(np.array(y._keras_mask)[0])
""",
        "The same twice: the steps come out in reverse, and so must their mask.",
    ),
    "auto-contrast-axes": Fault(
        "`AutoContrast` in channels_first stretches over channels and rows",
        """
x = np.random.default_rng(0).uniform(size=(1, 3, 4, 5)).astype("float32")
x[:, 0] *= 0.1
y = layers.AutoContrast((0, 1), data_format="channels_first")(x)
print(np.array(y).max(axis=(2, 3)).round(2))
""",
        "The greatest of each channel is 1: `[[1. 1. 1.]]`. The axes are fixed at "
        "(1, 2).",
    ),
    "aug-mix-seed": Fault(
        "`AugMix` does not heed its seed",
        """
import random

x = np.random.default_rng(0).uniform(size=(1, 8, 8, 3)).astype("float32")
for other in (1, 2):
    random.seed(other)
    print(float(np.array(layers.AugMix((0, 1), seed=1)(x)).mean().round(3)))
""",
        "The same number twice. What it applies is chosen by Python's `random`, which "
        "the seed does not reach; in a graph it is chosen once, when that is traced.",
    ),
    "random-crop-inference": Fault(
        "`RandomCrop` neither crops nor resizes at inference",
        """
layer, x = layers.RandomCrop(3, 2), np.ones((2, 9, 7, 3), "float32")
for training in (True, False):
    print(layer(x, training=training).shape)
""",
        "`(2, 3, 2, 3)` twice, as it declares and as its documentation says. A model "
        "with `Flatten` and `Dense` after it trains and then fails to predict.",
    ),
    "equalization-cycle": Fault(
        "`Equalization` cannot be part of a Functional model",
        """
try:
    keras.Sequential([keras.Input((9, 7, 3)), layers.Equalization()])
except ValueError as error:
    print(str(error).split("operation ")[-1])
""",
        "A model. Its `compute_output_spec` returns the very tensor that it is given.",
    ),
    "random-shear-config": Fault(
        "`RandomShear` cannot be loaded",
        """
layer = layers.RandomShear(0.1, 0.2)
try:
    layers.RandomShear.from_config(layer.get_config())
except TypeError as error:
    print(str(error).split(". ")[-1])
""",
        "A layer. Its config holds `(-0.1, 0.1)`, which its constructor refuses.",
    ),
    "random-grayscale-seed": Fault(
        "`RandomGrayscale` loses its seed on the way through its config",
        """
layer = layers.RandomGrayscale(0.5, seed=7)
print(layers.RandomGrayscale.from_config(layer.get_config()).seed)
""",
        "`7`",
    ),
    "normalize-half": Fault(
        "Zeros are normalized to NaN in float16",
        """
x = np.zeros((1, 3), "float16")
print(np.array(layers.UnitNormalization(dtype="float16")(x)))
print(np.array(layers.Dot(1, normalize=True, dtype="float16")([x, x])))
""",
        "Zeros, as in float32. `ops.normalize` multiplies by 1 / 1e-7, which is "
        "infinite in float16.",
    ),
    "bfloat16-qr": Fault(
        "No recurrent layer can be built with `dtype='bfloat16'` (TensorFlow)",
        """
x = np.ones((1, 2, 3), "float32")
for dtype in ("float16", "mixed_bfloat16", "bfloat16"):
    try:
        print(dtype, layers.GRU(4, dtype=dtype)(x).shape)
    except Exception as error:
        print(dtype, type(error).__name__)
""",
        "A shape each time. The orthogonal initializer calls TensorFlow's QR "
        "decomposition, which there is not in bfloat16.",
    ),
    "mel-top-db": Fault(
        "`MelSpectrogram` gives a sample something else beside a louder one",
        """
layer = layers.MelSpectrogram(16, 4, sampling_rate=100, num_mel_bins=5, top_db=20.0)
x = np.random.default_rng(0).normal(size=(2, 40)) * [[1e-3], [1.0]]
alone, beside = np.array(layer(x[:1])), np.array(layer(x))[:1]
print(np.abs(alone - beside).max().round(), "dB")
""",
        "0 dB: what is `top_db` below the loudest is cut, and that is sought in the "
        "whole batch.",
    ),
    "lost-argument": Fault(
        "`CategoryEncoding` and `MaxNumBoundingBoxes` lose arguments",
        """
layer = layers.CategoryEncoding(8, sparse=True)
print(layers.CategoryEncoding.from_config(layer.get_config()).sparse)
layer = layers.MaxNumBoundingBoxes(3, fill_value=0, bounding_box_format="xyxy")
print(layers.MaxNumBoundingBoxes.from_config(layer.get_config()).fill_value)
""",
        "`True` and `0`.",
    ),
    "mixing-dtype": Fault(
        "`CutMix` and `MixUp` fail in training under some dtypes",
        """
x = np.ones((2, 9, 7, 3), "float32")
for layer, inputs in (
    (layers.CutMix(dtype="mixed_bfloat16"), x),
    (layers.MixUp(dtype="mixed_float16"), {"images": x, "labels": x[:, 0, 0]}),
):
    try:
        print(keras.tree.map_structure(np.shape, layer(inputs)))
    except Exception as error:
        print(layer.name, type(error).__name__)
""",
        "The shapes of the inputs.",
    ),
    "second-size": Fault(
        "A model for sizes of None predicts for one size and fails at the next",
        """
for layer in (
    layers.UpSampling2D(2),
    layers.UpSampling2D(2, interpolation="bilinear"),
    layers.AdaptiveAveragePooling2D(2),
    layers.AdaptiveMaxPooling2D(2),
):
    x = keras.Input((None, None, 3))
    model = keras.Model(x, layer(x))
    try:
        for size in (4, 6):
            y = model.predict(np.ones((2, size, size, 3)), verbose=0)
            print(layer.name, y.shape)
    except Exception as error:
        print(layer.name, type(error).__name__)
""",
        "Shapes alone. At the second size TensorFlow traces the model anew with sizes "
        "of None, of which these layers make Python numbers.",
    ),
    "mel-length": Fault(
        "`MelSpectrogram` declares one frame too many for some lengths",
        """
layer = layers.MelSpectrogram(16, 4, sampling_rate=100, num_mel_bins=5)
for length in (42, 43, 44):
    x = np.ones((1, length), "float32")
    print(layer.compute_output_shape(x.shape), tuple(layer(x).shape))
""",
        "The same shape twice on each line: there are `length // stride + 1` frames.",
    ),
    "hashing-shape": Fault(
        "`Hashing(output_mode='one_hot')` declares a shape that does not come",
        """
layer = layers.Hashing(5, output_mode="one_hot")
print(layer(keras.Input((2,), dtype="int32")).shape)
print(layer(np.array([[1, 2]])).shape)
""",
        "`(None, 2, 5)` and `(1, 2, 5)`.",
    ),
    "rescaling-channels": Fault(
        "`Rescaling` with a scale for each channel broadcasts without a word",
        """
layer = layers.Rescaling([1.0, 2.0, 3.0])
print(layer(keras.Input((9, 7, 1))).shape)
print(layer(np.ones((1, 9, 7, 1), "float32")).shape)
""",
        "One shape, or an error that says that there must be three channels.",
    ),
    "stft-unknown": Fault(
        "`STFTSpectrogram` fails to declare its output where channels are unknown",
        """
layer = layers.STFTSpectrogram(frame_length=8)
try:
    print(layer(keras.Input((40, None))).shape)
except TypeError as error:
    print(str(error).splitlines()[2])
""",
        "`(None, 33, None)`: its `call` takes a size of None.",
    ),
    "inference-draws": Fault(
        "Some layers draw random numbers at inference and so move their state",
        """
x = np.ones((2, 4, 4, 3), "float32")
for layer in (layers.RandomFlip(), layers.RandomHue(0.5), layers.MixUp()):
    layer(x, training=False)
    before = np.array(layer.generator.state.value)
    layer(x, training=False)
    print(layer.name, np.array(layer.generator.state.value) - before)
""",
        "Zeros: how often a model predicts must not change how it trains afterwards.",
    ),
    "jitter-sublayers": Fault(
        "`RandomColorJitter` hands neither `data_format` nor `dtype` to its layers",
        """
layer = layers.RandomColorJitter((0, 1), 0.3, 0.3, 0.3, 0.3, dtype="mixed_float16")
print({one.dtype_policy.name for one in layer._flatten_layers(include_self=False)})
layer = layers.RandomColorJitter(
    (0, 1), 0.3, 0.3, 0.3, 0.3, data_format="channels_first"
)
try:
    print(layer(np.ones((2, 3, 9, 7), "float32")).shape)
except Exception as error:
    print(type(error).__name__)
""",
        "`{'mixed_float16'}` and `(2, 3, 9, 7)`.",
    ),
    "mix-up-jit": Fault(
        "`MixUp` cannot be compiled by XLA on TensorFlow, and does not say so",
        """
import warnings

warnings.simplefilter("ignore")
for layer in (layers.RandomZoom(0.1), layers.MixUp()):
    model = keras.Sequential([keras.Input((4, 4, 3)), layer])
    model.compile(jit_compile=True)
    try:
        print(layer.name, model.predict(np.ones((2, 4, 4, 3)), verbose=0).shape)
    except Exception as error:
        print(layer.name, type(error).__name__)
""",
        "Two shapes: `RandomZoom` says `supports_jit = False`, and Keras then compiles "
        "without XLA.",
    ),
    "policy-config": Fault(
        "`Discretization`, `HashedCrossing` and `SpatialDropout` lose a mixed policy",
        """
for layer in (
    layers.Discretization([0.0], output_mode="one_hot", dtype="mixed_float16"),
    layers.HashedCrossing(5, output_mode="one_hot", dtype="mixed_float16"),
    layers.SpatialDropout2D(0.5, dtype="mixed_float16"),
):
    again = type(layer).from_config(layer.get_config())
    print(layer.dtype_policy.name, again.dtype_policy.name)
""",
        "`mixed_float16 mixed_float16` each time. Their configs hold the dtype of the "
        "variables in place of the policy.",
    ),
    "swallowed-argument": Fault(
        "`HashedCrossing` takes arguments that there are not",
        """
print(layers.HashedCrossing(5, no_such_argument=1, trainable=False).trainable)
""",
        "An error for the first, and `False` for the second: neither reaches "
        "`Layer.__init__`.",
    ),
    "auto-contrast-nan": Fault(
        "The gradient of a finite output is NaN",
        """
import tensorflow as tf

mel = {"sampling_rate": 100, "num_mel_bins": 5, "mag_exp": 1.0, "power_to_db": False}
for layer, shape in (
    (layers.AutoContrast((0, 1)), (1, 4, 4, 3)),
    (layers.MelSpectrogram(16, 4, **mel), (1, 40)),
):
    x = tf.Variable(np.zeros(shape, "float32"))
    with tf.GradientTape() as tape:
        y = layer(x)
    finite = (np.isfinite(one).all() for one in (y, tape.gradient(y, x)))
    print(layer.name, *map(bool, finite))
""",
        "`True True`: of a flat picture, and of silence.",
    ),
    "encoding-dtype": Fault(
        "`CategoryEncoding` returns float32 under a mixed policy",
        """
layer = layers.CategoryEncoding(8, dtype="mixed_bfloat16")
print(layer(keras.Input((3,), dtype="int32")).dtype)
print(layer(np.ones((2, 3), "int32")).dtype.name)
try:
    print(layers.CategoryEncoding(8, dtype="float16")(np.ones((2, 3), "int32")).dtype)
except Exception as error:
    print(type(error).__name__)
""",
        "`bfloat16` twice, and float16.",
    ),
    "center-crop-dtype": Fault(
        "`CenterCrop` does not cast where it has to resize",
        """
x = np.ones((2, 9, 7, 3), "float32")
for height in (5, 11):
    layer = layers.CenterCrop(height, 4, dtype="float16")
    print(layer(keras.Input((9, 7, 3))).dtype, layer(x).dtype.name)
""",
        "`float16 float16` twice.",
    ),
    "masking-integers": Fault(
        "`Masking` declares floats for integers",
        """
print(layers.Masking()(keras.Input((3, 1), dtype="int32")).dtype)
print(layers.Masking()(np.ones((2, 3, 1), "int32")).dtype.name)
""",
        "`int32` twice.",
    ),
    "time-distributed-dtype": Fault(
        "`TimeDistributed` with a dtype of its own returns its layer's, or fails",
        """
layer = layers.TimeDistributed(layers.Dense(2), dtype="float16")
print(layer(keras.Input((5, 3))).dtype)
print(layer(np.ones((2, 5, 3), "float32")).dtype.name)
layer = layers.TimeDistributed(layers.Conv2D(3, 2), dtype="float16")
try:
    print(layer(np.ones((2, 5, 4, 4, 3), "float32")).dtype.name)
except ValueError:
    print("no output")
""",
        "The dtype that is declared, each time.",
    ),
    "mask-count": Fault(
        "`compute_mask` of layers that return states has too few masks",
        """
x = np.ones((1, 3, 2), "float32")
for layer in (
    layers.RNN([layers.GRUCell(5), layers.LSTMCell(3)], return_state=True),
    layers.Bidirectional(layers.GRU(5, return_state=True), merge_mode=None),
):
    print(len(keras.tree.flatten(layer(x))), len(layer.compute_mask(x, None)))
""",
        "One number twice on each line: a mask, or None, for each output.",
    ),
    "bidirectional-dtype": Fault(
        "`Bidirectional` declares its own dtype for states that have its layers'",
        """
layer = layers.LSTM(2, return_state=True)
layer = layers.Bidirectional(layer, dtype="mixed_float16")
print(*(one.dtype for one in layer(keras.Input((3, 2)))))
print(*(one.dtype.name for one in layer(np.ones((1, 3, 2), "float32"))))
""",
        "The same dtypes on both lines.",
    ),
    "attention-rate": Fault(
        "`Attention` and `AdditiveAttention` take rates that there are not",
        """
for rate in (-1.0, float("nan"), 2.0):
    print(layers.Attention(dropout=rate).dropout)
try:
    layers.Dropout(-1.0)
except ValueError as error:
    print(str(error).split(". ")[0])
""",
        "An error for each, as of `Dropout`: below 0, or NaN, nothing is dropped, and "
        "nobody told.",
    ),
    "softmax-mask": Fault(
        "`Softmax` takes the mask of the steps for one of its entries",
        """
words = layers.Embedding(8, 3, mask_zero=True)
y = words(np.array([[1, 2, 3], [1, 2, 0], [1, 0, 0]]))
print(np.array(layers.Softmax()(y))[0].round(2))
try:
    layers.Softmax()(words(np.array([[1, 2, 0, 0]])))
except ValueError as error:
    print(str(error).splitlines()[2].split(".")[0])
""",
        "Thirds, nearly, in each row: the first sample has no masked step. And an "
        "output, not an error: the mask that Keras hands on is of (batch, steps), and "
        "`Softmax` reads it as one of the shape of its input.",
    ),
    "frozen-spectral": Fault(
        "`SpectralNormalization` that is frozen goes on changing its kernel",
        """
layer, x = layers.SpectralNormalization(layers.Dense(3)), np.ones((2, 4))
layer(x)
layer.trainable = False
before = np.array(layer.layer.kernel)
layer(x, training=True)
print(bool((np.array(layer.layer.kernel) == before).all()))
""",
        "`True`: `BatchNormalization` stops its state there.",
    ),
    "wrapper-config": Fault(
        "`from_config` of layers around others takes these out of the config",
        """
for layer in (
    layers.SpectralNormalization(layers.Dense(3)),
    layers.RNN(layers.GRUCell(3)),
):
    config = layer.get_config()
    before = set(config)
    type(layer).from_config(config)
    print(before - set(config))
""",
        "`set()`: a second layer cannot be made from the same config.",
    ),
    "boxes-dtype": Fault(
        "`MaxNumBoundingBoxes` returns boxes in float32 under every policy",
        """
layer = layers.MaxNumBoundingBoxes(4, bounding_box_format="xyxy", dtype="float16")
shapes = {"images": (9, 7, 3), "bounding_boxes": {"boxes": (6, 4), "labels": (6,)}}
for make in (keras.Input, lambda shape: np.ones((2, *shape), "float32")):
    x = {key: make(shapes["images"]) for key in ("images",)}
    x["bounding_boxes"] = {
        key: make(shape) for key, shape in shapes["bounding_boxes"].items()
    }
    boxes = layer(x)["bounding_boxes"]["boxes"]
    print(keras.backend.standardize_dtype(boxes.dtype))
""",
        "One dtype.",
    ),
}

REASONS: dict[str, str] = {
    "acts-unless-told": (
        "Keras' random image layers are for `tf.data` too: their `call` has "
        "`training=True` as its default. `fit` and `predict` tell them which it is."
    ),
    "reverse": (
        "`reverse_embeddings` are used by `layer(x, reverse=True)`, which the contract "
        "does not call."
    ),
    "no-bfloat16-fft": "There is no Fourier transform in bfloat16; the error says so.",
    "size-of-one": (
        "An axis of size one is dropped, as documented; of an axis of None it cannot "
        "be told whether it will be."
    ),
    "integers-only": "It returns integers and refuses a dtype of floats, and says so.",
    "lookup-dtype": (
        "Lookups drop `dtype`: they return integers, or floats of `floatx`."
    ),
    "weights-in-config": "The weights are kept in the config, and come back from it.",
    "along-steps": (
        "It sums, or normalizes, along the axis that it is told to, which is that of "
        "the steps here, masked ones included."
    ),
    "channels-after-steps": (
        "In channels_first the channels stand after the steps; the law puts them "
        "before."
    ),
    "cell-state": (
        "A size of None is taken for a state, which has one size only: another fails "
        "in a product of matrices, and not with an error of the layer's own."
    ),
    "clamped": (
        "Recurrent layers take any rate, and bring it to between 0 and 1: a choice, if "
        "an odd one."
    ),
}

# For each fault and reason: rows or classes, and the laws that they break.
_BREACHES: dict[str, list[tuple[str, str]]] = {
    "state-mask": [("LSTM_initial_state", "padding_does_not_leak padding_is_no_step")],
    "backwards-mask": [("LSTM_backwards", "padding_is_no_step")],
    "auto-contrast-axes": [("AutoContrast", "data_formats")],
    "aug-mix-seed": [("AugMix", "random_training")],
    "random-crop-inference": [
        (
            "RandomCrop",
            "symbolic_output declared_output batch_sizes unknown_sizes sizes_at_build",
        )
    ],
    "equalization-cycle": [("Equalization", "*")],
    "random-shear-config": [("RandomShear", "*")],
    "random-grayscale-seed": [
        ("RandomGrayscale", "config_round_trip config_is_complete")
    ],
    "normalize-half": [("Dot_axes UnitNormalization", "zeros")],
    "bfloat16-qr": [
        (
            "SimpleRNN LSTM GRU SimpleRNNCell GRUCell LSTMCell ConvLSTM1D ConvLSTM2D "
            "ConvLSTM3D",
            "dtype_policies sublayer_policies",
        ),
        ("RNN StackedRNNCells Bidirectional", "sublayer_policies"),
    ],
    "mel-top-db": [("MelSpectrogram", "samples_are_independent")],
    "lost-argument": [("CategoryEncoding MaxNumBoundingBoxes", "config_is_complete")],
    "mixing-dtype": [("CutMix MixUp_labels", "dtype_policies")],
    "mel-length": [("MelSpectrogram", "declared_output unknown_sizes sizes_at_build")],
    "hashing-shape": [
        ("Hashing_one_hot", "declared_output unknown_sizes sizes_at_build")
    ],
    "rescaling-channels": [
        ("Rescaling_channels", "declared_output unknown_sizes sizes_at_build")
    ],
    "stft-unknown": [("STFTSpectrogram", "declared_output unknown_sizes")],
    "inference-draws": [
        (
            "RandomColorDegeneration RandomGrayscale RandomHue RandomPosterization "
            "RandomSaturation RandomSharpness MixUp LSTM_dropout "
            "ConvLSTM2D_dropout",
            "inference_changes_no_state",
        )
    ],
    "jitter-sublayers": [("RandomColorJitter", "sublayer_policies data_formats")],
    "mix-up-jit": [("MixUp", "jit")],
    "policy-config": [
        (
            "Discretization HashedCrossing SpatialDropout1D SpatialDropout2D "
            "SpatialDropout3D",
            "base_arguments",
        )
    ],
    "swallowed-argument": [("HashedCrossing", "unknown_argument")],
    "auto-contrast-nan": [
        ("AutoContrast RandAugment MelSpectrogram_amplitude", "zeros")
    ],
    "encoding-dtype": [("CategoryEncoding", "dtype_policies")],
    "center-crop-dtype": [("CenterCrop_larger", "dtype_policies")],
    "boxes-dtype": [("MaxNumBoundingBoxes", "dtype_policies")],
    "masking-integers": [
        (
            "Masking_value",
            "symbolic_output declared_output batch_sizes unknown_sizes sizes_at_build "
            "dtype_policies",
        )
    ],
    "time-distributed-dtype": [("TimeDistributed", "dtype_policies")],
    "mask-count": [("RNN_state Bidirectional_both", "mask_shape")],
    "bidirectional-dtype": [("Bidirectional_both", "dtype_policies")],
    "second-size": [
        (
            "UpSampling2D_bilinear AdaptiveAveragePooling1D AdaptiveAveragePooling2D "
            "AdaptiveAveragePooling3D AdaptiveMaxPooling1D AdaptiveMaxPooling2D "
            "AdaptiveMaxPooling3D",
            "unknown_sizes",
        )
    ],
    "channels-after-steps": [("ConvLSTM1D ConvLSTM2D ConvLSTM3D", "data_formats")],
    "attention-rate": [("Attention AdditiveAttention", "nonsense_is_refused")],
    "softmax-mask": [
        ("Softmax", "mask_shape padding_does_not_leak padding_is_no_step")
    ],
    "frozen-spectral": [("SpectralNormalization", "frozen_state")],
    "wrapper-config": [
        (
            "SpectralNormalization TimeDistributed RNN StackedRNNCells",
            "config_is_not_shared",
        )
    ],
    "acts-unless-told": [
        (
            "Solarization RandomBrightness RandomColorDegeneration RandomColorJitter "
            "RandomContrast RandomCrop RandomElasticTransform RandomErasing RandomFlip "
            "RandomGaussianBlur RandomGrayscale RandomHue RandomInvert "
            "RandomPerspective RandomPosterization RandomRotation RandomSaturation "
            "RandomSharpness RandomShear RandomTranslation RandomZoom RandAugment "
            "AugMix CutMix MixUp Pipeline",
            "training_argument",
        )
    ],
    "reverse": [("ReversibleEmbedding_untied", "gradients")],
    "no-bfloat16-fft": [("STFTSpectrogram", "dtype_policies")],
    "size-of-one": [
        (
            "Discretization_one_hot CategoryEncoding_one_hot HashedCrossing_one_hot",
            "unknown_sizes",
        )
    ],
    "integers-only": [("Hashing Hashing_salted", "base_arguments")],
    "lookup-dtype": [("IntegerLookup", "base_arguments")],
    "weights-in-config": [("IntegerLookup_tf_idf", "tracking")],
    "along-steps": [
        (
            "Dot_axes LayerNormalization_no_scale UnitNormalization_axes",
            "padding_does_not_leak",
        ),
        ("UnitNormalization_axes", "padding_is_no_step"),
    ],
    "cell-state": [
        (
            "SimpleRNNCell GRUCell LSTMCell StackedRNNCells LSTM_initial_state",
            "unknown_sizes",
        ),
    ],
    "clamped": [
        (
            "SimpleRNN LSTM GRU SimpleRNNCell GRUCell LSTMCell ConvLSTM1D ConvLSTM2D "
            "ConvLSTM3D",
            "nonsense_is_refused",
        ),
    ],
}

KNOWN: dict[tuple[str, str], str] = {
    (name, law if law == "*" else f"check_{law}"): key
    for key, breaches in _BREACHES.items()
    for names, laws in breaches
    for name in names.split()
    for law in laws.split()
}
