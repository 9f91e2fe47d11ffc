"""`kerasblocks best`: which trial, in words and JSON, and its model elsewhere."""

import json
import shutil

import keras
import numpy as np
import pytest

from _kerasblocks_cli import main
from kerasblocks.search import read, run
from kerasblocks.search.display import Display
from kerasblocks.search.display.plain import Nowhere
from tests.search.studies import build, data, study


def fails_once(hp):
    model = build(hp)
    if len(BUILT) == 1:
        BUILT.append(0)
        raise ValueError("no such width")
    BUILT.append(1)
    return model


BUILT = []


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A folder with `runs/tiny` of 4 trials, of which the first failed."""
    root = tmp_path_factory.mktemp("best")
    BUILT.clear()
    made = study(trials=4, keep=2, hypermodel=fails_once)
    run(made, out=root / "runs" / "tiny", display=Display(Nowhere()))
    return root


@pytest.fixture
def folder(searched, tmp_path, monkeypatch):
    shutil.copytree(searched, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def call(command, capsys, code=0):
    assert main(["best", *command.split()]) == code
    return capsys.readouterr()


def test_the_best_trial_is_told_whole(folder, capsys):
    best = read("runs/tiny").best
    text = call("runs/tiny", capsys).out
    head, *lines = text.splitlines()
    number = best.number
    assert head == (
        f"study 'tiny' in runs/tiny: trial {number}, the best of 3 by val_accuracy"
    )
    assert f"  units  {best.values['units']}" in lines
    for title in ("objectives", "hyperparameters", "test data", "cost", "load it"):
        assert title in lines
    assert f"  parameters  {best.params:,}" in lines
    model = keras.saving.load_model(f"runs/tiny/models/trial-{number:04d}.keras")
    assert f"load_model('runs/tiny/models/trial-{number:04d}.keras')" in lines[-1]
    assert model.count_params() == best.params


def test_rank_and_trial_choose_and_json_tells_the_same(folder, capsys):
    result = read("runs/tiny")
    for rank, trial in enumerate(result.ranked, 1):
        told = json.loads(call(f"runs/tiny --rank {rank} --json", capsys).out)
        assert told == json.loads(
            call(f"runs/tiny --trial {trial.number} --json", capsys).out
        )
        assert (told["trial"], told["rank"], told["ranked"]) == (trial.number, rank, 3)
        assert told["score"] == trial.score
        assert told["hyperparameters"] == trial.values
        assert told["test"] == (result.test if rank == 1 else None)
        assert (told["model"] is None) == (rank == 3)
    failed = json.loads(call("runs/tiny --trial 1 --json", capsys).out)
    assert (failed["status"], failed["rank"]) == ("FAILED", None)
    text = call("runs/tiny --trial 1", capsys).out
    assert "trial 1, failed" in text
    assert "exception  ValueError: no such width" in text
    assert "load it" not in text


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("runs/tini", 2, "no search in runs/tini; did you mean runs/tiny?"),
        ("tiny", 2, "no search in tiny; did you mean runs/tiny?"),
        ("runs", 2, "runs holds no search (in it: runs/tiny)"),
        ("runs/tiny --trial 9", 2, "--trial: runs/tiny has trials 1 to 4, got 9"),
        ("runs/tiny --rank 4", 2, "--rank: 3 trials have completed, got 4"),
        ("runs/tiny --force", 2, "--force requires --export"),
        ("runs/tiny --export a.pt", 2, "ends with .keras, .weights.h5, .onnx, or no"),
        ("runs/tiny --export no/a.keras", 2, "--export: there is no folder no"),
        ("runs/tiny --export runs", 2, "runs exists; --force replaces it"),
        ("runs/tiny --export runs --force", 2, "a folder that holds no SavedModel"),
        ("runs/tiny --trial 1 --export a.keras", 1, "no model of trial 1 (failed)"),
    ],
)
def test_wrong_use_is_said_in_words_and_as_json(command, code, words, folder, capsys):
    for more in ("", " --json"):
        told = call(command + more, capsys, code)
        assert words in told.err
        if more:
            error = json.loads(told.out)
            assert (error["event"], error["code"]) == ("error", code)
            assert words in error["message"]
    assert not list(folder.glob(".*"))


def test_trial_and_rank_exclude_each_other(capsys):
    with pytest.raises(SystemExit):
        main(["best", "x", "--trial", "1", "--rank", "1"])
    assert "not allowed with" in capsys.readouterr().err


def test_nothing_completed_is_said(folder, capsys):
    import sqlite3

    with sqlite3.connect("runs/tiny/memory.sqlite") as memory:
        memory.execute("UPDATE trials SET status = 'FAILED' WHERE number < 4")
        memory.execute("UPDATE trials SET status = 'INTERRUPTED' WHERE number = 4")
    error = call("runs/tiny", capsys, code=1).err
    assert "no trial of runs/tiny has completed (3 failed, 1 interrupted)" in error


def test_model_is_exported_whole_and_replaces_only_by_force(folder, capsys):
    expected = read("runs/tiny").best_model()
    x = data().test[0]
    wanted = expected.predict(x, verbose=0)
    assert "exported to out.keras" in call("runs/tiny --export out.keras", capsys).out
    got = keras.saving.load_model("out.keras")
    np.testing.assert_array_equal(got.predict(x, verbose=0), wanted)

    (folder / "m.weights.h5").write_text("mine")
    command = "runs/tiny --export m.weights.h5"
    assert "--force replaces it" in call(command, capsys, code=2).err
    assert (folder / "m.weights.h5").read_text() == "mine"
    told = json.loads(call(f"{command} --force --json", capsys).out)
    assert told["exported"] == "m.weights.h5"
    fresh = keras.models.clone_model(expected)
    fresh.load_weights("m.weights.h5")
    np.testing.assert_array_equal(fresh.predict(x, verbose=0), wanted)
    assert {path.name for path in folder.iterdir()} == {
        *("runs", "out.keras", "m.weights.h5")
    }


def test_failed_export_leaves_what_was_there(folder, capsys, monkeypatch):
    (folder / "m.onnx").write_text("mine")

    def fail(*args, **options):
        raise ModuleNotFoundError("No module named 'onnx'", name="onnx")

    monkeypatch.setattr(keras.Model, "export", fail)
    told = call("runs/tiny --export m.onnx --force", capsys, code=1)
    assert "a package is missing to write onnx: pip install onnx" in told.err
    assert (folder / "m.onnx").read_text() == "mine"
    for file in (folder / "runs/tiny").rglob("*.keras"):
        file.write_bytes(b"no model")
    told = call("runs/tiny --export w.weights.h5", capsys, code=1)
    assert "cannot be loaded here" in told.err
    assert {path.name for path in folder.iterdir()} == {"runs", "m.onnx"}


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="takes tensorflow")
def test_saved_model_replaces_a_saved_model(folder, capsys):
    import tensorflow as tf

    for more in ("", " --force"):
        call(f"runs/tiny --export served{more}", capsys)
    x = data().test[0]
    loaded = tf.saved_model.load("served")
    expected = read("runs/tiny").best_model()(x)
    np.testing.assert_allclose(loaded.serve(x), expected, atol=1e-6)
    assert {path.name for path in folder.iterdir()} == {"runs", "served"}
