"""The examples on real data, over several seeds: a table for each, as Markdown.

python benchmarks/real_data.py [--seeds N] [--only NAME] [--docs]

A seed sets the initial weights, the order of the batches and, where the example draws
them, the split and what is missing. A table has the mean over the seeds and the
standard deviation between them. `--docs` writes all the tables into docs/real-data.md.
"""

import argparse
import contextlib
import os
import runpy
import statistics
import sys
import time
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "Agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras

from kerasblocks.files import replacing

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs" / "real-data.md"
NAMES = ("cars", "missing_labels", "one_shot_digits", "stereo")


def run(name, seeds):
    """What the example says of itself, and its rows for each seed."""
    example = runpy.run_path(str(ROOT / "examples" / f"{name}.py"))
    results = []
    for seed in range(seeds):
        start = time.perf_counter()
        with contextlib.redirect_stdout(sys.stderr):  # the tables alone go out
            results.append(by_row(example["main"](seed=seed)))
        keras.utils.clear_session()
        seconds = time.perf_counter() - start
        print(f"{name}, seed {seed}: {seconds:.0f} s", file=sys.stderr)
    return example["__doc__"].strip(), results


def by_row(rows):
    """Rows of columns, of what may be rows of one value each."""
    return {
        row: columns if isinstance(columns, dict) else {"": columns}
        for row, columns in rows.items()
    }


def table(results):
    """A Markdown table of rows that hold columns, one of each for a seed."""
    first = results[0]
    columns = list(dict.fromkeys(name for row in first.values() for name in row))
    lines = [["", *columns], ["---", *["---:"] * len(columns)]]
    for row, values in first.items():
        cells = [
            show([result[row][column] for result in results])
            if column in values
            else ""
            for column in columns
        ]
        lines.append([row, *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def show(values):
    """Mean and standard deviation, to three places or, from 10 on, fewer."""
    mean = statistics.mean(values)
    if all(isinstance(value, int) for value in values) and len(set(values)) == 1:
        return str(values[0])
    places = 3 if abs(mean) < 10 else 1
    text = f"{mean:.{places}f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.{places}f}"
    return text


def page(name, doc, results):
    title, _, rest = doc.partition("\n")
    text = f"## {title.rstrip('.')}\n\n{rest.strip()}\n\n{table(results)}\n\n"
    return text + f"From [examples/{name}.py](../examples/{name}.py).\n"


def main():
    parser = argparse.ArgumentParser(description="The examples on real data.")
    parser.add_argument("--seeds", type=int, default=5, help="how many (5)")
    parser.add_argument("--only", choices=NAMES, help="one example")
    parser.add_argument("--docs", action="store_true", help=f"write {DOCS.name}")
    options = parser.parse_args()
    if options.docs and options.only:
        parser.error("--docs writes all the tables: leave out --only")
    if options.seeds < 1:
        parser.error(f"--seeds must be a positive int, got {options.seeds}")
    os.chdir(ROOT)  # the examples draw into runs/
    pages = []
    for name in [options.only] if options.only else NAMES:
        pages.append(page(name, *run(name, options.seeds)))
        print(pages[-1], flush=True)
    if options.docs:
        head = (
            "# Real data\n\nMean over seeds ± standard deviation between them, by\n\n"
            f"    python benchmarks/real_data.py --seeds {options.seeds} --docs\n\n"
        )
        with replacing(DOCS) as draft:
            draft.write_text(head + "\n".join(pages), encoding="utf-8")


if __name__ == "__main__":
    main()
