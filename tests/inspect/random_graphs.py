"""Random small models: layers, branches, shared layers, nested models, blocks."""

import keras
from hypothesis import strategies as st
from keras import layers

import kerasblocks as kb
from tests.table import randomize


def dtype_for(rank):
    """Float64, where rounding hides nothing, if Keras computes all of it so.

    It does on TensorFlow, but for 3D pooling on a CPU.
    """
    tensorflow = keras.backend.backend() == "tensorflow"
    return "float64" if tensorflow and rank < 3 else "float32"


CONV = {1: layers.Conv1D, 2: layers.Conv2D, 3: layers.Conv3D}
TRANSPOSED = {
    1: layers.Conv1DTranspose,
    2: layers.Conv2DTranspose,
    3: layers.Conv3DTranspose,
}
DEPTHWISE = {1: layers.DepthwiseConv1D, 2: layers.DepthwiseConv2D}
SEPARABLE = {1: layers.SeparableConv1D, 2: layers.SeparableConv2D}
AVERAGE = {
    1: layers.AveragePooling1D,
    2: layers.AveragePooling2D,
    3: layers.AveragePooling3D,
}
MAXIMUM = {1: layers.MaxPooling1D, 2: layers.MaxPooling2D, 3: layers.MaxPooling3D}
ZEROS = {1: layers.ZeroPadding1D, 2: layers.ZeroPadding2D, 3: layers.ZeroPadding3D}
SPATIAL_DROPOUT = {
    1: layers.SpatialDropout1D,
    2: layers.SpatialDropout2D,
    3: layers.SpatialDropout3D,
}


