"""What importing the package costs, in fresh interpreters that take turns.

    python benchmarks/imports.py --repeats 15

The last rows are the command line's, which answers `--help` without Keras.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parents[1]
GOAL = 0.2
PROGRAMS = {
    "import keras": "import keras",
    "import kerasblocks": "import kerasblocks",
    "python -c pass": "pass",
    "kerasblocks --help": "from _kerasblocks_cli import main; main(['--help'])",
}
# Inside one process the noise of loading Keras is left out.
AFTER = """
import sys, time
import keras
before, begun = set(sys.modules), time.perf_counter()
import kerasblocks
print(time.perf_counter() - begun)
loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
print(*sorted(loaded - sys.stdlib_module_names - {"kerasblocks"}))
"""


def run(code: str) -> tuple[float, str]:
    """The seconds that a fresh interpreter takes for some code, and its output."""
    begun = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    repeats = parser.parse_args().repeats
    for code in (*PROGRAMS.values(), AFTER):  # compiles, and fills the disk's cache
        run(code)
    seconds = {name: [] for name in PROGRAMS}
    after = []
    for turn in range(repeats):
        names = list(PROGRAMS)
        for name in names if turn % 2 else names[::-1]:
            seconds[name].append(run(PROGRAMS[name])[0])
        cost, modules = run(AFTER)[1].split("\n", 1)
        after.append(float(cost))
    print("| fresh interpreter | seconds |\n| --- | ---: |")
    for name, times in seconds.items():
        print(f"| {name} | {median(times):.2f} |")
    turns = zip(seconds["import kerasblocks"], seconds["import keras"], strict=True)
    difference = median(ours - keras for ours, keras in turns)
    print(f"\nkerasblocks over keras, by turns: {difference:.2f} s (goal: {GOAL} s)")
    print(f"import kerasblocks after import keras: {median(after):.3f} s")
    print("third-party modules beyond those of keras:", modules.strip() or "none")


if __name__ == "__main__":
    main()
