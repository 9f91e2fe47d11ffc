"""Times folded against unfolded inference, and what other engines make of it.

python benchmarks/deployment.py [--only NETWORK] [--routes WORD] [--batch N]
    [--repeats N] [--docs]

All routes take turns on the same images, in one process: a ratio is the median of
Keras (as `predict` runs it on a CPU: a graph without XLA) over the route, so that 2 is
twice as fast. Beside it stands how far the outputs are off, relative to the largest.
Batch-norm statistics are measured on images, so that activations are as those of a
trained network. `--docs` writes the table into docs/folding.md.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import geometric_mean, median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from pages import markdown, write_section
from random_weights import randomize
from routes import CALIBRATION, ROUTES, open_route
from turns import machine

NETWORKS = {
    "ResNet50": 224,
    "InceptionV3": 299,
    "Xception": 299,
    "MobileNetV2": 224,
    "DenseNet121": 224,
}
WARM_UP = 2
BASE = next(iter(ROUTES))


def network(name, random):
    size = NETWORKS[name]
    model = getattr(keras.applications, name)(weights=None)
    randomize(model, random.normal(size=(4, size, size, 3)).astype("float32"))
    return model


def measure(name, batch, repeats, chosen):
    """For each route: the ratios of its turns, and how far its outputs are off."""
    keras.utils.clear_session()
    random = np.random.default_rng(1)
    size = NETWORKS[name]
    model = network(name, random)
    shape = (size, size, 3)
    samples = random.normal(size=(CALIBRATION, *shape)).astype("float32")
    x = random.normal(size=(batch, *shape)).astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        runs = {
            route: open_route(route, model, Path(folder), samples) for route in chosen
        }
        outputs = {route: run(x) for route, run in runs.items()}
        seconds = {route: [] for route in runs}
        for turn in range(repeats + WARM_UP):
            order = list(runs) if turn % 2 else list(runs)[::-1]
            for route in order:
                start = time.perf_counter()
                runs[route](x)
                if turn >= WARM_UP:
                    seconds[route].append(time.perf_counter() - start)
    base = outputs[BASE]
    return {
        route: (
            median(times),
            median(b / t for b, t in zip(seconds[BASE], times, strict=True)),
            abs(outputs[route] - base).max() / abs(base).max(),
        )
        for route, times in seconds.items()
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=NETWORKS, action="append")
    parser.add_argument("--routes", action="append", help="those whose name has this")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--docs", action="store_true", help="write docs/folding.md")
    options = parser.parse_args()
    chosen = [
        route
        for route in ROUTES
        if route == BASE
        or not options.routes
        or any(word in route for word in options.routes)
    ]
    names = options.only or list(NETWORKS)
    found = {}
    for name in names:
        found[name] = measure(name, options.batch, options.repeats, chosen)
        for route, (took, ratio, off) in found[name].items():
            line = f"{name}: {route} {1000 * took:.1f} ms, {ratio:.2f}, off {off:.0e}"
            print(line, flush=True)
    rows = []
    for route in chosen:
        ratios = [found[name][route][1] for name in names]
        worst = max(found[name][route][2] for name in names)
        mean = f"**{geometric_mean(ratios):.2f}**"
        cells = [f"{ratio:.2f}" for ratio in ratios]
        rows.append([route, *cells, mean, f"{worst:.0e}"])
    header = ["route", *names, "geometric mean", "outputs off by, at most"]
    about = ", ".join(f"{key} {value}" for key, value in machine().items())
    text = (
        f"{markdown(header, rows)}\n\n`python benchmarks/deployment.py --batch "
        f"{options.batch} --repeats {options.repeats} --docs`: {about}."
    )
    print(text)
    if options.docs:
        write_section("folding.md", f"routes, batch {options.batch}", text)


if __name__ == "__main__":
    main()
