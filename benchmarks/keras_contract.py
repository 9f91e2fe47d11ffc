"""Hold Keras' own layers to the contract of `kerasblocks.testing`.

    python benchmarks/keras_contract.py          # go on from the rows done before
    python benchmarks/keras_contract.py --fresh  # begin anew
    python benchmarks/keras_contract.py --docs   # and write docs/keras-layers.md

What comes of each row of `keras_layers.LAYERS` is kept in a JSON file. Every law that
a layer breaks must be told of in `keras_faults`: the exit status is 1 where one is
not, and where one that is told of no longer occurs.
"""

import argparse
import contextlib
import gc
import io
import json
import os
import platform
import re
import signal
import sys
import textwrap
import time
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras_faults import FAULTS, KNOWN, REASONS
from keras_layers import LAYERS, KerasLayer

from kerasblocks.testing import case, run_checks
from kerasblocks.testing.checks import CHECKS

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "runs" / "keras_contract.json"
PAGE = ROOT / "docs" / "keras-layers.md"
LIMIT = 120  # seconds for a row


class TimeIsUpError(BaseException):
    """Not an Exception, so that no law takes it for a fault of the layer."""


def check(row: KerasLayer, laws=CHECKS, limit: int = LIMIT) -> dict:
    """What came of each law, as JSON holds it."""
    outcomes = []

    def ring(*_):
        raise TimeIsUpError

    previous = signal.signal(signal.SIGALRM, ring)
    signal.alarm(limit)
    begin = time.perf_counter()
    try:
        one = case(
            row.make,
            row.input_shape,
            row.input_dtype,
            input_range=row.input_range,
            name=row.name,
        )
        run_checks(one, laws, progress=outcomes.append)
        late = ""
    except TimeIsUpError:
        late = laws[len(outcomes)].__name__
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)
    laws = {
        outcome.law: {
            "status": outcome.status,
            "reason": outcome.reason,
            "snippet": outcome.snippet,
            "seconds": round(outcome.seconds, 2),
        }
        for outcome in outcomes
    }
    if late:
        laws[late] = {"status": "timeout", "reason": f"over {limit} s for the row"}
    return {"seconds": round(time.perf_counter() - begin, 1), "laws": laws}


def broken(result: dict) -> list[str]:
    return [
        law
        for law, outcome in result["laws"].items()
        if outcome["status"] in ("failed", "timeout")
    ]


def keep(results: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(results, indent=1))
    new.replace(path)


def run(rows: list[KerasLayer], results: dict, path: Path) -> None:
    for number, row in enumerate(rows, 1):
        results[row.name] = result = check(row)
        keep(results, path)
        found = broken(result)
        print(
            f"{number}/{len(rows)} {row.name} {result['seconds']} s "
            + (", ".join(found) or "-"),
            flush=True,
        )
        keras.backend.clear_session()
        gc.collect()


def told(name: str, law: str) -> tuple[str, str] | None:
    """The key of `KNOWN` that tells of this breach."""
    for one in (name, name.partition("_")[0]):
        for key in ((one, law), (one, "*")):
            if key in KNOWN:
                return key
    return None


def unsettled(results: dict) -> list[str]:
    """Breaches that `keras_faults` does not tell of, and what it tells of in vain."""
    used, found = set(), []
    for name, result in results.items():
        for law in broken(result):
            key = told(name, law)
            used.add(key)
            if key is None:
                found.append(f"{name}: {law}: {result['laws'][law]['reason']}")
    if {row.name for row in LAYERS} <= results.keys():
        vain = [key for key in KNOWN if key not in used]
        found += [f"{name}: {law} is told of and does not break" for name, law in vain]
    return found


