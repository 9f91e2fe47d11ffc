"""What a search costs beside its trials: kerasblocks.search and KerasTuner.

    python benchmarks/search.py
    python benchmarks/search.py --docs

Every side runs the same trials, learning rates of a small network on digits, in
processes of its own. What it takes from the end of a trial's training to the begin
of the next one's model is overhead. `--docs` writes the table into
docs/search-speed.md.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median

from pages import markdown, write_section

PROGRAM = Path(__file__).with_name("search_sides.py")
ONE_THREAD = (
    *("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"),
    *("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"),
)


@dataclass(frozen=True)
class Side:
    """A way to run the trials.

    Attributes:
        label: What the table calls it.
        program: Its name in search_sides.py.
        workers: How many processes train.
        threads: Of each, or None for what the machine has, or the side shares out.
        share: Which part of the trials it is given.
    """

    label: str
    program: str
    workers: int = 1
    threads: int | None = None
    share: float = 1.0


SIDES = {
    "bare": Side("a bare loop, 1 thread", "bare", threads=1, share=0.3),
    "bare-all": Side("a bare loop, all threads", "bare", share=0.3),
    "here": Side("kerasblocks, this process, 1 thread", "here", threads=1),
    "tuner": Side("KerasTuner, one process, 1 thread", "tuner", threads=1),
    "here-all": Side("kerasblocks, this process, all threads", "here", share=0.3),
    "tuner-all": Side("KerasTuner, one process, all threads", "tuner", share=0.3),
    "pool": Side("kerasblocks, 2 workers", "pool", workers=2),
    "ray": Side("kerasblocks, 2 Ray workers", "ray", workers=2),
    "chief": Side(
        "KerasTuner, chief and 2 workers, 1 thread each", "chief", workers=2, threads=1
    ),
}


@dataclass(frozen=True)
class Run:
    """What one run of a side came to.

    Attributes:
        rate: Trials an hour, from when all workers train to when the first is done.
        trial: Median seconds of a trial, from a model's begin to the next one's.
        last: The same, of the last quarter of the trials.
        overhead: Median seconds of that outside of building and training.
        memory: Bytes that a process held after each of its trials, of the one that
            came to hold the most.
        whole: Seconds from the program's start to its end.
    """

    rate: float
    trial: float
    last: float
    overhead: float
    memory: list[int]
    whole: float


@dataclass(frozen=True)
class Trial:
    begun: float
    built: float
    trained: float
    ended: float
    memory: int


def read(log: Path) -> list[list[Trial]]:
    """The trials of each process."""
    builds, trials = {}, defaultdict(list)
    for line in log.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        pid, seconds = event["pid"], event["ended"] - event["begun"]
        if event["what"] == "build":
            # Of several builds the last is the one that is trained.
            builds[pid] = event["begun"], seconds
        elif pid in builds:
            begun, built = builds[pid]
            trials[pid].append(
                Trial(begun, built, seconds, event["ended"], event["memory"])
            )
    return list(trials.values())


def measure(side: Side, processes: list[list[Trial]], whole: float) -> Run:
    spans, overheads = [], []
    for trials in processes:
        for one, other in pairwise(trials[1:]):
            span = other.begun - one.begun
            spans.append((one.begun, span))
            overheads.append(span - one.built - one.trained)
    spans = [span for _, span in sorted(spans)]
    # Only while all of them train.
    first = sorted(trials[0].ended for trials in processes)[side.workers - 1]
    last = sorted(trials[-1].ended for trials in processes)[-side.workers]
    ends = [trial.ended for trials in processes for trial in trials]
    count = sum(first < ended <= last for ended in ends)
    heaviest = max(processes, key=lambda trials: max(t.memory for t in trials))
    return Run(
        rate=3600 * count / (last - first),
        trial=median(spans),
        last=median(spans[-max(1, len(spans) // 4) :]),
        overhead=median(overheads),
        memory=[trial.memory for trial in heaviest],
        whole=whole,
    )


def run(side: Side, trials: int) -> Run:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "MPLBACKEND": "Agg"}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0"}
    if side.threads is not None:
        environment |= dict.fromkeys(ONE_THREAD, str(side.threads))
    with tempfile.TemporaryDirectory() as folder:
        count = max(4 * side.workers, round(trials * side.share))
        command = [sys.executable, PROGRAM, side.program, str(count), folder]
        begun = time.monotonic()
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        whole = time.monotonic() - begun
        processes = read(Path(folder) / "log.jsonl")
    found = sum(len(trials) for trials in processes)
    if done.returncode != 0 or found != count:
        raise RuntimeError(f"{side.label}: {found} of {count} trials\n{done.stderr}")
    return measure(side, processes, whole)


def middle(runs: Iterable[Run]) -> Run:
    """The median of each figure over several runs; the memory of the first."""
    runs = list(runs)
    names = ("rate", "trial", "last", "overhead", "whole")
    figures = {name: median(getattr(run, name) for run in runs) for name in names}
    return Run(memory=runs[0].memory, **figures)


def table(runs: dict[str, Run]) -> str:
    header = ["", "trials an hour", "s a trial", "of the last", "overhead, s"]
    header += ["memory, MiB", "a trial more"]
    rows = []
    for name, each in runs.items():
        steps = len(each.memory) - 1
        first, last = (size / 2**20 for size in (each.memory[0], each.memory[-1]))
        rows.append(
            [
                SIDES[name].label,
                f"{each.rate:,.0f}",
                f"{each.trial:.2f}",
                f"{each.last:.2f}",
                f"{each.overhead:.2f}",
                f"{first:,.0f} to {last:,.0f}",
                f"{(last - first) / max(1, steps):+.1f}",
            ]
        )
    return markdown(header, rows)


def goals(runs: dict[str, Run]) -> str:
    lines = []

    def ratio(one: str, other: str, figure: str, words: str) -> None:
        if one in runs and other in runs:
            a, b = getattr(runs[one], figure), getattr(runs[other], figure)
            lines.append(f"- {words}: {a / b:.2f}")

    for side in ("pool", "ray"):
        what = SIDES[side].label.removeprefix("kerasblocks, ")
        for one in ("here", "here-all"):
            words = SIDES[one].label.removeprefix("kerasblocks, ")
            ratio(side, one, "rate", f"trials an hour, {what} / {words}")
        ratio(side, "chief", "rate", f"trials an hour, {what} / KerasTuner's chief")
    ratio("chief", "tuner", "rate", "trials an hour, KerasTuner's chief / its one")
    ratio("here", "tuner", "rate", "trials an hour, this process / KerasTuner")
    ratio("here", "tuner", "overhead", "overhead, this process / KerasTuner")
    if {"bare", "here", "tuner"} <= runs.keys():
        bare = runs["bare"].trial
        for side in ("here", "tuner"):
            more = runs[side].trial - bare
            lines.append(
                f"- {SIDES[side].label}: {more:.2f} s a trial over a bare loop"
            )
    return "\n".join(lines)


def course(runs: dict[str, Run]) -> str:
    """Memory after so many trials."""
    marks = [1, 2, 5, 10, 20, 30, 40, 50, 60]
    rows = []
    for name, each in runs.items():
        sizes = each.memory
        cells = [
            f"{sizes[mark - 1] / 2**20:,.0f}" if mark <= len(sizes) else ""
            for mark in marks
        ]
        rows.append([SIDES[name].label, *cells])
    return markdown(["MiB after trial", *map(str, marks)], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=60)
    parser.add_argument("--turns", type=int, default=1, help="runs of every side")
    parser.add_argument("--only", action="append", choices=SIDES, help="these sides")
    parser.add_argument("--docs", action="store_true", help="write the docs' table")
    options = parser.parse_args()
    names = options.only or list(SIDES)
    runs = defaultdict(list)
    for turn in range(options.turns):
        for name in names if turn % 2 == 0 else reversed(names):
            runs[name].append(run(SIDES[name], options.trials))
            each = runs[name][-1]
            print(
                f"{SIDES[name].label}: {each.rate:,.0f} trials an hour, overhead "
                f"{each.overhead:.2f} s a trial, {each.whole:.0f} s in all",
                file=sys.stderr,
            )
    results = {name: middle(runs[name]) for name in names}
    text = "\n\n".join([table(results), goals(results), course(results)])
    print(text)
    if options.docs:
        write_section("search-speed.md", "search-speed", text)


if __name__ == "__main__":
    main()
