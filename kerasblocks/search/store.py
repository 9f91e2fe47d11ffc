"""The memory of a study: one SQLite file, one transaction an event."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasblocks.search.errors import StudyError
from kerasblocks.search.trial import INTERRUPTED, RUNNING, Trial, dumps

FORMAT = 1

_TABLES = """
CREATE TABLE study (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL, objective TEXT NOT NULL, direction TEXT NOT NULL,
    seed INTEGER NOT NULL, oracle TEXT NOT NULL, created TEXT NOT NULL,
    space TEXT NOT NULL, oracle_state TEXT
);
CREATE TABLE trials (
    number INTEGER PRIMARY KEY, oracle_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL
        CHECK (status IN ('RUNNING', 'COMPLETED', 'FAILED', 'INTERRUPTED')),
    point TEXT NOT NULL, seed INTEGER NOT NULL, attempts INTEGER NOT NULL,
    score REAL, best_epoch INTEGER, params INTEGER, seconds REAL,
    error TEXT, traceback TEXT, started TEXT NOT NULL, ended TEXT
);
CREATE TABLE epochs (
    number INTEGER NOT NULL REFERENCES trials (number),
    epoch INTEGER NOT NULL, metrics TEXT NOT NULL,
    PRIMARY KEY (number, epoch)
);
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, ended TEXT, outcome TEXT,
    settings TEXT NOT NULL, versions TEXT NOT NULL
);
CREATE TABLE tests (
    number INTEGER PRIMARY KEY REFERENCES trials (number), metrics TEXT NOT NULL
);
"""


class Store:
    """Open, or begin, the memory in a file.

    Every method that writes is one transaction: a kill leaves the state before
    it or the state after it.

    Args:
        path: The SQLite file.

    Raises:
        StudyError: The file is no memory, or of a later version.

    Example:
        >>> store = Store(":memory:")
        >>> store.study() is None, store.trials()
        (True, [])
        >>> store.close()
    """

    def __init__(self, path: str | Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        try:
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                with self._transaction():
                    for statement in _TABLES.split(";")[:-1]:
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {FORMAT}")
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise StudyError(f"{path} is not a study's memory: {error}") from error
        if version > FORMAT:
            self._db.close()
            raise StudyError(
                f"{path} was written by a later kerasblocks (format {version}, "
                f"this one reads {FORMAT}): upgrade kerasblocks to go on"
            )

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def study(self) -> dict[str, Any] | None:
        """Return the study's row, `space` and `oracle_state` as data, or None."""
        row = self._db.execute("SELECT * FROM study").fetchone()
        if row is None:
            return None
        study = dict(row)
        study["space"] = json.loads(study["space"])
        study["oracle_state"] = json.loads(study["oracle_state"] or "null")
        return study

    def begin_study(self, **row: Any) -> None:
        """Remember whose memory this is: name, objective, direction, seed, ..."""
        with self._transaction():
            self._insert("study", id=1, created=_now(), **row)

    def change_study(self, oracle: str, space: list[dict[str, Any]]) -> None:
        """Remember that the study has another oracle or search space now."""
        with self._transaction():
            self._db.execute(
                "UPDATE study SET oracle = ?, space = ?", (oracle, dumps(space))
            )

    def begin_session(self, settings: Mapping[str, Any], versions: Any) -> int:
        """Remember that a process took the study up; return its number."""
        with self._transaction():
            return self._insert(
                "sessions",
                started=_now(),
                settings=dumps(settings),
                versions=dumps(versions),
            )

    def end_session(self, session: int, outcome: str) -> None:
        """Remember how it ended."""
        with self._transaction():
            self._db.execute(
                "UPDATE sessions SET ended = ?, outcome = ? WHERE id = ?",
                (_now(), outcome, session),
            )

    def last_settings(self) -> dict[str, Any] | None:
        """Return the settings of the latest session, or None."""
        row = self._db.execute(
            "SELECT settings FROM sessions ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return None if row is None else json.loads(row["settings"])

    def begin_trial(self, trial: Trial, oracle_state: Any) -> None:
        """Remember a trial that is about to run, and the oracle that chose it."""
        with self._transaction():
            self._insert(
                "trials",
                number=trial.number,
                oracle_id=trial.oracle_id,
                status=RUNNING,
                point=dumps(trial.point),
                seed=trial.seed,
                attempts=1,
                started=_now(),
            )
            self._remember_oracle(oracle_state)

    def restart_trial(self, number: int) -> None:
        """Begin an unfinished trial again: what it reported is dropped."""
        with self._transaction():
            self._db.execute("DELETE FROM epochs WHERE number = ?", (number,))
            self._update(number, status=RUNNING, started=_now())
            self._db.execute(
                "UPDATE trials SET attempts = attempts + 1 WHERE number = ?", (number,)
            )

    def add_epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Remember one epoch's metrics."""
        with self._transaction():
            self._insert("epochs", number=number, epoch=epoch, metrics=dumps(metrics))

    def end_trial(self, trial: Trial, oracle_state: Any) -> None:
        """Remember how a trial ended."""
        with self._transaction():
            self._update(
                trial.number,
                status=trial.status,
                point=dumps(trial.point),
                score=trial.score,
                best_epoch=trial.best_epoch,
                params=trial.params,
                seconds=trial.seconds,
                error=trial.error,
                traceback=trial.traceback,
                ended=_now(),
            )
            self._remember_oracle(oracle_state)

    def interrupt_trial(self, number: int) -> None:
        """Remember that a trial was stopped on purpose and has yet to run."""
        with self._transaction():
            self._update(number, status=INTERRUPTED)

    def trials(self) -> list[Trial]:
        """Return every trial, by number."""
        epochs: dict[int, list[dict[str, float | None]]] = {}
        for row in self._db.execute("SELECT * FROM epochs ORDER BY number, epoch"):
            epochs.setdefault(row["number"], []).append(json.loads(row["metrics"]))
        trials = []
        for row in self._db.execute("SELECT * FROM trials ORDER BY number"):
            columns = {key: row[key] for key in row.keys()}  # noqa: SIM118
            del columns["started"], columns["ended"]
            columns["point"] = json.loads(columns["point"])
            trials.append(Trial(**columns, epochs=epochs.get(row["number"], [])))
        return trials

    def test(self, number: int) -> dict[str, float] | None:
        """Return what a trial's model was measured to do on the test data."""
        row = self._db.execute(
            "SELECT metrics FROM tests WHERE number = ?", (number,)
        ).fetchone()
        return None if row is None else json.loads(row["metrics"])

    def set_test(self, number: int, metrics: Mapping[str, float]) -> None:
        """Remember what a trial's model does on the test data."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO tests VALUES (?, ?)", (number, dumps(metrics))
            )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def _insert(self, table: str, **row: Any) -> int:
        marks = ", ".join("?" * len(row))
        cursor = self._db.execute(
            f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})",
            tuple(row.values()),
        )
        return int(cursor.lastrowid or 0)

    def _update(self, number: int, **row: Any) -> None:
        marks = ", ".join(f"{column} = ?" for column in row)
        self._db.execute(
            f"UPDATE trials SET {marks} WHERE number = ?", (*row.values(), number)
        )

    def _remember_oracle(self, state: Any) -> None:
        self._db.execute("UPDATE study SET oracle_state = ?", (dumps(state),))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