def page(results: dict) -> str:
    """The text of docs/keras-layers.md."""
    keys = [key for name, one in results.items() for key in keys_of(name, one)]
    faults = [key for key in FAULTS if key in keys]
    reasons = [key for key in REASONS if key in keys]
    marks = {key: str(number) for number, key in enumerate(faults, 1)}
    marks |= dict(zip(reasons, "abcdefghijklmnopqrstuvwxyz", strict=False))
    counts = Counter(
        "failed" if outcome["status"] == "timeout" else outcome["status"]
        for result in results.values()
        for outcome in result["laws"].values()
    )
    clean = sum(not broken(result) for result in results.values())
    seconds = sum(result["seconds"] for result in results.values())
    classes = {name.partition("_")[0] for name in results}
    head = HEAD.format(
        classes=len(classes),
        rows=len(results),
        laws=len(CHECKS),
        clean=clean,
        passed=counts["passed"],
        other=counts["not applicable"],
        failed=counts["failed"],
        faults=len(faults),
        of_faults=sum(key in FAULTS for key in keys),
        minutes=round(seconds / 60),
        keras=keras.__version__,
        backend=keras.backend.backend(),
        version=version(keras.backend.backend()),
        python=platform.python_version(),
    )
    parts = [
        "# Keras' own layers under the contract\n",
        wrapped(head),
        USE,
        "## Faults of Keras that the contract finds\n",
        SNIPPETS,
    ]
    for key in faults:
        one, code = FAULTS[key], FAULTS[key].snippet.strip()
        parts.append(
            f"### {marks[key]}. {one.title}\n\n{where(results, key)}\n\n"
            f"```python\n{code}\n```\n\nprints\n\n```text\n{printed(code)}\n```\n\n"
            f"{wrapped('What should come: ' + one.should)}\n"
        )
    parts.append("## Broken, and not a fault\n")
    parts += [
        wrapped(f"**{marks[key]}.** {REASONS[key]}") + f"\n\n{where(results, key)}\n"
        for key in reasons
    ]
    parts.append("## All layers\n")
    parts.append(TABLE)
    lines = [
        "| layer | passed | not applicable | broken |",
        "| --- | --- | --- | --- |",
    ]
    for name, result in results.items():
        states = Counter(outcome["status"] for outcome in result["laws"].values())
        cells = [
            f"{law.removeprefix('check_')} {marks[KNOWN[key]] if key else '?'}"
            for law in broken(result)
            for key in [told(name, law)]
        ]
        lines.append(
            f"| {name} | {states['passed']} | {states['not applicable']} | "
            f"{', '.join(cells)} |"
        )
    return "\n".join([*parts, "\n".join(lines), ""])


def keys_of(name: str, result: dict) -> list[str]:
    found = (told(name, law) for law in broken(result))
    return [KNOWN[key] for key in found if key is not None]


def where(results: dict, wanted: str) -> str:
    """The laws that a fault breaks, each with the rows in which it does."""
    rows: dict[str, list[str]] = {}
    for name, result in results.items():
        for law in broken(result):
            key = told(name, law)
            if key is not None and KNOWN[key] == wanted:
                rows.setdefault(law, []).append(name)
    laws: dict[tuple, list[str]] = {}
    for law, names in rows.items():
        laws.setdefault(tuple(names), []).append(f"`{law}`")
    return "\n".join(
        wrapped(f"- {', '.join(several)}: {', '.join(names)}", "  ")
        for names, several in laws.items()
    )


def printed(code: str) -> str:
    """What a snippet prints."""
    out = io.StringIO()
    keras.utils.set_random_seed(0)
    keras.backend.clear_session()
    with contextlib.redirect_stdout(out):
        exec(code, {"keras": keras, "layers": keras.layers, "np": np})
    lines = re.sub(r"\x1b\[\d*m", "", out.getvalue()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        88,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


HEAD = """\
{classes} classes of layers of Keras {keras} ({backend} {version}, Python {python}), in
{rows} variants, were each held to the {laws} laws of `kerasblocks.testing.checks`.
{clean} variants break none. Of all trials {passed} passed, {other} did not apply and
{failed} were broken: {of_faults} by the {faults} faults of Keras below, the rest for
the reasons after them. It took {minutes} minutes on two cores that were busy with other
work.
"""

USE = """
```sh
python benchmarks/keras_contract.py --docs
```

runs the rows of `benchmarks/keras_layers.py` that have not been run, and writes this
page (`--fresh` runs all anew). `benchmarks/keras_faults.py` says of each breach what
it is; the command fails where it does not, and where a breach that it tells of no
longer occurs, so that a new Keras or a new law cannot go by unseen. Left out are base
classes, layers that wrap another framework, and variants that take text, which a case
of the contract does not draw. [Keras](keras.md) tells of what was met otherwise.
"""

SNIPPETS = """\
Each snippet begins with

```python
import keras
import numpy as np
from keras import layers
```

and stands above what it printed when this page was written. The list before it names
the laws that it breaks, and the variants that break them.
"""

TABLE = """\
How many laws passed, how many did not apply, and which were broken, without their
`check_`: a number stands for a fault, a letter for a reason.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="run these rows anew")
    parser.add_argument("--flagged", action="store_true", help="run broken rows anew")
    parser.add_argument("--fresh", action="store_true", help="run every row anew")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--docs", action="store_true", help="write the page")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    results = {}
    if options.results.exists() and not options.fresh:
        results = json.loads(options.results.read_text())
    rows = [row for row in LAYERS if row.name not in results]
    if options.only:
        rows = [row for row in LAYERS if row.name in options.only]
    if options.flagged:
        rows = [row for row in LAYERS if broken(results.get(row.name, {"laws": {}}))]
    run(rows, results, options.results)
    results = {row.name: results[row.name] for row in LAYERS if row.name in results}
    if options.docs:
        PAGE.write_text(page(results))
    problems = unsettled(results)
    print("\n".join(problems) or "Every breach is told of.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
