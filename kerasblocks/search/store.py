"""The memory of a study: one SQLite file, one transaction an event."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kerasblocks.search.errors import StudyError
from kerasblocks.search.trial import INTERRUPTED, RUNNING, Attempt, Trial, dumps

FORMAT = 2

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
        CHECK (status IN ('RUNNING', 'COMPLETED', 'PRUNED', 'FAILED', 'INTERRUPTED')),
    point TEXT NOT NULL, seed INTEGER NOT NULL,
    until INTEGER, parent INTEGER, first_epoch INTEGER NOT NULL,
    score REAL, objectives TEXT NOT NULL, best_epoch INTEGER, costs TEXT NOT NULL,
    seconds REAL
);
CREATE TABLE attempts (
    number INTEGER NOT NULL REFERENCES trials (number),
    attempt INTEGER NOT NULL, worker TEXT NOT NULL,
    started TEXT NOT NULL, ended TEXT, status TEXT NOT NULL, epoch INTEGER NOT NULL,
    cause TEXT, error TEXT, traceback TEXT,
    PRIMARY KEY (number, attempt)
);
CREATE TABLE epochs (
    number INTEGER NOT NULL REFERENCES trials (number),
    epoch INTEGER NOT NULL, metrics TEXT NOT NULL, at TEXT NOT NULL,
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
        self._db = _connect(path)
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
        if 0 < version < FORMAT:
            self._db.close()
            raise StudyError(
                f"{path} was written by an earlier kerasblocks (format {version}, "
                f"this one reads {FORMAT}): begin anew with --fresh, which moves it "
                "aside"
            )
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
            self._insert("study", id=1, created=now(), **row)

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
                started=now(),
                settings=dumps(settings),
                versions=dumps(versions),
            )

    def end_session(self, session: int, outcome: str) -> None:
        """Remember how it ended."""
        with self._transaction():
            self._db.execute(
                "UPDATE sessions SET ended = ?, outcome = ? WHERE id = ?",
                (now(), outcome, session),
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
                "trials", number=trial.number, oracle_id=trial.oracle_id, **_row(trial)
            )
            self._remember_oracle(oracle_state)

    def begin_attempt(self, number: int, attempt: Attempt, seed: int) -> None:
        """Remember that a trial runs, for the first time or again."""
        with self._transaction():
            self._update(number, status=RUNNING, seed=seed)
            self._db.execute(
                "DELETE FROM epochs WHERE number = ? AND epoch >= ?",
                (number, attempt.epoch),
            )
            self._insert("attempts", number=number, **asdict(attempt))

    def add_epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Remember one epoch's metrics; what came of it and later ones is dropped.

        A trial that goes on from its checkpoint runs some epochs again.
        """
        with self._transaction():
            self._db.execute(
                "DELETE FROM epochs WHERE number = ? AND epoch >= ?", (number, epoch)
            )
            self._insert(
                "epochs", number=number, epoch=epoch, metrics=dumps(metrics), at=now()
            )

    def end_attempt(self, trial: Trial, oracle_state: Any = None) -> None:
        """Remember how a trial's last attempt ended, and so where the trial stands.

        Args:
            trial: The trial; one that is to run again is `INTERRUPTED`.
            oracle_state: The oracle that was told of it, if it was.
        """
        last = asdict(trial.attempts[-1])
        with self._transaction():
            self._update(trial.number, **_row(trial))
            self._db.execute(
                "UPDATE attempts SET ended = ?, status = ?, cause = ?, error = ?, "
                "traceback = ? WHERE number = ? AND attempt = ?",
                (
                    *(last[name] for name in ("ended", "status", "cause", "error")),
                    *(last["traceback"], trial.number, last["attempt"]),
                ),
            )
            if oracle_state is not None:
                self._remember_oracle(oracle_state)

    def interrupt(self, ended: str | None = None) -> None:
        """Remember of the trials that run that they do no more, and are to go on.

        Args:
            ended: When. By default nobody saw the end, since the process that
                searched was killed: the time is that of the last epoch, and the
                cause of the attempt's end `"killed"`.
        """
        with self._transaction():
            self._db.execute(
                "UPDATE attempts SET status = :status, cause = :cause, "
                "ended = coalesce(:ended, (SELECT max(at) "
                "FROM epochs WHERE epochs.number = attempts.number "
                "AND at > attempts.started), started) WHERE status = :running",
                {
                    "status": INTERRUPTED,
                    "cause": "killed" if ended is None else None,
                    "ended": ended,
                    "running": RUNNING,
                },
            )
            self._db.execute(
                "UPDATE trials SET status = ? WHERE status = ?", (INTERRUPTED, RUNNING)
            )

    def trials(self) -> list[Trial]:
        """Return every trial, by number."""
        epochs: dict[int, list[dict[str, float | None]]] = {}
        for row in self._db.execute(
            "SELECT number, epoch - first_epoch AS place, metrics "
            "FROM epochs JOIN trials USING (number) ORDER BY number, epoch"
        ):
            found = epochs.setdefault(row["number"], [])
            # A kill may come between an epoch's checkpoint and its metrics.
            found += [{} for _ in range(row["place"] - 1 - len(found))]
            found.append(json.loads(row["metrics"]))
        attempts: dict[int, list[Attempt]] = {}
        for row in self._db.execute("SELECT * FROM attempts ORDER BY number, attempt"):
            columns = dict(row)
            attempts.setdefault(columns.pop("number"), []).append(Attempt(**columns))
        trials = []
        for row in self._db.execute("SELECT * FROM trials ORDER BY number"):
            columns = dict(row)
            for name in ("point", "objectives", "costs"):
                columns[name] = json.loads(columns[name])
            number = columns["number"]
            trials.append(
                Trial(
                    **columns,
                    epochs=epochs.get(number, []),
                    attempts=attempts.get(number, []),
                )
            )
        return trials

    def sessions(self) -> list[dict[str, Any]]:
        """Return each process that took the study up."""
        found = [dict(row) for row in self._db.execute("SELECT * FROM sessions")]
        for session in found:
            for name in ("settings", "versions"):
                session[name] = json.loads(session[name])
        return found

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


def _connect(path: str | Path) -> sqlite3.Connection:
    """Open a file; one that can only be read, as it lies there."""
    file = Path(path)
    # What a killed process left beside it would be missed.
    whole = file.exists() and not file.with_name(f"{file.name}-wal").exists()
    if whole and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)):
        address = f"{file.absolute().as_uri()}?immutable=1"
        return sqlite3.connect(address, uri=True, isolation_level=None)
    return sqlite3.connect(path, isolation_level=None)


def now() -> str:
    """Return the time in UTC as ISO 8601, in milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _row(trial: Trial) -> dict[str, Any]:
    return {
        "status": trial.status,
        "point": dumps(trial.point),
        "seed": trial.seed,
        "until": trial.until,
        "parent": trial.parent,
        "first_epoch": trial.first_epoch,
        "score": trial.score,
        "objectives": dumps(trial.objectives),
        "best_epoch": trial.best_epoch,
        "costs": dumps(trial.costs),
        "seconds": trial.seconds,
    }
