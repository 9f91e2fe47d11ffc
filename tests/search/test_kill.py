"""Searches in processes of their own, ended the hard way and taken up again."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sysconfig.get_path("scripts")) / "kerasblocks"
STUDY = ROOT / "tests" / "search" / "slow_study.py"


def start(out):
    return subprocess.Popen(
        [sys.executable, SCRIPT, "search", STUDY, "--out", out],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ask(out, sql):
    with contextlib.closing(sqlite3.connect(out / "memory.sqlite")) as memory:
        return memory.execute(sql).fetchall()


def wait_for_mid_trial(process, out):
    """Returns once a trial has finished and an epoch of the next one too."""
    until = time.monotonic() + 120
    running = (
        "SELECT trials.number FROM trials JOIN epochs USING (number) "
        "WHERE status = 'RUNNING' AND number > 1"
    )
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(sqlite3.OperationalError):
            if (out / "memory.sqlite").exists() and ask(out, running):
                return
        time.sleep(0.02)
    raise AssertionError(process.communicate())


FINISHED = (
    "SELECT number, score, costs, seconds, point FROM trials "
    "WHERE status = 'COMPLETED' ORDER BY number"
)


@pytest.mark.slow
def test_sigkill_in_mid_trial_loses_nothing_that_had_finished(tmp_path):
    process = start(tmp_path)
    wait_for_mid_trial(process, tmp_path)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    before = ask(tmp_path, FINISHED)
    cut = ask(tmp_path, "SELECT number FROM trials WHERE status = 'RUNNING'")
    assert before
    assert len(cut) == 1
    again = start(tmp_path)
    said, errors = again.communicate(timeout=120)
    assert again.returncode == 0, errors
    assert f"{len(before)} of 4 trials are done, {4 - len(before)} to go" in said
    assert said.count("\ntrial ") == 4 - len(before)
    after = ask(tmp_path, FINISHED)
    assert after[: len(before)] == before
    assert [row[0] for row in after] == [1, 2, 3, 4]
    points = [json.dumps(json.loads(row[-1])["values"]) for row in after]
    assert len(set(points)) == 4
    assert ask(tmp_path, "SELECT number FROM attempts WHERE attempt = 2") == cut
    assert ask(tmp_path, "SELECT count(*), min(epoch), max(epoch) FROM epochs") == [
        (8, 1, 2)
    ]
    assert ask(tmp_path, "PRAGMA integrity_check") == [("ok",)]
    table = json.loads((tmp_path / "trials.json").read_text())
    assert [trial["number"] for trial in table["trials"]] == [1, 2, 3, 4]
    assert not list(tmp_path.rglob(".*.tmp.*"))


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(tmp_path):
    process = start(tmp_path)
    wait_for_mid_trial(process, tmp_path)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in said + errors
    finished = len(ask(tmp_path, FINISHED))
    assert f"interrupted: {finished} of 4 trials are finished" in said
    assert f"all is kept in {tmp_path}" in said
    assert "run the same command again to go on from there" in said
    statuses = {row[0] for row in ask(tmp_path, "SELECT status FROM trials")}
    assert statuses == {"COMPLETED", "INTERRUPTED"}
    assert ask(tmp_path, "SELECT outcome FROM sessions") == [("interrupted",)]