class Wiring:
    """Draws layers and calls them on what it has, one `KerasTensor` after another."""

    def __init__(self, draw, rank):
        self.draw = draw
        self.rank = rank
        self.tensors = []
        self.used = []

    def pick(self, *items):
        return self.draw(st.sampled_from(items))

    def yes(self):
        return self.draw(st.booleans())

    def source(self):
        """Mostly the latest tensor: so chains come to be, and branches sometimes."""
        last = self.tensors[-1]
        return self.pick(last, last, last, *self.tensors)

    def size(self, x):
        return min(x.shape[1:-1])

    def call(self, layer, x, **kwargs):
        self.tensors.append(layer(x, **kwargs))
        self.used.append((layer, tuple(x.shape[1:])))
        return self.tensors[-1]

    def step(self):
        kinds = [
            *(self.convolution, self.normalization) * 4,
            *(self.activation, self.join, self.place) * 2,
            *(self.depthwise, self.idle, self.again, self.dense),
            *(self.transposed, self.nested, self.block),
        ]
        self.pick(*kinds)(self.source())

    def geometry(self, x, strides=True):
        kernel = self.draw(st.integers(1, min(3, self.size(x))))
        return {
            "kernel_size": kernel,
            "strides": self.pick(1, 1, 2) if strides else 1,
            "padding": self.pick("same", "valid"),
            "use_bias": self.yes(),
            "activation": self.pick(None, None, None, "relu"),
        }

    def convolution(self, x):
        groups = self.pick(1, 1, 1, 1, x.shape[-1])
        filters = x.shape[-1] * self.pick(1, 2) if groups > 1 else self.pick(1, 2, 3)
        geometry = self.geometry(x)
        if groups > 1 and self.rank == 3:
            groups = 1  # TensorFlow has none on a CPU
        self.call(CONV[self.rank](filters, groups=groups, **geometry), x)

    def depthwise(self, x):
        geometry = self.geometry(x) | {"depth_multiplier": self.pick(1, 2)}
        if self.rank == 3:
            return
        if self.yes():
            self.call(SEPARABLE[self.rank](self.pick(1, 3), **geometry), x)
        else:
            self.call(DEPTHWISE[self.rank](**geometry), x)

    def transposed(self, x):
        self.call(TRANSPOSED[self.rank](self.pick(1, 2), **self.geometry(x)), x)

    def dense(self, x):
        self.call(layers.Dense(self.pick(1, 3), activation=self.pick(None, "relu")), x)

    def normalization(self, x):
        options = {"center": self.yes(), "scale": self.yes()}
        axis = self.pick(-1, -1, -1, self.rank + 1, 1)
        training = {"training": False} if self.pick(0, 0, 1) else {}
        self.call(layers.BatchNormalization(axis=axis, **options), x, **training)

    def activation(self, x):
        name = self.pick("relu", "relu", "linear", "leaky_relu", "relu6")
        relu = name == "relu" and self.yes()
        self.call(layers.ReLU() if relu else layers.Activation(name), x)

    def idle(self, x):
        drawn = self.pick(
            lambda: layers.Dropout(0.5),
            lambda: layers.GaussianNoise(1.0),
            lambda: layers.GaussianDropout(0.5),
            lambda: layers.AlphaDropout(0.5),
            lambda: layers.ActivityRegularization(0.1),
            lambda: layers.Identity(),
            lambda: SPATIAL_DROPOUT[self.rank](0.5),
        )
        self.call(drawn(), x)

    def place(self, x):
        pool = {"pool_size": 2, "strides": self.pick(1, 2), "padding": "same"}
        drawn = self.pick(
            lambda: AVERAGE[self.rank](**pool),
            lambda: MAXIMUM[self.rank](**pool),
            lambda: ZEROS[self.rank](1),
        )
        self.call(drawn(), x)

    def join(self, x):
        others = [y for y in self.tensors if y.shape[:-1] == x.shape[:-1]]
        y = self.pick(*others)
        if x.shape == y.shape and self.yes():
            self.tensors.append(layers.Add()([x, y]))
        else:
            self.tensors.append(layers.Concatenate()([x, y]))

    def again(self, x):
        """A layer that was called before, on a tensor of the same shape."""
        known = [layer for layer, shape in self.used if shape == tuple(x.shape[1:])]
        if known:
            self.call(self.pick(*known), x)

    def nested(self, x):
        inner = Wiring(self.draw, self.rank)
        if self.yes():
            made = [
                CONV[self.rank](2, 1),
                layers.BatchNormalization(),
                layers.Dropout(0.5),
            ]
            model = keras.Sequential([keras.Input(x.shape[1:]), *made])
        else:
            inputs = keras.Input(x.shape[1:])
            inner.tensors = [inputs]
            for _ in range(2):
                self.pick(inner.convolution, inner.normalization)(inner.tensors[-1])
            model = keras.Model(inputs, inner.tensors[-1])
        self.call(model, x, **self.pick({}, {}, {"training": False}))

    def block(self, x):
        separable = "separable" if self.rank < 3 and self.yes() else "standard"
        drawn = self.pick(
            lambda: kb.ConvBlock(2, convolution=separable),
            lambda: kb.ResidualBlock(2, order="book", strides=self.pick(1, 2)),
            lambda: kb.ResidualBlock(2, order="pre"),
            lambda: kb.InceptionBlock(1),
            lambda: kb.Parallel([kb.ConvBlock(1, 1), [layers.BatchNormalization()]]),
        )
        if self.rank < 3 and self.pick(0, 0, 1):
            self.call(kb.XceptionBlock(2, depth=1), x)
        elif self.pick(0, 0, 1):
            same = [y for y in self.tensors if y.shape == x.shape]
            encoder = kb.SiameseEncoder([kb.ConvBlock(2), layers.Dropout(0.5)])
            self.tensors.append(encoder([x, self.pick(*same)]))
        else:
            self.call(drawn(), x)


def draw_model(draw, max_steps=6):
    """A Functional model, its batch norms with statistics and factors of all signs.

    Not a strategy: Keras takes random seeds as it makes layers, which Hypothesis allows
    in tests alone.
    """
    keras.utils.clear_session(free_memory=False)
    rank = draw(st.sampled_from([1, 2, 2, 2, 3]))
    keras.config.set_dtype_policy(dtype_for(rank))
    wiring = Wiring(draw, rank)
    size = draw(st.integers(3, 6))
    inputs = keras.Input((*(size,) * rank, draw(st.integers(1, 3))), name="x")
    wiring.tensors = [inputs]
    for _ in range(draw(st.integers(1, max_steps))):
        wiring.step()
    outputs = draw(
        st.lists(st.sampled_from(wiring.tensors[1:] or [inputs]), max_size=2)
    )
    outputs = [wiring.tensors[-1], *outputs]
    if draw(st.integers(0, 5)) == 0:
        flat = layers.Flatten()(wiring.tensors[-1])
        heads = kb.MultiHeadOutput({"a": kb.heads.Regression(), "b": kb.heads.Binary()})
        outputs = heads(flat)
    elif len(outputs) == 1:
        outputs = outputs[0]
    elif draw(st.booleans()):
        outputs = {f"y{i}": output for i, output in enumerate(outputs)}
    model = keras.Model({"x": inputs} if draw(st.booleans()) else inputs, outputs)
    randomize(model, draw(st.integers(0, 2**32 - 1)))
    return model
