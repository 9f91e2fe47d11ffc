import csv
import dataclasses
import json
import time

import keras_tuner as kt

from kerasblocks.search import Attempt, Result, Trial
from kerasblocks.search.folder import Folder
from kerasblocks.search.report import write_tables
from tests.search.report.made import made, point


def result(folder):
    def trial(number, status, score, **more):
        values = {"units": number * 2.0, "seed": 0.5}
        epochs = [{"val_loss": score}, {"val_loss": None}]
        costs = {"parameters": 10.0, "macs": 99.0}
        return Trial(
            number,
            status,
            point(values),
            number,
            score=score,
            best_epoch=1,
            costs=costs,
            seconds=1.5,
            epochs=epochs,
            **more,
        )

    failed = Attempt(
        *(1, "worker 2", "2026-01-31T10:00:00+00:00", None, "FAILED", 1),
        cause="nan",
        error='"bad", and\nworse',
        traceback="whole",
    )
    trials = [
        trial(1, "COMPLETED", 0.5),
        trial(2, "FAILED", None, attempts=[failed, failed]),
        trial(3, "COMPLETED", 0.25),
    ]
    goals = [kt.Objective("val_loss", "min"), kt.Objective("macs", "min")]
    return Result("mine", goals, 0, folder, trials, {"loss": 0.125})


def read(folder):
    with (folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file)), json.loads(
            (folder / "trials.json").read_text()
        )


def test_tables_hold_every_trial(tmp_path):
    write_tables(result(tmp_path), Folder(tmp_path))
    rows, table = read(tmp_path)
    assert [row["status"] for row in rows] == ["COMPLETED", "FAILED", "COMPLETED"]
    assert [row["units"] for row in rows] == ["2.0", "4.0", "6.0"]
    assert [row["macs"] for row in rows] == ["99.0"] * 3
    assert rows[1]["error"] == '"bad", and\nworse'
    assert (rows[1]["cause"], rows[1]["attempts"]) == ("nan", "2")
    assert table["best"] == 3
    assert table["test"] == {"loss": 0.125}
    assert [goal["name"] for goal in table["objectives"]] == ["val_loss", "macs"]
    assert table["trials"][1]["attempts"][0]["traceback"] == "whole"
    assert table["trials"][2]["epochs"] == [{"val_loss": 0.25}, {"val_loss": None}]
    assert {path.name for path in tmp_path.iterdir()} == {"trials.csv", "trials.json"}


def test_a_hyperparameter_may_be_called_as_a_column_is(tmp_path):
    write_tables(result(tmp_path), Folder(tmp_path))
    rows, _ = read(tmp_path)
    assert [row["seed"] for row in rows] == ["1", "2", "3"]
    assert {row["hyperparameter seed"] for row in rows} == {"0.5"}


def test_json_has_no_nan(tmp_path):
    found = result(tmp_path)
    found.trials[0].epochs[0]["val_loss"] = float("nan")
    write_tables(found, Folder(tmp_path))
    _, table = read(tmp_path)
    assert table["trials"][0]["epochs"][0] == {"val_loss": None}


def test_tables_of_no_trial(tmp_path):
    write_tables(dataclasses.replace(result(tmp_path), trials=[]), Folder(tmp_path))
    rows, table = read(tmp_path)
    assert (rows, table["trials"], table["best"]) == ([], [], None)


def test_tables_are_cheap(tmp_path):
    found = made(300, tmp_path, epochs=30)
    begun = time.process_time()
    write_tables(found, Folder(tmp_path))
    assert time.process_time() - begun < 0.5
