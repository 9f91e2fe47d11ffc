"""Labelled time series from the .ts files that come with the package aeon.

aeon itself is not imported, and need not be installed with what it depends on:

    pip install --no-deps aeon
"""

import importlib.util
from pathlib import Path

import numpy as np

FOLDER = "datasets/data"


def load(name, part):
    """Series and labels of a data set of the UCR archive.

    Args:
        name: `"ItalyPowerDemand"`, say.
        part: `"train"` or `"test"`, as the archive has them.

    Returns:
        An array of shape `(cases, steps, 1)` and one of labels, from 0 on.

    Raises:
        FileNotFoundError: aeon is not installed, or has no such data set.
    """
    folder = _aeon() / FOLDER
    path = folder / name / f"{name}_{part.upper()}.ts"
    if not path.exists():
        raise FileNotFoundError(f"aeon has no series {name!r} in {folder}")
    return parse(path.read_text(encoding="utf-8"))


def parse(text):
    """Reads a .ts file: one channel, all of one length, a class for each.

    After a head of `@` lines, a line is `0.1,0.2,0.3:label`.
    """
    _, found, body = text.partition("@data")
    if not found:
        raise ValueError("a .ts file must have a line @data")
    rows = [line.rsplit(":", 1) for line in body.split()]
    if any(len(row) != 2 or ":" in row[0] for row in rows):
        raise ValueError("a .ts file must have one channel and a class on each line")
    x = np.array([row[0].split(",") for row in rows], "float32")
    _, y = np.unique([row[1] for row in rows], return_inverse=True)
    return x[..., None], y


def _aeon():
    spec = importlib.util.find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "the series come with the package aeon, which is not installed: "
            "pip install --no-deps aeon"
        )
    return Path(spec.submodule_search_locations[0])
