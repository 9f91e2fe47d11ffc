"""Every block at every size: ranks, sizes, strides, formats and configurations."""

import itertools

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from keras import layers

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.spaces import among, between
from kerasblocks.testing import configs, shapes
from tests.blocks.shape_law import (
    check_channels_first,
    check_declared,
    check_shapes,
    conv_size,
    ranks,
    trials,
)
from tests.spaces.reading import filters_and_strides

ORDERS = among(
    *("post", "pre"),
    *itertools.permutations(("convolution", "normalization", "activation")),
)
ACTIVATIONS = among("relu", None, "gelu", "softplus")
NORMALIZATIONS = among(None, "batch", "layer", "group", "rms", "unit")
BOTH = {"normalization": NORMALIZATIONS, "activation": ACTIVATIONS}
COMPARISONS = (
    *("absolute_difference", "squared_difference", "dot", "cosine_similarity"),
    "euclidean",
)


# An example builds a block three times and runs it on up to 12 shapes.
few, fewer = (
    settings(max_examples=max(10, settings().max_examples // n)) for n in (4, 8)
)


def per_axis(rank, least, most):
    """One number for all axes, or one for each."""
    uneven = [(least, most, least)[:rank], (most, least, most)[:rank]]
    return among(*range(least, most + 1), *(uneven if rank > 1 else []))


def on_axes(value, rank):
    return value if isinstance(value, tuple) else (value,) * rank


def conv_block(hp, rank):
    """All of ConvBlock; per-axis strides where Keras' convolution takes them."""
    kind = hp.Choice("kind", ["standard", "separable", "depthwise"])
    given = {"strides": among(1, 2, 3)}
    if kind == "standard":
        given["strides"] = per_axis(rank, 1, 3)
    else:
        given["depth_multiplier"] = among(1, 2)
    if hp.Boolean("dilated"):
        given |= {"strides": 1, "dilation_rate": among(2, 3)}
    if hp.Boolean("bias"):
        given["use_bias"] = among(True, False)
    if kind != "depthwise":
        given["filters"] = among(1, 2, 3, 4)
    return spaces.conv_block(
        hp,
        convolution=kind,
        kernel_size=per_axis(rank, 1, 5),
        padding=among("same", "valid"),
        order=ORDERS,
        **BOTH,
        **given,
    )


def conv_shape(config, shape):
    """What ConvBlock makes of a shape, worked out without it."""
    rank = len(shape) - 2
    axes = zip(
        shape[1:-1],
        on_axes(config["kernel_size"], rank),
        on_axes(config["strides"], rank),
        strict=True,
    )
    dilation = config.get("dilation_rate", 1)
    sizes = (conv_size(n, k, s, config["padding"], dilation) for n, k, s in axes)
    channels = config["filters"] or shape[-1] * config["depth_multiplier"]
    return (shape[0], *sizes, channels)


def room(config, rank):
    """The least size on which valid padding leaves anything."""
    if config["padding"] == "same":
        return 1
    kernel = max(on_axes(config.get("kernel_size", config.get("pool_size")), rank))
    return config.get("dilation_rate", 1) * (kernel - 1) + 1


def pooling(hp, rank):
    """All of Pooling, which has no space of its own."""
    with spaces.Space(hp, "pooling", "pooling", {}, ()) as space:
        space.choose("kind", among("max", "average"))
        space.choose("pool_size", per_axis(rank, 1, 4))
        space.choose("padding", among("same", "valid"))
        if hp.Boolean("strided"):
            space.choose("strides", per_axis(rank, 1, 3))
    return space.arguments


def pool_shape(config, shape):
    rank = len(shape) - 2
    pool = on_axes(config["pool_size"], rank)
    strides = on_axes(config.get("strides", pool), rank)
    axes = zip(shape[1:-1], pool, strides, strict=True)
    sizes = (conv_size(n, k, s, config["padding"]) for n, k, s in axes)
    return (shape[0], *sizes, shape[-1])


def inception_block(hp, rank):
    """The default branches of InceptionBlock."""
    filters = among(1, 2, 3, [1, 2, 3, 1])
    return spaces.inception_block(
        hp, filters=filters, strides=per_axis(rank, 1, 3), **BOTH
    )


def strided_shape(channels, strides, shape):
    """A shape with sizes divided by strides, rounded up, and other channels."""
    strides = on_axes(strides, len(shape) - 2)
    sizes = (-(-n // s) for n, s in zip(shape[1:-1], strides, strict=True))
    return (shape[0], *sizes, channels)


def branches(hp, rank):
    """InceptionBlock from data: branches of one stride, with forks and pooling."""
    strides = hp.Int("strides", 1, 3)
    made = []
    for b in range(hp.Int("branches", 1, 3)):
        branch = []
        for s in range(hp.Int(f"steps_{b}", 0, 2)):
            with hp.name_scope(f"{b}_{s}"):
                branch.append(step(hp))
        last = (hp.Int(f"filters_{b}", 1, 3), hp.Int(f"kernel_{b}", 1, 3), strides)
        made.append([*branch, last])
    return spaces.inception_block(hp, branches=made, normalization=NORMALIZATIONS)


def step(hp):
    kind = hp.Choice("kind", ["conv", "max", "average", "dict", "fork"])
    size = hp.Int("size", 1, 5)
    if kind == "conv":
        return (hp.Int("filters", 1, 3), size, 1, "same")
    if kind == "dict":
        return {"filters": None, "kernel_size": size, "convolution": "depthwise"}
    if kind == "fork":
        return [[(1, size)], [("max", size)], []]
    return (kind, size)


def residual_block(hp, rank):
    """All of ResidualBlock that its space can say, steps included."""
    given = {"strides": per_axis(rank, 1, 3)}
    if hp.Boolean("even"):  # Keras' separable convolutions take one stride
        given = {
            "strides": among(1, 2, 3),
            "convolution": among("standard", "separable"),
        }
    return spaces.residual_block(
        hp,
        filters=among(1, 2, 4),
        kernel_size=per_axis(rank, 1, 4),
        depth=among(1, 2),
        bottleneck=among(None, 2),
        pooling=among(None, "max", "average"),
        **BOTH,
        **given,
    )


def residual_shape(config, shape):
    """What ResidualBlock makes of a shape, worked out without it."""
    filters, strides = filters_and_strides(config)
    return strided_shape(filters, strides, shape)


def xception_block(hp, rank):
    """All of XceptionBlock."""
    return spaces.xception_block(
        hp,
        filters=among([1, 3], 1, 2, 3),
        kernel_size=per_axis(rank, 1, 4),
        strides=per_axis(rank, 1, 3),
        **BOTH,
    )


def squeeze_excite(hp, rank):
    """All of SqueezeExcite."""
    return spaces.squeeze_excite(
        hp,
        ratio=between(1, 8),
        activation=ACTIVATIONS,
        gate=among("sigmoid", "hard_sigmoid"),
    )


FIXED = {
    "ConvBlock": (kb.ConvBlock, conv_block, conv_shape),
    "Pooling": (kb.Pooling, pooling, pool_shape),
    "InceptionBlock": (
        kb.InceptionBlock,
        inception_block,
        lambda config, shape: strided_shape(
            sum(config["filters"])
            if isinstance(config["filters"], list)
            else 4 * config["filters"],
            config["strides"],
            shape,
        ),
    ),
    "InceptionBlock_branches": (
        kb.InceptionBlock,
        branches,
        lambda config, shape: strided_shape(
            sum(branch[-1][0] for branch in config["branches"]),
            config["branches"][0][-1][-1],
            shape,
        ),
    ),
    "ResidualBlock": (
        kb.ResidualBlock,
        residual_block,
        residual_shape,
    ),
    "XceptionBlock": (
        kb.XceptionBlock,
        xception_block,
        lambda config, shape: strided_shape(
            config["filters"][-1]
            if isinstance(config["filters"], list)
            else config["filters"],
            config["strides"],
            shape,
        ),
    ),
    "SqueezeExcite": (
        kb.SqueezeExcite,
        squeeze_excite,
        lambda config, shape: shape,
    ),
}
each_block = pytest.mark.parametrize("name", FIXED)


@st.composite
def configured(draw, name):
    """A rank, and a configuration for it."""
    rank = draw(ranks)
    return rank, draw(configs(FIXED[name][1], rank=rank))


@each_block
@few
@given(st.data())
def test_declared_is_real(name, data):
    block, _, shape_of = FIXED[name]
    rank, config = data.draw(configured(name))
    least = room(config, rank) if "padding" in config else 1
    spec, concrete = data.draw(trials(rank, min_size=least))
    check_shapes(
        lambda: block(**config), spec, concrete, lambda shape: shape_of(config, shape)
    )


@each_block
@few
@given(st.data())
def test_every_size_from_1_to_40(name, data):
    block, _, shape_of = FIXED[name]
    rank, config = data.draw(configured(name))
    least = room(config, rank) if "padding" in config else 1
    channels = data.draw(st.integers(1, 4))
    check_declared(
        lambda: block(**config),
        (None, *(None,) * rank, channels),
        lambda shape: shape_of(config, shape),
        range(least, 41),
    )


@each_block
@fewer
@given(st.data())
def test_channels_first(name, data):
    block, _, _ = FIXED[name]
    rank, config = data.draw(configured(name))
    # RMSNormalization(axis=1) scales along the last axis in Keras 3.15.
    assume(config.get("normalization") != "rms")
    least = room(config, rank) if "padding" in config else 1
    # TensorFlow's 3D convolution reads stray memory where a stride exceeds a size.
    least = max(least, 4) if rank == 3 else least
    spec, concrete = data.draw(trials(rank, min_size=least))
    check_channels_first(lambda **options: block(**config, **options), spec, concrete)


@pytest.mark.parametrize("name", ["ConvBlock", "Pooling"])
@given(st.data())
def test_valid_padding_on_too_small_a_size_is_an_error(name, data):
    block, _, _ = FIXED[name]
    rank, config = data.draw(configured(name))
    config["padding"] = "valid"
    least = room(config, rank)
    assume(least > 1)
    size = data.draw(st.integers(1, least - 1))
    layer = block(**config)
    layer.build((None, *(None,) * rank, 2))
    with pytest.raises(ValueError, match="zero or negative"):
        layer.compute_output_shape((1, *(size,) * rank, 2))


SEARCHED = {
    "conv_block": (kb.ConvBlock, 1),
    "inception_block": (kb.InceptionBlock, 4),
    "residual_block": (kb.ResidualBlock, 1),
}


@pytest.mark.parametrize("name", SEARCHED)
@few
@given(st.data())
def test_declared_is_real_for_what_a_search_tries(name, data):
    block, branches = SEARCHED[name]
    rank = data.draw(ranks)
    config = data.draw(configs(getattr(spaces, name), filters=4))
    spec, concrete = data.draw(trials(rank, most=4))
    filters, strides = filters_and_strides(config)
    check_shapes(
        lambda: block(**config),
        spec,
        concrete,
        lambda shape: strided_shape(branches * filters, strides, shape),
    )


@few
@given(st.data(), st.integers(1, 4), st.integers(1, 3), st.integers(0, 3))
def test_maxout(data, pieces, groups, rank):
    channels = pieces * groups
    spec = data.draw(
        shapes(
            min_rank=rank,
            max_rank=rank,
            max_size=40,
            min_channels=channels,
            max_channels=channels,
        )
    )
    shape = tuple(2 if size is None else size for size in spec)

    def expected(shape):
        return (*shape[:-1], groups)

    check_shapes(lambda: kb.Maxout(pieces), spec, [shape], expected)
    check_declared(lambda: kb.Maxout(pieces), spec, expected)
    if rank:
        check_channels_first(lambda **k: kb.Maxout(pieces, **k), spec, [shape])


@given(shapes(min_rank=0), st.integers(2, 5))
def test_maxout_refuses_channels_that_it_does_not_divide(shape, pieces):
    assume(shape[-1] % pieces)
    with pytest.raises(ValueError, match="must divide the"):
        kb.Maxout(pieces).compute_output_shape(shape)


def stage(hp, rank, strides):
    """Makes layers that divide sizes by `strides` and give 3 channels."""
    kind = hp.Choice("kind", ["standard", "separable", "pool", "keras", "inception"])
    size = hp.Int("size", 1, 4)

    def make():
        if kind == "pool":
            return [kb.Pooling("max", size, strides), layers.Dense(3)]
        if kind == "keras":
            layer = getattr(layers, f"Conv{rank}D")
            return layer(3, size, padding="same", strides=strides)
        if kind == "inception":
            return [kb.InceptionBlock(1, strides=strides), kb.ConvBlock(3, 1)]
        return kb.ConvBlock(3, size, strides=strides, convolution=kind)

    return make


def parallel(hp, rank):
    """Makes a Parallel of paths that have one stride and 3 channels."""
    strides = hp.Int("strides", 1, 3)
    paths = []
    for i in range(hp.Int("paths", 1, 4)):
        with hp.name_scope(str(i)):
            paths.append(stage(hp, rank, strides))
    merge = hp.Choice(
        "merge",
        ["concatenate", "add", "average", "multiply", "maximum", "minimum"],
    )
    channels = 3 * len(paths) if merge == "concatenate" else 3
    return (
        lambda: kb.Parallel([path() for path in paths], merge),
        lambda shape: strided_shape(channels, strides, shape),
    )


@few
@given(st.data(), ranks)
def test_parallel(data, rank):
    make, expected = data.draw(configs(parallel, rank=rank))
    spec, concrete = data.draw(trials(rank))
    check_shapes(make, spec, concrete, expected)
    check_declared(make, (None, *(None,) * rank, spec[-1]), expected)


class Path:
    """Layers that divide sizes, rounding up or down, and what they make of a shape."""

    def __init__(self, steps):
        self.steps = steps

    def __repr__(self):
        return f"Path({self.steps})"

    def __call__(self, rank):
        return [self._layer(rank, *step) for step in self.steps]

    def _layer(self, rank, kind, size, strides, padding):
        options = {"strides": strides, "padding": padding}
        if kind == "keras":
            return getattr(layers, f"Conv{rank}D")(2, size, **options)
        if kind == "block":
            return kb.ConvBlock(2, size, **options)
        return kb.Pooling(kind, size, **options)

    def size(self, size):
        for _, *law in self.steps:
            size = conv_size(size, *law)
        return size

    def shape(self, shape):
        pools = all(kind in ("max", "average") for kind, *_ in self.steps)
        channels = shape[-1] if pools else 2
        return (shape[0], *map(self.size, shape[1:-1]), channels)

    @property
    def least(self):
        """The least size of which it leaves anything."""
        return next(size for size in range(1, 100) if self.size(size) > 0)


def reducing(hp):
    steps = []
    for i in range(hp.Int("length", 1, 3)):
        with hp.name_scope(str(i)):
            kind = hp.Choice("kind", ["keras", "block", "max", "average"])
            strides = hp.Int("strides", 1, 3)
            padding = hp.Choice("padding", ["same", "valid"])
            size = hp.Int("size", 1, 4 if padding == "same" else strides)
            steps.append((kind, size, strides, padding))
    return Path(steps)


reducing_paths = configs(reducing).filter(lambda path: path.least <= 12)


@few
@given(st.data(), reducing_paths, ranks)
def test_residual_over_paths_that_round_up_and_down(data, path, rank):
    spec, concrete = data.draw(trials(rank, min_size=path.least))

    def make():
        return kb.Residual(path(rank))

    check_shapes(make, spec, concrete, path.shape)
    unknown = (None, *(None,) * rank, spec[-1])
    check_declared(make, unknown, path.shape, range(path.least, 41))


@fewer
@given(st.data(), reducing_paths, ranks)
def test_wirings_channels_first(data, path, rank):
    assume(rank < 3)  # see test_channels_first; inside a path sizes get small
    spec, concrete = data.draw(trials(rank, min_size=path.least))
    steps = [("block" if kind == "keras" else kind, *law) for kind, *law in path.steps]

    def make(**options):
        inner = [
            kb.ConvBlock(2, size, strides=strides, padding=padding, **options)
            if kind == "block"
            else kb.Pooling(kind, size, strides, padding=padding, **options)
            for kind, size, strides, padding in steps
        ]
        fork = kb.Parallel([kb.ConvBlock(2, 3, **options), []], **options)
        return kb.Chain([kb.Residual([*inner, fork], **options)])

    check_channels_first(make, spec, concrete)


@given(st.data(), ranks, st.integers(2, 5), st.sampled_from(["conv", "pool"]))
def test_residual_refuses_a_path_that_no_stride_follows(data, rank, size, kind):
    spec, _ = data.draw(trials(rank, min_size=2 * size))
    layer = {
        "conv": kb.ConvBlock(3, size, padding="valid"),
        "pool": kb.Pooling("max", size, 1, padding="valid"),
    }[kind]
    with pytest.raises(ValueError, match="no stride of a 1x1 projection"):
        kb.Residual(layer).build(spec)


@few
@given(
    shapes(min_rank=0, max_rank=3, max_size=12),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_residual_over_features(spec, units, depth):
    config = kb.Residual([layers.Dense(units) for _ in range(depth)]).get_config()
    shape = tuple(3 if size is None else size for size in spec)
    check_shapes(
        lambda: kb.Residual.from_config(config),
        spec,
        [shape],
        lambda shape: (*shape[:-1], units),
    )


@few
@given(st.data(), reducing_paths, ranks)
def test_chain(data, path, rank):
    spec, concrete = data.draw(trials(rank, min_size=path.least))
    check_shapes(lambda: kb.Chain(path(rank)), spec, concrete, path.shape)


def check_siamese(merge, stacked, strides, spec, concrete, count):
    encoder = kb.ConvBlock(3, 3, strides=strides)
    config = kb.SiameseEncoder(encoder, merge, stacked=stacked).get_config()

    def expected(inputs):
        one = strided_shape(3, strides, inputs[0])
        if merge is None:
            return [one] * count
        if merge in ("dot", "cosine_similarity", "euclidean"):
            return (*one[:-1], 1)
        return (*one[:-1], 3 * count if merge == "concatenate" else 3)

    check_shapes(
        lambda: kb.SiameseEncoder.from_config(config),
        [spec] * count,
        [[shape] * count for shape in concrete],
        expected,
    )


@pytest.mark.parametrize("stacked", [False, True])
@few
@given(
    st.data(),
    ranks,
    st.sampled_from(["concatenate", "multiply", "average", None, *COMPARISONS]),
    st.integers(1, 3),
)
def test_siamese_encoder(stacked, data, rank, merge, strides):
    spec, concrete = data.draw(trials(rank, most=3))
    count = 2 if merge in COMPARISONS else data.draw(st.integers(2, 3))
    check_siamese(merge, stacked, strides, spec, concrete, count)


@few
@given(
    st.data(), ranks, st.sampled_from(["multiply", "cosine_similarity", "concatenate"])
)
def test_siamese_inputs_of_different_sizes(data, rank, merge):
    """An encoder that pools all sizes away takes inputs of different sizes."""
    pool = getattr(layers, f"GlobalAveragePooling{rank}D")
    config = kb.SiameseEncoder([kb.ConvBlock(3, 3), pool()], merge).get_config()
    spec = (None, *(None,) * rank, 2)
    sizes = st.tuples(*[st.integers(1, 12)] * rank)
    both = data.draw(st.lists(st.tuples(sizes, sizes), min_size=1, max_size=3))
    width = {"multiply": 3, "cosine_similarity": 1, "concatenate": 6}[merge]
    check_shapes(
        lambda: kb.SiameseEncoder.from_config(config),
        [spec, spec],
        [[(2, *a, 2), (2, *b, 2)] for a, b in both],
        lambda inputs: (2, width),
    )


def heads(hp):
    made = {}
    for i in range(hp.Int("heads", 1, 4)):
        with hp.name_scope(f"head_{i}"):
            kind = hp.Choice("kind", ["age", "income", "gender", "likes"])
            hidden = spaces.hidden_layers(hp, units=(2, 3))
            units = hp.Int("units", 2, 4)
        made[f"{kind}_{i}"] = {
            "age": lambda h, n: kb.heads.Regression(n, hidden=h),
            "income": lambda h, n: kb.heads.Multiclass(n, hidden=h),
            "gender": lambda h, n: kb.heads.Binary(hidden=h),
            "likes": lambda h, n: kb.heads.Multilabel(n, hidden=h),
        }[kind](hidden, units)
    return made


@few
@given(configs(heads), shapes(min_rank=0, max_rank=3, max_size=12))
def test_multi_head_output(heads, spec):
    shape = tuple(2 if size is None else size for size in spec)
    check_shapes(
        lambda: kb.MultiHeadOutput(heads),
        spec,
        [shape],
        lambda shape: {
            name: (*shape[:-1], 1 if isinstance(task, kb.heads.Binary) else task.units)
            for name, task in heads.items()
        },
    )


@few
@given(st.data(), reducing_paths, ranks)
def test_blocks_in_blocks(data, path, rank):
    inner, inner_shape = data.draw(configs(parallel, rank=rank))
    spec, concrete = data.draw(trials(rank, min_size=path.least, most=3))
    check_shapes(
        lambda: kb.Chain([*path(rank), kb.Residual(inner())]),
        spec,
        concrete,
        lambda shape: inner_shape(path.shape(shape)),
    )
