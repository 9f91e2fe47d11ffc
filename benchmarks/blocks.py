"""Times each block beside the same thing written by hand, in one run.

python benchmarks/blocks.py [--quick] [--only NAME] [--repeats N] [--control]
    [--json FILE]

Block and hand-written model take turns, so that whatever else the machine does
falls on both. A ratio is the median of block / by hand over all turns, with the
half-width of its 95% interval.
"""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from cases import CASES, Case
from compiled import forward
from rich.console import Console
from rich.table import Table
from turns import Comparison, machine, seconds, take_turns


def build_turns(case: Case, repeats: int) -> list[tuple[float, float]]:
    def build(wiring: Callable[..., Any]) -> float:
        keras.utils.clear_session()
        return seconds(lambda: case.model(wiring))

    turns = []
    for i in range(repeats + 1):
        if i % 2:
            by_hand = build(case.by_hand)
            turns.append((build(case.block), by_hand))
        else:
            turns.append((build(case.block), build(case.by_hand)))
    return turns[1:]


def data(case: Case, model: keras.Model) -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    xs = [
        random.normal(size=(case.batch, *case.shape)).astype("float32")
        for _ in range(case.inputs)
    ]
    if isinstance(model.output, dict):
        y = {
            name: labels(random, case.batch, output.shape[-1])
            for name, output in model.output.items()
        }
    else:
        y = random.normal(size=(case.batch, *model.output.shape[1:]))
        y = y.astype("float32")
    return xs if case.inputs > 1 else xs[0], y


def labels(random: np.random.Generator, batch: int, units: int) -> np.ndarray:
    if units == 1:
        return random.integers(0, 2, (batch, 1)).astype("float32")
    return random.integers(0, units, batch)


def compile_args(case: Case) -> dict[str, Any]:
    return case.heads.compile_args() if case.heads else {"loss": "mse"}


def run_turns(case: Case, repeats: int, rounds: int) -> dict[str, list]:
    """Forward and training turns, over models made anew in each round.

    Where a model's weights happen to lie in memory makes it some percent faster
    or slower; new models spread that over both sides.
    """
    turns: dict[str, list] = {"forward": [], "train": []}
    for i in range(rounds):
        keras.utils.clear_session()
        order = [case.block, case.by_hand]
        models = [case.model(wiring) for wiring in (order if i % 2 else order[::-1])]
        block, by_hand = models if i % 2 else models[::-1]
        if block.count_params() != by_hand.count_params():
            raise SystemExit(
                f"{case.name}: {block.count_params()} parameters, by hand "
                f"{by_hand.count_params()}"
            )
        x, y = data(case, by_hand)
        for model in models:
            model.compile(optimizer="adam", **compile_args(case))
        count = -(-repeats // rounds)
        steps = {
            "forward": [forward(model, x) for model in (block, by_hand)],
            "train": [partial(m.train_on_batch, x, y) for m in (block, by_hand)],
        }
        for kind, pair in steps.items():
            turns[kind] += take_turns(*pair, count)
    return turns


def measure(case: Case, repeats: int, rounds: int) -> dict[str, Comparison]:
    turns = {"build": build_turns(case, max(4, repeats // 10))}
    if not case.build_only:
        turns |= run_turns(case, repeats, rounds)
    return {name: Comparison.of(values) for name, values in turns.items()}


KINDS = ("build", "forward", "train")


def table(results: dict[str, dict[str, Comparison]]) -> Table:
    grid = Table(title="milliseconds, and block / by hand")
    grid.add_column("block", no_wrap=True)
    for kind in KINDS:
        grid.add_column(f"{kind}: block", justify="right")
        grid.add_column("by hand", justify="right")
        grid.add_column("ratio", justify="right", style="bold")
    for name, comparisons in results.items():
        cells = []
        for kind in KINDS:
            found = comparisons.get(kind)
            cells += row_cells(found) if found else ["", "", ""]
        grid.add_row(name, *cells)
    return grid


def row_cells(found: Comparison) -> list[str]:
    return [
        f"{1000 * found.block:.2f}",
        f"{1000 * found.by_hand:.2f}",
        f"{found.ratio:.3f} ±{found.error:.3f}",
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=200, help="turns for each case")
    parser.add_argument("--rounds", type=int, default=4, help="models made anew")
    parser.add_argument("--only", action="append", help="cases whose name has this")
    parser.add_argument("--quick", action="store_true", help="few turns, one round")
    parser.add_argument(
        "--control", action="store_true", help="both sides by hand: what noise does"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write this")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    if args.quick:
        args.repeats, args.rounds = 20, 1
    chosen = [
        case
        for case in CASES
        if not args.only or any(part.lower() in case.name.lower() for part in args.only)
    ]
    if args.control:
        chosen = [replace(case, block=case.by_hand) for case in chosen]
    if not chosen:
        raise SystemExit(f"no such case; there are: {[case.name for case in CASES]}")
    console = Console(width=None if Console().is_terminal else 160)
    results = {}
    for case in chosen:
        results[case.name] = measure(case, args.repeats, args.rounds)
        ratios = (f"{k} {v.ratio:.3f}" for k, v in results[case.name].items())
        console.print(f"{case.name}: {', '.join(ratios)}")
    console.print(table(results))
    console.print(", ".join(f"{key} {value}" for key, value in machine().items()))
    if args.json:
        report = {
            "machine": machine(),
            "results": {
                name: {kind: asdict(found) for kind, found in comparisons.items()}
                for name, comparisons in results.items()
            },
        }
        args.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
