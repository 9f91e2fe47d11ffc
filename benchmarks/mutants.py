"""How many faults, put into our blocks one at a time, the contract finds.

    python benchmarks/mutants.py --sample 150 --journal mutants.jsonl

Every row of the table of blocks is held to the contract once, to see which lines of
`kerasblocks/blocks` each law runs. Then one place in a function is changed at a time
(a comparison turned, a keyword argument dropped, a statement left out...), and the
laws that run that place are tried on the rows that lead them there, the quick ones
first, until one breaks that the row does not break as it is. What only makes error
messages, docstrings, annotations and default arguments are left alone.

The journal remembers: a run that was cut off goes on where it stopped, and `--retry`
tries what survived again, best with more `--seconds`. Mutation testers start a
process for each mutant (cosmic-ray), or fork one in which TensorFlow runs already
(mutmut), which TensorFlow does not survive; here one process takes many mutants in
turn, by exchanging the code of one function.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mutation import BLOCKS, ROOT, Mutant, mutants, planted

LIMIT = 60  # seconds for one law

# The process in which the laws are tried.


class TooLong(BaseException):
    """A law takes so long that the mutant is held to hang."""


def work(connection: Any) -> None:
    """Answers what the parent asks, until it is told to stop."""
    import gc
    import signal

    sys.path.insert(0, str(ROOT))
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    import keras

    from kerasblocks.testing import case, run_checks
    from kerasblocks.testing.checks import CHECKS
    from tests.table import BY_NAME

    laws = {law.__name__: law for law in CHECKS}

    def alarm(*_: Any) -> None:
        raise TooLong

    signal.signal(signal.SIGALRM, alarm)

    def breaks(row: str, law: str) -> str:
        """Why the law breaks, or an empty string."""
        one = BY_NAME[row]
        signal.alarm(LIMIT)
        try:
            (outcome,) = run_checks(case(one.make, one.shape), [laws[law]])
        except TooLong:
            return "it hangs"
        except Exception as error:  # of the test, before any law is tried
            return f"{type(error).__name__}: {error}"
        finally:
            signal.alarm(0)
        return (outcome.reason or "?") if outcome.is_breach else ""

    def profile(row: str) -> dict:
        """Of each law: whether it breaks, how long it takes, the lines it runs."""
        told = {}
        for law in laws:
            lines: set = set()
            begin = time.perf_counter()
            with traced(lines):
                reason = breaks(row, law)
            seconds = round(time.perf_counter() - begin, 3)
            found: dict = defaultdict(list)
            for module, line in sorted(lines):
                found[module].append(line)
            told[law] = {"breaks": reason, "seconds": seconds, "lines": found}
        return told

    def judge(mutant: Mutant, pairs: list[tuple[str, str]]) -> dict:
        """The first of the pairs of a row and a law that breaks."""
        with planted(mutant):
            for row, law in pairs:
                if reason := breaks(row, law):
                    return {"row": row, "law": law, "reason": reason[:300]}
        return {}

    while (asked := connection.recv()) is not None:
        kind, *arguments = asked
        answers = {"rows": lambda: list(BY_NAME), "row": profile, "mutant": judge}
        connection.send(answers[kind](*arguments))
        keras.utils.clear_session(free_memory=False)
        gc.collect()


@contextmanager
def traced(lines: set) -> Iterator[None]:
    """Notes the lines of the blocks that run, as (module, line)."""
    modules = {str(file): file.stem for file in BLOCKS.glob("*.py")}

    def local(frame: Any, event: str, _: Any) -> Any:
        lines.add((modules[frame.f_code.co_filename], frame.f_lineno))
        return local

    def outer(frame: Any, event: str, _: Any) -> Any:
        if frame.f_code.co_filename in modules:
            return local(frame, event, _)
        return None

    sys.settrace(outer)
    try:
        yield
    finally:
        sys.settrace(None)


class Worker:
    """A process that tries laws, replaced where it dies or hangs, or has grown."""

    def __init__(self) -> None:
        self.context = multiprocessing.get_context("spawn")
        self.process: Any = None
        self.asked = 0

    def ask(self, *question: Any, limit: float = 900) -> Any:
        """Its answer; None where it died or hung."""
        if self.process is None or self.asked >= 60:
            self.stop()
            self.connection, theirs = self.context.Pipe()
            self.process = self.context.Process(target=work, args=(theirs,))
            self.process.start()
            theirs.close()
            self.asked = 0
        self.asked += 1
        try:
            self.connection.send(question)
            if self.connection.poll(limit):
                return self.connection.recv()
        except (EOFError, OSError):
            pass
        self.process.kill()
        self.process.join()
        self.process = None
        return None

    def stop(self) -> None:
        if self.process is not None:
            self.connection.send(None)
            self.process.join()
            self.process = None


# The whole run.


def pairs_for(
    mutant: Mutant, rows: dict[str, dict], seconds: float
) -> list[tuple[str, str]]:
    """Rows and laws that run the mutant's statement and hold without it.

    A plain call is made on all such rows; every other law is tried once, and then on
    further rows, until the seconds are spent.
    """
    first, last = mutant.lines
    reach: dict[str, list] = defaultdict(list)
    for row, laws in rows.items():
        for law, told in laws.items():
            ran = told["lines"].get(mutant.module, [])
            if not told["breaks"] and any(first <= line <= last for line in ran):
                reach[law].append((told["seconds"], row))
    chosen = [(row, "check_call") for _, row in sorted(reach.pop("check_call", []))]
    turns = []
    for law, found in reach.items():
        found.sort()
        half = max(3, len(found) // 2)
        quick = found[:half]
        random.Random(mutant.key + law).shuffle(quick)
        for turn, (cost, row) in enumerate([*quick, *found[half:]]):
            turns.append((turn, cost, row, law))
    for turn, cost, row, law in sorted(turns):
        seconds -= cost
        if turn == 0 or seconds > 0:
            chosen.append((row, law))
    return chosen


def fingerprint() -> str:
    """Changes with the blocks, the laws and the table."""
    files = [*BLOCKS.glob("*.py"), *(ROOT / "kerasblocks/testing").rglob("*.py")]
    texts = [file.read_bytes() for file in sorted(files)]
    texts.append((ROOT / "tests" / "table.py").read_bytes())
    return hashlib.sha256(b"".join(texts)).hexdigest()[:12]


class Journal:
    """A file of JSON lines: what is known of rows and of mutants."""

    def __init__(self, file: Path):
        self.file = file
        self.rows: dict[str, dict] = {}
        self.judged: dict[str, dict] = {}
        mark = fingerprint()
        lines = file.read_text().splitlines() if file.exists() else []
        if lines and json.loads(lines[0]) != {"fingerprint": mark}:
            sys.exit(f"{file} is of other sources; name another journal")
        for line in lines[1:]:
            self._take(json.loads(line))
        if not lines:
            self._append({"fingerprint": mark})

    def note(self, kind: str, key: str, told: dict) -> None:
        entry = {"kind": kind, "key": key, "told": told}
        self._append(entry)
        self._take(entry)

    def _take(self, entry: dict) -> None:
        known = self.rows if entry["kind"] == "row" else self.judged
        known[entry["key"]] = entry["told"]

    def _append(self, entry: dict) -> None:
        with self.file.open("a") as stream:
            stream.write(json.dumps(entry) + "\n")


def profile_rows(journal: Journal, worker: Worker) -> None:
    for row in worker.ask("rows") or ():
        if row not in journal.rows:
            told = worker.ask("row", row)
            if told is None:
                sys.exit(f"the laws crash on {row} as it is")
            journal.note("row", row, told)
            broken = [law for law, one in told.items() if one["breaks"]]
            print(f"{row}: {', '.join(broken) or 'passes'}", flush=True)


def judge(
    mutant: Mutant, rows: dict[str, dict], worker: Worker, seconds: float
) -> dict:
    """What became of a mutant: `law` that kills it, None for a survivor."""
    pairs = pairs_for(mutant, rows, seconds)
    told = {**asdict(mutant), "tried": len(pairs), "law": None}
    begin = time.perf_counter()
    if pairs:
        answer = worker.ask("mutant", mutant, pairs)
        told |= {"law": "crash"} if answer is None else answer
    return told | {"seconds": round(time.perf_counter() - begin, 1)}


def report(judged: list[dict], show: Callable[[str], Any] = print) -> dict:
    """The figures, printed and as a dict."""

    def count(some: list[dict]) -> dict[str, Any]:
        reached = [one for one in some if one["tried"]]
        killed = [one for one in reached if one["law"]]
        trivial = [one for one in killed if one["law"] in ("check_call", "crash")]
        alive = len(reached) - len(trivial)
        return {
            "mutants": len(some),
            "not reached": len(some) - len(reached),
            "killed": len(killed),
            "by a plain call": len(trivial),
            "survived": len(reached) - len(killed),
            "share": len(killed) / max(1, len(reached)),
            "share of the working": (len(killed) - len(trivial)) / max(1, alive),
        }

    modules = defaultdict(list)
    for one in judged:
        modules[one["module"]].append(one)
    figures = {name: count(some) for name, some in sorted(modules.items())}
    figures["all"] = count(judged)
    show(f"{'':16}mutants unreached killed (by any call) survived  killed  working")
    for name, row in figures.items():
        show(
            f"{name:16}{row['mutants']:7}{row['not reached']:10}{row['killed']:7}"
            f"{row['by a plain call']:14}{row['survived']:9}{row['share']:8.0%}"
            f"{row['share of the working']:9.0%}"
        )
    laws = Counter(one["law"] for one in judged if one["law"])
    show("\nkilled by: " + ", ".join(f"{law} {n}" for law, n in laws.most_common()))
    for title, chosen in (
        ("survived", [one for one in judged if one["tried"] and not one["law"]]),
        ("not reached", [one for one in judged if not one["tried"]]),
    ):
        show(f"\n{title}:")
        for one in sorted(chosen, key=lambda one: (one["module"], one["line"])):
            show(
                f"  {one['module']}.py:{one['line']} {one['function']}: "
                f"{one['operator']}: {one['before']}  ->  {one['after']}"
            )
    return {"figures": figures, "laws": dict(laws), "mutants": judged}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sample", type=int, default=150, help="0 for all mutants")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--seconds", type=float, default=20, help="about so long for each mutant"
    )
    parser.add_argument("--module", help="mutate this one only, as 'conv_block'")
    parser.add_argument("--journal", type=Path, default=Path("mutants.jsonl"))
    parser.add_argument("--retry", action="store_true", help="try survivors again")
    parser.add_argument("--list", action="store_true", help="show the sample and stop")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    options = parser.parse_args()
    os.environ |= dict.fromkeys(
        ("OMP_NUM_THREADS", "TF_NUM_INTEROP_THREADS", "TF_NUM_INTRAOP_THREADS"), "1"
    )
    sys.path.insert(0, str(ROOT))
    modules = sorted(file.stem for file in BLOCKS.glob("*.py"))
    every = [one for module in modules for one in mutants(module)]
    if options.module:
        every = [one for one in every if one.module == options.module]
    random.Random(options.seed).shuffle(every)  # a larger sample holds a smaller one
    chosen = every[: options.sample or None]
    print(f"{len(chosen)} of {len(every)} mutants")
    if options.list:
        print(*chosen, sep="\n")
        return
    journal, worker = Journal(options.journal), Worker()
    profile_rows(journal, worker)
    for number, mutant in enumerate(chosen, 1):
        known = journal.judged.get(mutant.key)
        again = options.retry and known and known["tried"] and not known["law"]
        if known is None or again:
            told = judge(mutant, journal.rows, worker, options.seconds)
            journal.note("mutant", mutant.key, told)
            by = told["law"] or ("SURVIVED" if told["tried"] else "not reached")
            print(f"{number} {by} ({told['seconds']} s): {mutant}", flush=True)
    worker.stop()
    told = report([journal.judged[mutant.key] for mutant in chosen])
    if options.out:
        options.out.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
