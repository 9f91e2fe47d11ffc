"""The searches in a folder, read without changing anything.

No lock is taken. SQLite would write files beside a database that it opens, so each
search's database is copied and read elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MEMORY = "memory.sqlite"
FORMAT = 2  # of the database, as in kerasblocks.search.store
RUNNING, FINISHED, INTERRUPTED = "running", "finished", "interrupted"
TIME_UP, FAILED, BROKEN = "time up", "failed", "broken"
_OUTCOMES = {"exhausted": FINISHED, "time": TIME_UP, "failed": FAILED}
# Where SQLite locks a file that one process has for itself (its file format, 1.1).
_LOCK_BYTES = 0x40000000, 512


@dataclass(frozen=True)
class Row:
    """One search in the list.

    Args:
        folder: Where it is.
        study: Its name; None, like all that follows, if it cannot be read.
        finished: How many trials have ended for good.
        trials: How many there are to be, if that is known.
        best: The best score, of the first objective.
        objectives: Their names.
        active: When it was last active, ISO 8601 in UTC.
        state: `running` (another process holds the folder), `finished`,
            `interrupted`, `time up`, `failed` or `broken`.
        error: Why it is broken.
    """

    folder: str
    study: str | None = None
    finished: int | None = None
    trials: int | None = None
    best: float | None = None
    objectives: tuple[str, ...] = ()
    active: str | None = None
    state: str = BROKEN
    error: str | None = None


def rows(folder: Path) -> list[Row]:
    """Return the searches in a folder, the one that was active last first.

    Args:
        folder: A folder of searches, or a search's own.
    """
    found = []
    for place in [folder, *sorted(folder.iterdir())]:
        try:
            if (place / MEMORY).exists():
                found.append(row(place))
        except OSError as error:
            found.append(Row(str(place), error=error.strerror or str(error)))
    return sorted(found, key=lambda each: each.active or "", reverse=True)


def row(folder: Path) -> Row:
    """Return the facts of one search.

    Args:
        folder: Its folder.
    """
    held = is_held(folder / ".lock")
    try:
        with copied(folder / MEMORY) as memory:
            facts = _read(memory, held)
    except (sqlite3.Error, ValueError, TypeError, KeyError) as error:
        return Row(str(folder), error=f"{folder / MEMORY} cannot be read: {error}")
    return Row(str(folder), **facts)


@contextlib.contextmanager
def copied(memory: Path) -> Iterator[Path]:
    """Give a consistent copy of a database that may be written to meanwhile.

    Args:
        memory: The SQLite file; the newest changes are in the log beside it.
    """
    log = memory.with_name(f"{memory.name}-wal")
    with tempfile.TemporaryDirectory(prefix="kerasblocks-") as elsewhere:
        copy = Path(elsewhere) / memory.name
        for _ in range(20):
            before = _state(memory)
            shutil.copyfile(memory, copy)
            copy.with_name(log.name).unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(log, copy.with_name(log.name))
            # The log may grow meanwhile: SQLite ignores an incomplete entry.
            if _state(memory) == before:
                break
        yield copy


def is_held(lock: Path) -> bool:
    """Return whether another process holds a folder, without taking the lock.

    Args:
        lock: The file that SQLite locks. Always False on Windows.
    """
    try:
        import fcntl

        with lock.open("rb") as file:
            order, write = _order(), fcntl.F_WRLCK
            start, length = _LOCK_BYTES
            values = {"type": write, "whence": 0, "start": start, "len": length}
            asked = struct.pack(order[0], *(values.get(k, 0) for k in order[1]))
            told = fcntl.fcntl(file, fcntl.F_GETLK, asked)
            kind = struct.unpack(order[0], told)[order[1].index("type")]
            return kind != fcntl.F_UNLCK
    except (ImportError, OSError):
        return False


def _order() -> tuple[str, tuple[str, ...]]:
    """The layout of the system's `struct flock`."""
    if sys.platform == "darwin" or "bsd" in sys.platform:
        return "qqihh", ("start", "len", "pid", "type", "whence")
    return "hhqqi4x", ("type", "whence", "start", "len", "pid")


def _state(file: Path) -> tuple[int, int]:
    stat = os.stat(file)
    return stat.st_mtime_ns, stat.st_size


def _read(memory: Path, held: bool) -> dict[str, Any]:
    with contextlib.closing(sqlite3.connect(memory)) as db:
        db.row_factory = sqlite3.Row
        version = _one(db, "PRAGMA user_version")
        if version != FORMAT:
            when = "an earlier" if version < FORMAT else "a later"
            raise ValueError(f"{when} kerasblocks wrote it (format {version})")
        study = db.execute("SELECT * FROM study").fetchone()
        if study is None:
            raise ValueError("it holds no study yet")
        ended = "status IN ('COMPLETED', 'PRUNED', 'FAILED')"
        finished = _one(db, f"SELECT count(*) FROM trials WHERE {ended}")
        best = "max" if study["direction"].split(", ")[0] == "max" else "min"
        done = "SELECT {}(score) FROM trials WHERE status = 'COMPLETED'"
        session = db.execute("SELECT * FROM sessions ORDER BY id DESC").fetchone()
        times = [
            _one(db, f"SELECT max({column}) FROM {table}")
            for table, column in (
                *(("sessions", "started"), ("sessions", "ended")),
                *(("attempts", "started"), ("attempts", "ended"), ("epochs", "at")),
            )
        ]
        trials, outcome = None, None
        if session is not None:
            trials = json.loads(session["settings"]).get("trials")
            outcome = session["outcome"]
        return {
            "study": study["name"],
            "finished": finished,
            "trials": trials,
            "best": _one(db, done.format(best)),
            "objectives": tuple(study["objective"].split(", ")),
            "active": max([study["created"], *filter(None, times)]),
            "state": _stands(held, finished, trials, outcome),
        }


def _stands(held: bool, finished: int, trials: int | None, outcome: str | None) -> str:
    if held:
        return RUNNING
    if outcome == "finished" or (trials is not None and finished >= trials):
        return FINISHED
    return _OUTCOMES.get(outcome or "", INTERRUPTED)


def _one(db: sqlite3.Connection, query: str) -> Any:
    return db.execute(query).fetchone()[0]


def ago(when: str | None, now: datetime | None = None) -> str:
    """Say how long ago it was.

    Args:
        when: ISO 8601.
        now: The time to count from.

    Example:
        >>> noon = datetime(2026, 1, 2, 12, tzinfo=UTC)
        >>> ago("2026-01-02T11:58:30+00:00", noon), ago("2026-01-01T09:00+00:00", noon)
        ('1 min ago', '1 day ago')
    """
    if when is None:
        return "-"
    past = ((now or datetime.now(UTC)) - datetime.fromisoformat(when)).total_seconds()
    for unit, size in (("day", 86400), ("h", 3600), ("min", 60)):
        if past >= size:
            many = int(past // size)
            return f"{many} {unit}{'s' * (unit == 'day' and many > 1)} ago"
    return "now" if past < 10 else f"{int(past)} s ago"
