"""The best model that a search has found, by the time that it took.

python benchmarks/quality.py [--seeds N] [--seconds N] [--only RACER ...]
    [--data NAME ...] [--cores N ...] [--autokeras PYTHON] [--results FILE] [--docs]

Our ready hypermodel races KerasTuner's HyperResNet and HyperXception, and AutoKeras.
Each run has a process and a core of its own, and begins when all is imported and a
first small model has run. At 15, 30, 60 and 120 seconds: the best validation score so
far, and what the model that had it does on test data that no search sees. To measure
that, the clock stops.

A run is kept in the results file as soon as it is done: what is stopped goes on where
it was, and what failed runs again. With `--cores 0 1` two run side by side. AutoKeras
runs in a virtual environment of its own, whose Python is given. `--docs` runs nothing:
it writes the tables of the results there are into docs/search-quality.md.
"""

import argparse
import contextlib
import itertools
import json
import os
import runpy
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from pages import markdown, write_section
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from kerasblocks.files import replacing

HERE = Path(__file__).parent
RESULTS = HERE.parent / "runs" / "quality.jsonl"
RACERS = ("kerasblocks", "HyperResNet", "HyperXception", "AutoKeras")
MOMENTS = (15, 30, 60, 120)
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
}


class Data(NamedTuple):
    """What is raced on."""

    load: Callable
    objective: str
    epochs: int
    batch: int
    words: str


def split(x, y, share, seed):
    parts = train_test_split(x, y, test_size=share, stratify=y, random_state=seed)
    return (parts[0], parts[2]), (parts[1], parts[3])


def digits(seed):
    images = load_digits().images[..., None].astype("float32") / 16
    rest, test = split(images, load_digits().target, 0.2, seed)
    train, validation = split(*rest, 0.25, seed)
    return train, validation, test


def series(name, seed):
    """The archive's test series; a third of its train series are to score by."""
    load = runpy.run_path(str(HERE.parent / "tuning" / "series.py"))["load"]
    train, validation = split(*load(name, "train"), 1 / 3, seed)
    return train, validation, load(name, "test")


DATA = {
    "digits": Data(
        digits, "val_accuracy", 30, 32, "1,077 images to train on, 360, 360 to test"
    ),
    # An accuracy of 23 series has few values, and many models share the best.
    "ItalyPowerDemand": Data(
        partial(series, "ItalyPowerDemand"),
        "val_loss",
        100,
        16,
        "44 series of 24 steps to train on, 23, 1,029 to test",
    ),
    # On this one no default of ours was chosen.
    "GunPoint": Data(
        partial(series, "GunPoint"),
        "val_loss",
        100,
        16,
        "33 series of 150 steps to train on, 17, 150 to test",
    ),
}


