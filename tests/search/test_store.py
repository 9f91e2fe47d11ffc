import sqlite3

import pytest

from kerasblocks.search import StudyError
from kerasblocks.search.store import Store
from kerasblocks.search.trial import Trial

POINT = {"space": [], "values": {"units": 8}}


def begun(path):
    store = Store(path)
    store.begin_study(
        name="s", objective="val_loss", direction="min", seed=0, oracle="o", space="[]"
    )
    return store


def test_trial_comes_back_as_it_was_put_in(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    trial = Trial(1, "RUNNING", POINT, 5, oracle_id="0")
    store.begin_trial(trial, {"a": 1})
    store.add_epoch(1, 1, {"loss": float("nan"), "val_loss": 0.5})
    assert store.trials() == [
        Trial(
            **{**vars(trial), "epochs": [{"loss": None, "val_loss": 0.5}]},
        )
    ]
    assert store.study()["oracle_state"] == {"a": 1}
    store.restart_trial(1)
    store.close()
    again = Store(tmp_path / "m.sqlite")
    assert again.trials() == [Trial(**{**vars(trial), "attempts": 2})]
    again.close()


def test_event_that_fails_leaves_nothing_of_itself(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    store.begin_trial(Trial(1, "RUNNING", POINT, 0, oracle_id="0"), "before")
    with pytest.raises(sqlite3.IntegrityError):
        store.begin_trial(Trial(2, "RUNNING", POINT, 0, oracle_id="0"), "after")
    with pytest.raises(TypeError):
        store.end_trial(Trial(1, "FAILED", POINT, 0), object())
    assert [trial.status for trial in store.trials()] == ["RUNNING"]
    assert store.study()["oracle_state"] == "before"
    store.close()


def test_file_that_is_no_memory_is_refused(tmp_path):
    path = tmp_path / "m.sqlite"
    path.write_text("nothing like a database, and long enough to be read" * 9)
    with pytest.raises(StudyError, match="is not a study's memory"):
        Store(path)


def test_memory_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "m.sqlite"
    begun(path).close()
    with sqlite3.connect(path) as memory:
        memory.execute("PRAGMA user_version = 99")
    memory.close()
    with pytest.raises(StudyError, match="by a later kerasblocks"):
        Store(path)
