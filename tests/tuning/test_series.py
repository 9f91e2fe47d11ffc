"""The reader of .ts files."""

import importlib.util
import runpy
from pathlib import Path

import numpy as np
import pytest

SERIES = runpy.run_path(str(Path(__file__).parents[2] / "tuning" / "series.py"))
HEAD = "# A comment: of the file\n@problemName Two\n@classLabel true 1 2\n@data\n"


def test_rows_become_series_and_labels_from_0_on():
    x, y = SERIES["parse"](HEAD + "0.5,-1:2\n1e-3,4:1\n")
    assert x.shape == (2, 2, 1)
    assert x.dtype == "float32"
    np.testing.assert_allclose(x[..., 0], [[0.5, -1], [0.001, 4]])
    assert y.tolist() == [1, 0]


@pytest.mark.parametrize("text", ["0.5,1:2\n", ""])
def test_a_file_without_data_is_refused(text):
    with pytest.raises(ValueError, match="must have a line @data"):
        SERIES["parse"](text)


@pytest.mark.parametrize("row", ["0.5,1", "1,2:3,4:1"])
def test_other_kinds_of_series_are_refused(row):
    with pytest.raises(ValueError, match="one channel and a class on each line"):
        SERIES["parse"](HEAD + row)


def test_without_aeon_it_is_said_how_to_install_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(FileNotFoundError, match="pip install --no-deps aeon"):
        SERIES["load"]("ItalyPowerDemand", "train")


def test_a_series_that_aeon_has_not_is_named(monkeypatch, tmp_path):
    (tmp_path / "__init__.py").touch()
    spec = importlib.util.spec_from_file_location(
        "aeon", tmp_path / "__init__.py", submodule_search_locations=[str(tmp_path)]
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(FileNotFoundError, match="no series 'Moon'"):
        SERIES["load"]("Moon", "train")
