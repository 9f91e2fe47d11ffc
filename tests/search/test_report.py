import csv
import io
import json
import re

import keras_tuner as kt
from matplotlib.image import imread

from kerasblocks.search import Result
from kerasblocks.search.display import Display, LiveDisplay
from kerasblocks.search.folder import Folder
from kerasblocks.search.report import draw, write_tables
from kerasblocks.search.trial import Trial


class Terminal(io.StringIO):
    def isatty(self):
        return True


def result(folder, names=("units", "rate")):
    def trial(number, status, score, **more):
        space = [
            {"class_name": "Int", "config": {"name": name, "min_value": 1}}
            for name in names
        ]
        values = dict.fromkeys(names, number * 2)
        point = {"space": space, "values": values}
        epochs = [{"val_loss": score}, {"val_loss": None}]
        more = {"score": score, "best_epoch": 1, "params": 10, "seconds": 1.5} | more
        return Trial(number, status, point, number, epochs=epochs, **more)

    trials = [
        trial(1, "COMPLETED", 0.5),
        trial(2, "FAILED", None, error='"bad", and\nworse', traceback="whole"),
        trial(3, "COMPLETED", 0.25),
    ]
    goal = kt.Objective("val_loss", "min")
    return Result("mine", goal, 0, folder, trials, {"loss": 0.125})


def test_tables_hold_every_trial(tmp_path):
    write_tables(result(tmp_path), Folder(tmp_path))
    with (tmp_path / "trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert [row["units"] for row in rows] == ["2", "4", "6"]
    assert rows[1]["error"] == '"bad", and\nworse'
    table = json.loads((tmp_path / "trials.json").read_text())
    assert table["best"] == 3
    assert table["test"] == {"loss": 0.125}
    assert table["trials"][1]["traceback"] == "whole"
    assert table["trials"][2]["epochs"] == [{"val_loss": 0.25}, {"val_loss": None}]
    assert {path.name for path in tmp_path.iterdir()} == {"trials.csv", "trials.json"}


def test_picture_is_one(tmp_path):
    draw(result(tmp_path), Folder(tmp_path))
    height, width, _ = imread(tmp_path / "scores.png").shape
    assert (width, height) == (1430, 598)


def test_table_fits_a_terminal_and_is_whole_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    names = [f"block_{index}/filters" for index in range(8)]
    for stream in (io.StringIO(), Terminal()):
        Display(stream).results(result(tmp_path, names))
        lines = stream.getvalue().splitlines()
        assert "…" not in stream.getvalue()
        if stream.isatty():
            assert max(len(re.sub(r"\x1b\[[0-9]*m", "", line)) for line in lines) <= 80
            assert "hyperparameters" in stream.getvalue()
        else:
            assert all(name in lines[1] for name in names)


def test_trials_line_says_what_matters(tmp_path):
    for kind, stream in ((Display, io.StringIO()), (LiveDisplay, Terminal())):
        display = kind(stream)
        found = result(tmp_path)
        display.begin(found.goal, 0, 3, None)
        for trial in found.trials:
            display.trial_begins(trial.number, trial.values, 2)
            display.epoch(trial.number, 1, {"val_loss": 0.5})
            display.trial_ends(trial)
        display.end()
        said = stream.getvalue()
        line = "trial 1/3  val_loss 0.5000*        10 params   1.5 s  units=2 rate=2\n"
        assert line in said
        assert 'trial 2/3  FAILED after 1.5 s: "bad", and' in said
