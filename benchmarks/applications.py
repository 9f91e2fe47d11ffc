"""Folds and expands every model of `keras.applications`, and times what was folded.

python benchmarks/applications.py [--only NAME] [--size N] [--repeats N] [--docs]

The weights are random. The statistics of batch norm are those of random images, its
factors and offsets random too, some negative: so values neither vanish nor grow, and a
difference says something. The difference is the largest of an output, beside the
largest output; `rounding` and `folded` are how far the model and the folded one are
from the model in float64: a random network of many layers amplifies every rounding.

`deployment.py` times five of them at their own size. `--docs` writes the table into
docs/folding.md.
"""

import argparse
import gc
import os
import time
import traceback
from dataclasses import dataclass, field

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from compiled import forward
from pages import markdown, write_section
from random_weights import norms, randomize
from rich.console import Console
from rich.table import Table
from turns import machine, take_turns

import kerasblocks as kb
from kerasblocks.inspect.fold import fold

BATCH = 8


@dataclass
class Row:
    """What became of one model; empty where it could not be tried."""

    name: str
    cells: dict[str, str] = field(default_factory=dict)
    ratios: dict[str, float] = field(default_factory=dict)


def names():
    """The functions of `keras.applications`, found, not listed."""
    found = [name for name in dir(keras.applications) if name[0].isupper()]
    return [name for name in found if callable(getattr(keras.applications, name))]


def make(name, size=None):
    make_model = getattr(keras.applications, name)
    shape = {"input_shape": (size, size, 3)} if size else {}
    return make_model(weights=None, classifier_activation=None, **shape)


def images(model, batch):
    random = np.random.default_rng(0)
    return random.normal(size=(batch, *model.input_shape[1:])).astype("float32")


def difference(ours, theirs):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    if not np.isfinite(theirs).all():
        raise ValueError("the model itself gives no finite outputs")
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def exact_outputs(model, x, name, size):
    """The outputs of the model in float64."""
    keras.config.set_dtype_policy("float64")
    try:
        exact = make(name, size)
        exact.set_weights(model.get_weights())
        return forward(exact, x)()
    finally:
        keras.config.set_dtype_policy("float32")


def ratio(one, other, repeats):
    """The time of the first by that of the second."""
    return float(np.median([a / b for a, b in take_turns(one, other, repeats)]))


def check(name, size, repeats):
    row = Row(name)
    model = make(name, size)
    x = images(model, BATCH)
    before = len(norms(model))
    if before:
        randomize(model, x)
    run = forward(model, x)
    outputs = run()
    row.cells["expand"] = f"{difference(forward(kb.expand(model), x)(), outputs):.0e}"
    start = time.perf_counter()
    folded = fold(model)
    row.cells["seconds"] = f"{time.perf_counter() - start:.1f}"
    after = len(norms(folded))
    row.cells["layers"] = f"{len(model.layers)} → {len(folded.layers)}"
    row.cells["norms"] = f"{before - after} of {before}"
    run_folded = forward(folded, x)
    outputs_folded = run_folded()
    row.cells["difference"] = f"{difference(outputs_folded, outputs):.1e}"
    row.ratios["speed"] = ratio(run, run_folded, repeats)
    if before:
        exact = exact_outputs(model, x, name, size)
        row.cells["rounding"] = f"{difference(outputs, exact):.1e}"
        row.cells["folded"] = f"{difference(outputs_folded, exact):.1e}"
    return row


def run(chosen, *args):
    rows = []
    for name in chosen:
        try:
            rows.append(check(name, *args))
        except Exception as error:  # one model that fails is a row, not the end
            traceback.print_exc()
            rows.append(Row(name, {"expand": type(error).__name__}))
        print(rows[-1], flush=True)
        keras.utils.clear_session()
        gc.collect()
    return rows


def columns(rows):
    cells = dict.fromkeys(key for row in rows for key in row.cells)
    ratios = dict.fromkeys(key for row in rows for key in row.ratios)
    return list(cells), list(ratios)


def table(rows):
    cells, ratios = columns(rows)
    lines = [
        [
            row.name,
            *(row.cells.get(key, "") for key in cells),
            *(f"{row.ratios[key]:.2f}" if key in row.ratios else "" for key in ratios),
        ]
        for row in rows
    ]
    means = [
        np.exp(np.mean([np.log(row.ratios[key]) for row in rows if key in row.ratios]))
        for key in ratios
    ]
    lines.append(
        ["geometric mean", *("" for _ in cells), *(f"{mean:.2f}" for mean in means)]
    )
    return ["model", *cells, *ratios], lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", help="models whose name has this")
    parser.add_argument(
        "--size", type=int, default=96, help="of the images; 75 or more"
    )
    parser.add_argument("--repeats", type=int, default=10, help="turns for each model")
    parser.add_argument("--docs", action="store_true", help="write docs/folding.md")
    args = parser.parse_args()
    chosen = [
        name
        for name in names()
        if not args.only or any(part.lower() in name.lower() for part in args.only)
    ]
    rows = run(chosen, args.size, args.repeats)
    header, lines = table(rows)
    grid = Table(*header)
    for line in lines:
        grid.add_row(*line)
    Console(width=None if Console().is_terminal else 120).print(grid)
    print(", ".join(f"{key} {value}" for key, value in machine().items()))
    if args.docs:
        write_section("folding.md", "applications", markdown(header, lines))


if __name__ == "__main__":
    main()