def run(racer, name, seed, seconds, core, python):
    """One search; what the results file keeps of it, None if it was interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        arrays, records = Path(folder) / "data.npz", Path(folder) / "records.jsonl"
        (x, y), validation, test = DATA[name].load(seed)
        np.savez(
            arrays,
            x=x,
            y=y,
            x_validation=validation[0],
            y_validation=validation[1],
            x_test=test[0],
            y_test=test[1],
            objective=DATA[name].objective,
            epochs=DATA[name].epochs,
            batch=DATA[name].batch,
        )
        arguments = [racer, str(arrays), str(seconds), str(seed), str(records)]
        done = subprocess.run(
            ["taskset", "-c", str(core), python, str(HERE / "racers.py"), *arguments],
            env={**os.environ, **ONE_THREAD},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == -signal.SIGINT:
            return None
        lines = records.read_text("utf-8").splitlines() if records.exists() else []
    best = [json.loads(line) for line in lines]
    last = best.pop() if best and "trials" in best[-1] else {}
    errors = done.stderr.strip().splitlines()
    ended = "" if last else (errors or ["it ended without a word"])[-1]
    return {
        "data": name,
        "racer": racer,
        "seed": seed,
        "seconds": seconds,
        "best": [record for record in best if record["seconds"] <= seconds],
        **last,
        "error": ended,
    }


def measure(file, options):
    """Runs what the file lacks; by seeds, and in another order for each."""
    results = [result for result in read(file) if not result["error"]]
    keys = ("data", "racer", "seed", "seconds")
    done = {tuple(result[key] for key in keys) for result in results}
    todo = []
    for seed, name in itertools.product(range(options.seeds), options.data):
        turn = (seed + list(DATA).index(name)) % len(options.only)
        for racer in (*options.only[turn:], *options.only[:turn]):
            if (name, racer, seed, options.seconds) not in done:
                todo.append((name, racer, seed))
    todo.reverse()
    lock = threading.Lock()

    def work(core):
        while True:
            with lock:
                if not todo:
                    return
                name, racer, seed = todo.pop()
            python = options.autokeras if racer == "AutoKeras" else sys.executable
            result = run(racer, name, seed, options.seconds, core, python)
            if result is None:
                return
            with lock:
                results.append(result)
                keep(file, results)
                print(told(result), flush=True)

    threads = [
        threading.Thread(target=work, args=(core,), daemon=True)
        for core in options.cores
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def told(result):
    words = f"{result['data']}, {result['racer']}, seed {result['seed']}: "
    if result["best"]:
        best = result["best"][-1]
        words += f"validation {best['validation']:.4f}, test {best['test']:.4f} "
        words += f"after {best['seconds']:.1f} s, "
    words += f"{result.get('trials', '?')} trials, {result.get('epochs', '?')} epochs"
    return words + (f"; {result['error']}" if result["error"] else "")


def read(file):
    if not file.exists():
        return []
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def keep(file, results):
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as draft:
        draft.write_text("".join(json.dumps(r) + "\n" for r in results), "utf-8")


def at(result, moment):
    """The best record by then, or None."""
    records = [record for record in result["best"] if record["seconds"] <= moment]
    return records[-1] if records else None


def tables(results):
    """What the results say, in Markdown."""
    parts = []
    for name, data in DATA.items():
        of_data = [result for result in results if result["data"] == name]
        if of_data:
            longest = max(result["seconds"] for result in of_data)
            of_data = [r for r in of_data if r["seconds"] == longest]
            parts += [f"### {name}: {data.words}", *table(of_data, data, longest)]
    return "\n\n".join(parts)


def table(results, data, seconds):
    moments = [moment for moment in MOMENTS if moment <= seconds] or [seconds]
    score = {"val_accuracy": "validation accuracy", "val_loss": "validation loss"}
    for key, words in {
        "test": "Test accuracy of the best model so far",
        "validation": f"Best {score[data.objective]} so far",
    }.items():
        rows = []
        for racer in RACERS:
            runs = [result for result in results if result["racer"] == racer]
            if runs:
                cells = [
                    cell([at(run, moment) for run in runs], key) for moment in moments
                ]
                rows.append([racer, *cells, *(work(runs) if key == "test" else ())])
        head = ["", *(f"{moment} s" for moment in moments)]
        head += ["trials", "epochs", "seeds"] if key == "test" else []
        yield f"{words}:"
        yield markdown(head, rows)


def cell(records, key):
    """Mean and deviation; of how many seeds, where not all had a model by then."""
    values = [record[key] for record in records if record]
    if not values:
        return "none yet"
    text = f"{statistics.mean(values):.3f}"
    if len(values) > 1:
        text += f" ± {statistics.stdev(values):.3f}"
    missing = len(records) - len(values)
    return f"{text} ({len(values)} of {len(records)})" if missing else text


def work(runs):
    for key in ("trials", "epochs"):
        counts = [run[key] for run in runs if key in run]
        yield f"{statistics.mean(counts):.0f}" if counts else "?"
    yield str(len(runs))


def options():
    parser = argparse.ArgumentParser(description="The best model by the time it took.")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--seconds", type=int, default=120, help="for a search (120)")
    parser.add_argument("--only", nargs="+", choices=RACERS, help="some racers")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--cores", nargs="+", type=int, default=[0], help="(0)")
    parser.add_argument("--autokeras", help="the Python that has AutoKeras")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file")
    parser.add_argument("--docs", action="store_true", help="write the page, run none")
    found = parser.parse_args()
    if "AutoKeras" in (found.only or ()) and not found.autokeras:
        parser.error("AutoKeras needs --autokeras PYTHON")
    found.only = found.only or [
        r for r in RACERS if r != "AutoKeras" or found.autokeras
    ]
    return found


def main():
    chosen = options()
    if not chosen.docs:
        with contextlib.suppress(KeyboardInterrupt):
            measure(chosen.results, chosen)
    text = tables(read(chosen.results))
    print(text)
    if chosen.docs:
        write_section("search-quality.md", "results", text)


if __name__ == "__main__":
    main()
