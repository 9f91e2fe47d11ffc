"""`kb.summary` measured: its numbers against others' counts, its time and memory.

    python benchmarks/summary.py            # both tables
    python benchmarks/summary.py cost       # a model of 100 million parameters
    python benchmarks/summary.py counts     # networks against published counts

Each row of the first table is a process of its own. Its time and memory are those
after imports and a first small model.
"""

import argparse
import contextlib
import os
import resource
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# MACs in millions, as the papers or the reports of their models print them.
PUBLISHED = {
    "VGG16": 15_500,
    "ResNet50": 3_860,
    "InceptionV3": 5_700,
    "Xception": 8_400,
    "DenseNet121": 2_830,
    "MobileNet": 569,
    "MobileNetV2": 300,
    "NASNetMobile": 564,
    "EfficientNetB0": 390,
    "ConvNeXtTiny": 4_500,
}


def counts() -> None:
    import keras

    from kerasblocks.inspect.summary import summary

    print("| network | parameters | MACs | published | ratio | seconds |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, published in PUBLISHED.items():
        make = getattr(keras.applications, name)
        begun = time.perf_counter()
        found = summary(lambda make=make: make(weights=None))
        seconds = time.perf_counter() - begun
        millions = found.macs / 1e6
        print(
            f"| {name} | {found.parameters:,} | {millions:,.1f} M | {published:,} M | "
            f"{millions / published:.3f} | {seconds:.2f} |",
            flush=True,
        )
    if keras.backend.backend() == "tensorflow":
        model = keras.applications.ResNet50(weights=None)
        print(
            f"\nResNet50: {summary(model).macs:,} MACs; TensorFlow's profiler: "
            f"{profiled(model):,}; parameters {summary(model).parameters:,}, "
            f"model.count_params() {model.count_params():,}"
        )


def profiled(model) -> int:
    """The MACs that TensorFlow's profiler counts in the frozen graph."""
    import tensorflow as tf
    from tensorflow.python.framework import convert_to_constants

    run = tf.function(lambda x: model(x, training=False))
    concrete = run.get_concrete_function(tf.TensorSpec((1, *model.input.shape[1:])))
    frozen = convert_to_constants.convert_variables_to_constants_v2(concrete)
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    graph = frozen.graph
    node = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    operations = {}
    while node:
        operations[node.name] = node.float_ops
        node = node.children[0] if node.children else None
    kinds = ("Conv2D", "DepthwiseConv2dNative", "MatMul")
    return sum(operations.get(kind, 0) for kind in kinds) // 2


def large():
    """A residual network of blocks, of 100 million parameters."""
    import keras

    import kerasblocks as kb

    inputs = keras.Input((224, 224, 3))
    x = kb.ConvBlock(64, 7, strides=4)(inputs)
    for filters, blocks in ((128, 2), (256, 3), (512, 4), (1024, 5)):
        for number in range(blocks):
            x = kb.ResidualBlock(filters, strides=1 if number else 2)(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(1000, "softmax")(x))


def ask() -> int:
    from kerasblocks.inspect.summary import summary

    return summary(large).parameters


def make() -> int:
    return large().count_params()


def ask_made() -> int:
    from kerasblocks.inspect.summary import summary

    return summary(large()).parameters


WAYS = {
    "summary(function)": ask,
    "model made, count_params()": make,
    "model made, summary(model)": ask_made,
}


def measure(way: str) -> None:
    """One way, in this process; prints its parameters, seconds and megabytes."""
    import keras

    from kerasblocks.inspect.summary import summary

    summary(keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]))
    before = _peak()
    begun = time.perf_counter()
    parameters = WAYS[way]()
    seconds = time.perf_counter() - begun
    print(parameters, seconds, _peak() - before)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def cost() -> None:
    print("| way | parameters | seconds | memory, MB |")
    print("|---|---:|---:|---:|")
    for way in WAYS:
        done = subprocess.run(
            [sys.executable, __file__, "measure", way],
            capture_output=True,
            text=True,
            check=True,
        )
        parameters, seconds, megabytes = map(float, done.stdout.split())
        print(
            f"| {way} | {parameters:,.0f} | {seconds:.2f} | {megabytes:,.0f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "what", nargs="?", choices=("all", "counts", "cost", "measure"), default="all"
    )
    parser.add_argument("way", nargs="?", choices=tuple(WAYS))
    options = parser.parse_args()
    if options.what == "measure":
        measure(options.way)
    if options.what in ("all", "cost"):
        # First: a process begins with the peak of the one that started it.
        cost()
        print()
    if options.what in ("all", "counts"):
        counts()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main()
