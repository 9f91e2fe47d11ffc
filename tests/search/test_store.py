import sqlite3
from dataclasses import replace

import pytest

from kerasblocks.search import StudyError
from kerasblocks.search.store import Store, now
from kerasblocks.search.trial import Attempt, Trial

POINT = {"space": [], "values": {"units": 8}}


def begun(path):
    store = Store(path)
    store.begin_study(
        name="s", objective="val_loss", direction="min", seed=0, oracle="o", space="[]"
    )
    return store


def test_trial_comes_back_as_it_was_put_in(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    trial = Trial(1, "INTERRUPTED", POINT, 5, oracle_id="0", until=9, costs={"macs": 3})
    store.begin_trial(trial, {"a": 1})
    first = Attempt(1, "worker 1", "2026-01-01T00:00:00.000+00:00")
    store.begin_attempt(1, first, seed=5)
    store.add_epoch(1, 1, {"loss": float("nan"), "val_loss": 0.5})
    running = replace(
        trial,
        status="RUNNING",
        attempts=[first],
        epochs=[{"loss": None, "val_loss": 0.5}],
    )
    assert store.trials() == [running]
    assert store.study()["oracle_state"] == {"a": 1}
    ended = replace(
        running,
        status="COMPLETED",
        score=0.5,
        objectives={"val_loss": 0.5},
        best_epoch=1,
        seconds=2.0,
        attempts=[replace(first, ended="2026-01-01T00:00:02", status="COMPLETED")],
    )
    store.end_attempt(ended, {"a": 2})
    store.close()
    again = Store(tmp_path / "m.sqlite")
    assert again.trials() == [ended]
    assert again.study()["oracle_state"] == {"a": 2}
    again.close()


def test_trial_that_goes_on_keeps_the_epochs_before_its_checkpoint(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    store.begin_trial(Trial(1, "INTERRUPTED", POINT, 5, oracle_id="0"), None)
    store.begin_attempt(1, Attempt(1, "worker 1", now()), seed=5)
    for epoch in (1, 2, 3):
        store.add_epoch(1, epoch, {"val_loss": epoch})
    store.interrupt()
    (trial,) = store.trials()
    assert trial.status == "INTERRUPTED"
    assert trial.attempts[0].status == "INTERRUPTED"
    assert trial.attempts[0].ended >= trial.attempts[0].started
    store.begin_attempt(1, Attempt(2, "worker 2", now(), epoch=3), seed=5)
    assert store.trials()[0].epochs == [{"val_loss": 1}, {"val_loss": 2}]
    store.add_epoch(1, 3, {"val_loss": 7})
    store.interrupt("2099-01-01T00:00:00")
    (trial,) = store.trials()
    assert trial.epochs == [{"val_loss": 1}, {"val_loss": 2}, {"val_loss": 7}]
    assert [attempt.worker for attempt in trial.attempts] == ["worker 1", "worker 2"]
    assert trial.attempts[1].ended == "2099-01-01T00:00:00"
    store.close()


def test_event_that_fails_leaves_nothing_of_itself(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    store.begin_trial(Trial(1, "INTERRUPTED", POINT, 0, oracle_id="0"), "before")
    with pytest.raises(sqlite3.IntegrityError):
        store.begin_trial(Trial(2, "INTERRUPTED", POINT, 0, oracle_id="0"), "after")
    attempt = Attempt(1, "worker 1", now())
    store.begin_attempt(1, attempt, seed=0)
    failed = Trial(1, "FAILED", POINT, 0, attempts=[attempt])
    with pytest.raises(TypeError):
        store.end_attempt(failed, object())
    assert [trial.status for trial in store.trials()] == ["RUNNING"]
    assert store.study()["oracle_state"] == "before"
    store.close()


def test_sessions_keep_settings_and_versions(tmp_path):
    store = begun(tmp_path / "m.sqlite")
    session = store.begin_session({"epochs": 3}, {"keras": "3"})
    store.end_session(session, "finished")
    (row,) = store.sessions()
    assert (row["outcome"], row["settings"]) == ("finished", {"epochs": 3})
    assert row["versions"] == {"keras": "3"}
    store.close()


def test_file_that_is_no_memory_is_refused(tmp_path):
    path = tmp_path / "m.sqlite"
    path.write_text("nothing like a database, and long enough to be read" * 9)
    with pytest.raises(StudyError, match="is not a study's memory"):
        Store(path)


def test_memory_of_another_version_is_refused(tmp_path):
    path = tmp_path / "m.sqlite"
    begun(path).close()
    with sqlite3.connect(path) as memory:
        memory.execute("PRAGMA user_version = 99")
    memory.close()
    with pytest.raises(StudyError, match="by a later kerasblocks"):
        Store(path)
    with sqlite3.connect(path) as memory:
        memory.execute("PRAGMA user_version = 1")
    memory.close()
    with pytest.raises(StudyError, match=r"by an earlier kerasblocks.*--fresh"):
        Store(path)


def test_memory_that_can_only_be_read_is_read_as_it_lies(tmp_path, monkeypatch):
    begun(tmp_path / "m.sqlite").close()
    # Who runs the tests may be root, who can write everywhere.
    monkeypatch.setattr("os.access", lambda *_: False)
    before = sorted(path.name for path in tmp_path.iterdir())
    store = Store(tmp_path / "m.sqlite")
    assert store.study() is not None
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        store.begin_session({}, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    store.close()
