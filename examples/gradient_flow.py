"""The vanishing gradient, in numbers: 50 plain blocks against 50 residual ones.

Each block is two convolutions, on scikit-learn's digits: alone, and with the block's
input added to its output (section 7.1.4 of Deep Learning with Python). Measured before
any training, when a network that cannot pass its gradient back is lost already.

Without normalization the sums of the residual network grow from block to block, and so
do its loss and all of its gradients; batch normalization keeps them small. In the plain
network it does away with the vanishing, and makes the gradient explode.
"""

import statistics

import keras
from sklearn.datasets import load_digits

import kerasblocks as kb

BLOCKS = 50
FILTERS = 16


def load(samples):
    digits = load_digits()
    images = digits.images[:samples, ..., None].astype("float32") / 16
    return images, digits.target[:samples]


def plain(normalization, name):
    conv_blocks = [
        kb.ConvBlock(FILTERS, 3, normalization=normalization) for _ in range(2)
    ]
    return kb.Chain(conv_blocks, name=name)


def residual(normalization, name):
    return kb.ResidualBlock(
        FILTERS, order="book", normalization=normalization, name=name
    )


KINDS = {
    "plain": (plain, None),
    "residual": (residual, None),
    "plain, batch norm": (plain, "batch"),
    "residual, batch norm": (residual, "batch"),
}


def build(block, normalization):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kb.ConvBlock(FILTERS, 3, name="stem"),
            *(block(normalization, name=f"block_{i + 1}") for i in range(BLOCKS)),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax", name="digit"),
        ]
    )


def measure(kind, samples):
    keras.utils.set_random_seed(0)
    model = build(*KINDS[kind])
    model.compile("adam", "sparse_categorical_crossentropy")
    return kb.gradient_flow(model, *load(samples))


def medians(flow):
    """The median gradient norm of the first ten blocks, and that of the last ten."""
    norms = [row.gradient_norm for row in flow.blocks if row.name.startswith("block_")]
    return statistics.median(norms[:10]), statistics.median(norms[-10:])


def meaning(first, last):
    if first < last / 1000:
        return "vanishes: the first blocks would stand still"
    if first > 1000 * last:
        return "explodes: a step that suits the last blocks would break the first"
    return "arrives: it is as large in the first blocks as in the last, or nearly so"


def main(samples=256, kinds=tuple(KINDS)):
    flows = {kind: measure(kind, samples) for kind in kinds}
    print(f"median gradient norm of a block, {BLOCKS} blocks, before training:")
    print(f"{'':22}{'loss':>9}{'first ten':>11}{'last ten':>11}{'ratio':>9}")
    for kind, flow in flows.items():
        first, last = medians(flow)
        print(f"{kind:22}{flow.loss:9.3g}{first:11.2g}{last:11.2g}{first / last:9.2g}")
    for kind, flow in flows.items():
        print(f"{kind}: the gradient {meaning(*medians(flow))}")
    kb.inspect.plot_flows(flows, "runs/gradient_flow.png")
    return {kind: medians(flow) for kind, flow in flows.items()}


if __name__ == "__main__":
    main()
