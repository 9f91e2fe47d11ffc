"""What must hold of a study's folder at any moment, whoever was killed before."""

import contextlib
import json
import sqlite3
import zipfile
from pathlib import Path

ENDED = ("COMPLETED", "PRUNED", "FAILED")


def ask(folder, sql):
    """Returns the rows that a query gives."""
    memory = Path(folder) / "memory.sqlite"
    with contextlib.closing(sqlite3.connect(memory, timeout=30)) as database:
        return database.execute(sql).fetchall()


def finished(folder):
    """Returns what is remembered of each trial that ended, by number."""
    if not (Path(folder) / "memory.sqlite").exists():
        return {}
    with contextlib.suppress(sqlite3.OperationalError):
        rows = ask(
            folder,
            "SELECT number, status, score, best_epoch, seconds, point FROM trials "
            f"WHERE status IN {ENDED}",
        )
        epochs = ask(folder, "SELECT number, epoch, metrics FROM epochs")
        return {
            row[0]: [
                *row[1:],
                *sorted(each[1:] for each in epochs if each[0] == row[0]),
            ]
            for row in rows
        }
    # Killed as it was made: there are no tables yet.
    return {}


def check(folder, before=None, models=None):
    """Asserts that the memory is sound, and holds what it held before a kill.

    Args:
        folder: The study's.
        before: What `finished` gave earlier.
        models: How many models may be on disk at most; None for any number.

    Returns:
        What `finished` gives now.
    """
    now = finished(folder)
    for number, kept in (before or {}).items():
        assert now.get(number) == kept, (
            f"trial {number} was {kept}, is {now.get(number)}"
        )
    _check_files(Path(folder), models)
    if not (Path(folder) / "memory.sqlite").exists():
        return now
    assert ask(folder, "PRAGMA integrity_check") == [("ok",)]
    assert ask(folder, "PRAGMA foreign_key_check") == []
    if not ask(folder, "SELECT name FROM sqlite_master WHERE name = 'trials'"):
        return now
    numbers = [number for (number,) in ask(folder, "SELECT number FROM trials")]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    for table, column in (("attempts", "attempt"), ("epochs", "epoch")):
        rows = ask(folder, f"SELECT number, {column} FROM {table}")
        for number in numbers:
            found = sorted(value for trial, value in rows if trial == number)
            first = found[0] if found and table == "epochs" else 1
            assert found == list(range(first, first + len(found))), (number, table)
    twice = "SELECT number FROM attempts WHERE status IN ('COMPLETED', 'PRUNED') "
    assert ask(folder, twice + "GROUP BY number HAVING count(*) > 1") == []
    return now


def check_whole(folder, trials, before=None, keep=3, failed=()):
    """Asserts that a study ended with each of its trials, once.

    Args:
        folder: The study's.
        trials: How many it was to have.
        before: What `finished` gave earlier.
        keep: The study's `keep`.
        failed: The numbers of the trials that have failed, and were to.

    Returns:
        What `finished` gives now.
    """
    now = check(folder, before, models=keep)
    assert sorted(now) == list(range(1, trials + 1))
    lost = [number for number, row in now.items() if row[0] == "FAILED"]
    assert lost == list(failed), {number: now[number] for number in lost}
    assert {row[0] for row in now.values()} <= {*ENDED}
    points = [json.dumps(json.loads(row[4])["values"]) for row in now.values()]
    assert len(set(points)) == trials
    table = json.loads((Path(folder) / "trials.json").read_text())
    assert [trial["number"] for trial in table["trials"]] == sorted(now)
    assert (Path(folder) / "best.keras").exists()
    assert not list(Path(folder).rglob(".*.tmp.*"))
    return now


def _check_files(folder, models):
    """Asserts that each file is whole; a draft that a kill left is none yet."""
    kept = list(folder.glob("models/trial-*.keras"))
    assert models is None or len(kept) <= models, kept
    for path in [*kept, *folder.glob("best.keras"), *folder.glob("checkpoints/t*.npz")]:
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None, path
    for path in folder.glob("trials.json"):
        assert json.loads(path.read_text())["trials"] is not None
