"""Times our ResNet50, InceptionV3, Xception and MobileNetV2 beside Keras' own.

python benchmarks/networks.py [--only NAME] [--repeats N] [--rounds N] [--docs]

`keras.applications` and the networks of examples/networks take turns in one process:
building, the compiled forward pass, a training step. Peak memory is that of processes
of their own, which build the network and train it for three steps, beyond what the
imports take. `--docs` writes the table into docs/networks.md.
"""

import argparse
import os
import runpy
import subprocess
import sys
from functools import cache, partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from compiled import forward
from pages import markdown, write_section
from turns import Comparison, machine, seconds, take_turns

EXAMPLES = Path(__file__).resolve().parent.parent / "examples" / "networks"
NETWORKS = {
    "resnet50": ("ResNet50", 224),
    "inception_v3": ("InceptionV3", 299),
    "xception": ("Xception", 299),
    "mobilenet_v2": ("MobileNetV2", 224),
}
BATCH = 4
KINDS = ("build", "forward", "train", "memory")


@cache
def makers(name):
    """Our network and Keras' own, each as a function without arguments."""
    ours = runpy.run_path(str(EXAMPLES / f"{name}.py"))[name]
    theirs = getattr(keras.applications, NETWORKS[name][0])
    return {"ours": ours, "keras": partial(theirs, weights=None)}


def build_turns(name, repeats):
    def build(make):
        keras.utils.clear_session()
        return seconds(make)

    ours, theirs = makers(name).values()
    build(ours), build(theirs)
    turns = []
    for i in range(repeats):
        first = build(ours) if i % 2 else None
        other = build(theirs)
        turns.append((build(ours) if first is None else first, other))
    return turns


def data(name):
    random = np.random.default_rng(0)
    size = NETWORKS[name][1]
    images = random.normal(size=(BATCH, size, size, 3)).astype("float32")
    return images, random.integers(0, 1000, BATCH)


def trained(model):
    # Compiled by XLA a step takes minutes to compile, the same for both.
    model.compile("adam", "sparse_categorical_crossentropy", jit_compile=False)
    return model


def run_turns(name, repeats, rounds):
    turns = {"forward": [], "train": []}
    x, y = data(name)
    for i in range(rounds):
        keras.utils.clear_session()
        made = {}
        for side in ("ours", "keras") if i % 2 else ("keras", "ours"):
            made[side] = trained(makers(name)[side]())
        models = (made["ours"], made["keras"])
        count = -(-repeats // rounds)
        turns["forward"] += take_turns(*(forward(m, x) for m in models), count)
        steps = (partial(model.train_on_batch, x, y) for model in models)
        turns["train"] += take_turns(*steps, count)
    return turns


def mebibytes():
    """The peak of this process, which `getrusage` mixes with that of its parent."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    peak = next(line for line in lines if line.startswith("VmHWM:"))
    return int(peak.split()[1]) / 1024


def print_peak(name, side):
    """What a process of its own does: the peak of a network, beyond the imports."""
    before = mebibytes()
    model = trained(makers(name)[side]())
    x, y = data(name)
    for _ in range(3):
        model.train_on_batch(x, y)
    print(mebibytes() - before)


def memory_turns(name, repeats):
    def peak(side):
        command = [sys.executable, __file__, "--peak", name, side]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])

    return [(peak("ours"), peak("keras")) for _ in range(repeats)]


def measure(name, repeats, rounds):
    turns = {
        "build": build_turns(name, max(5, repeats // 2)),
        **run_turns(name, repeats, rounds),
        "memory": memory_turns(name, max(3, repeats // 10)),
    }
    return {kind: Comparison.of(pairs) for kind, pairs in turns.items()}


def cells(name, found):
    row = [NETWORKS[name][0]]
    for kind in KINDS:
        one = found[kind]
        scale, unit = (1, "MiB") if kind == "memory" else (1000, "ms")
        row.append(f"{scale * one.by_hand:.0f} {unit}")
        row.append(f"{one.ratio:.3f} ±{one.error:.3f}")
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=NETWORKS, action="append")
    parser.add_argument("--repeats", type=int, default=30, help="turns of each kind")
    parser.add_argument("--rounds", type=int, default=2, help="models made anew")
    parser.add_argument("--docs", action="store_true", help="write docs/networks.md")
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peak:
        return print_peak(*options.peak)
    rows = []
    for name in options.only or NETWORKS:
        rows.append(cells(name, measure(name, options.repeats, options.rounds)))
        print(" | ".join(rows[-1]), flush=True)
    header = ["network"]
    for kind in KINDS:
        header += [f"{kind}: Keras", "ours / Keras"]
    about = ", ".join(f"{key} {value}" for key, value in machine().items())
    text = (
        f"{markdown(header, rows)}\n\n`python benchmarks/networks.py --repeats "
        f"{options.repeats} --rounds {options.rounds} --docs`, batches of {BATCH}, "
        f"medians: {about}."
    )
    print(text)
    if options.docs:
        write_section("networks.md", "speed", text)
    return None


if __name__ == "__main__":
    main()
