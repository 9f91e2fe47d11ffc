"""Studies whose driver and workers are killed at random moments, again and again.

Under the `thorough` profile 40 trials and 50 kills for each executor; else a few. For a
cluster see executors/test_ray.py.
"""

import collections
import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import psutil
import pytest

from kerasblocks.search import read
from kerasblocks.search.loop import DEATHS
from kerasblocks.search.store import now
from tests.search.invariants import ask, check, check_whole

ROOT = Path(__file__).parents[2]
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
PROGRAM = [sys.executable, "-m", "tests.search.killable"]
PATIENCE = 300


class Searches:
    """Starts searches in processes of their own.

    Half of those of the thorough profile are programs of their own, to be killed as
    they import; the others are forks of one that has.
    """

    def __init__(self, folder):
        self.folder, self.log = folder, folder.with_suffix(".log")
        self._server = None
        self._program = None

    def start(self, program=False, **options):
        options = {"out": str(self.folder), "log": str(self.log), **options}
        self.began = now()
        if program:
            self._program = self._open([*PROGRAM, json.dumps(options)])
            self.pid = self._program.pid
            return
        self._program = None
        if self._server is None:
            self._server = self._open(PROGRAM)
        self._server.stdin.write(json.dumps(options) + "\n")
        self._server.stdin.flush()
        self.pid = int(self._server.stdout.readline())

    def wait(self):
        """The exit code of the search, once it has ended."""
        if self._program is not None:
            self._program.communicate(timeout=PATIENCE)
            return self._program.returncode
        return int(self._server.stdout.readline())

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        code = self.wait()
        assert code in (-signal.SIGKILL, 0), self.said()
        return code != 0

    def children(self):
        """The processes that the search has started, and they in turn."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    def wait_for(self, epochs):
        """Waits until this search has a trial and so many epochs, or has ended."""
        table, column = ("epochs", "at") if epochs else ("attempts", "started")
        sql = f"SELECT count(*) FROM {table} WHERE {column} >= '{self.began}'"
        until = time.monotonic() + PATIENCE
        while not self._gone():
            with contextlib.suppress(sqlite3.OperationalError):
                if self.memory.exists() and ask(self.folder, sql)[0][0] >= (
                    epochs or 1
                ):
                    return
            assert time.monotonic() < until, self.said()
            time.sleep(0.02)

    @property
    def memory(self):
        return self.folder / "memory.sqlite"

    def said(self):
        return self.log.read_text() if self.log.exists() else ""

    def close(self):
        for process in (self._server, self._program):
            if process is not None:
                process.kill()
                process.communicate()

    def _gone(self):
        # One that was forked stays a zombie until its end is asked for.
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
        return True

    def _open(self, command):
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )


@pytest.fixture
def searches(tmp_path):
    searches = Searches(tmp_path / "out")
    yield searches
    searches.close()


def given_up(folder):
    """The trials in which the driver died too often, without one more epoch."""
    found = [trial for trial in read(folder).trials if trial.status == "FAILED"]
    for trial in found:
        causes = [attempt.cause for attempt in trial.attempts[-DEATHS:]]
        assert causes == ["killed"] * DEATHS
        assert len({attempt.epoch for attempt in trial.attempts[-DEATHS:]}) == 1
    return [trial.number for trial in found]


def phase(searches):
    """Where a kill came: in a trial, or before, between and after trials."""
    sql = f"SELECT 1 FROM attempts WHERE started >= '{searches.began}' AND status = "
    with contextlib.suppress(sqlite3.OperationalError):
        if ask(searches.folder, sql + "'RUNNING'"):
            return "in a trial"
    return "in none"


def tell(capsys, kills, folder):
    """Says what the kills came to, where somebody asked for so many."""
    columns = "status, cause, count(*)"
    attempts = ask(folder, f"SELECT {columns} FROM attempts GROUP BY status, cause")
    if THOROUGH:
        with capsys.disabled():
            sys.stdout.write(f"\n{sum(kills.values())} kills: {dict(kills)}\n")
            sys.stdout.write(f"attempts: {attempts}\n")


@pytest.mark.slow
def test_driver_killed_in_its_own_trials(searches, capsys):
    turns, trials = (50, 40) if THOROUGH else (3, 4)
    dice = random.Random(0)
    before, kills = {}, collections.Counter()
    for turn in range(turns):
        program = THOROUGH and turn % 2 == 0
        searches.start(program, trials=trials)
        if dice.random() < 0.2:
            time.sleep(dice.uniform(0, 6 if program else 1))
        else:
            searches.wait_for(dice.choice([0, 1, 1, 2]))
            time.sleep(dice.uniform(0, 0.4))
        killed = searches.kill()
        kills[phase(searches)] += killed
        before = check(searches.folder, before, models=4)
    searches.start(trials=trials)
    assert searches.wait() == 0, searches.said()
    failed = given_up(searches.folder)
    check_whole(searches.folder, trials, before, failed=failed)
    tell(capsys, kills, searches.folder)
    assert sum(kills.values()) > turns / 2
    assert len(failed) <= trials / 10


@pytest.mark.slow
def test_workers_and_their_driver_killed(searches, capsys):
    turns, trials = (28, 40) if THOROUGH else (1, 4)
    dice = random.Random(1)
    before, kills = {}, collections.Counter()
    for turn in range(turns):
        program = THOROUGH and turn % 2 == 0
        searches.start(program, trials=trials, workers=2)
        if THOROUGH and dice.random() < 0.2:
            time.sleep(dice.uniform(0, 8))
        else:
            searches.wait_for(1)
            time.sleep(dice.uniform(0, 0.3))
        workers = [each for each in searches.children() if is_worker(each)]
        if workers:
            dice.choice(workers).kill()
            kills["a worker"] += 1
        # Now and then the driver has time to see it and to start another.
        time.sleep(dice.uniform(0, 0.3 if dice.random() < 0.7 else 5))
        orphans = searches.children()
        killed = searches.kill()
        kills[f"the driver, {phase(searches)}"] += killed
        _, alive = psutil.wait_procs(orphans, timeout=60)
        assert not alive, "a worker outlived its driver"
        before = check(searches.folder, before, models=5)
    searches.start(trials=trials, workers=2)
    assert searches.wait() == 0, searches.said()
    check_whole(searches.folder, trials, before)
    tell(capsys, kills, searches.folder)
    assert kills["a worker"] > turns / 2


def is_worker(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return any(part.endswith("executors/worker.py") for part in process.cmdline())
    return False


@pytest.mark.slow
def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(searches):
    script = Path(sysconfig.get_path("scripts")) / "kerasblocks"
    program = Path(__file__).with_name("killable.py")
    command = [sys.executable, script, "search", program, "--out", searches.folder]
    process = subprocess.Popen(
        [*command, "--trials", "9"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    searches.pid, searches.began = process.pid, now()
    searches.wait_for(3)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, errors
    assert "Traceback" not in said + errors
    trials = read(searches.folder).trials
    finished = [trial for trial in trials if trial.ended]
    assert len(finished) == 1
    assert {trial.status for trial in trials[1:]} <= {"INTERRUPTED"}
    assert f"interrupted: {len(finished)} of 9 trials are finished" in said
    assert f"all is kept in {searches.folder}" in said
    assert "run the same command again to go on from there" in said
    assert ask(searches.folder, "SELECT outcome FROM sessions") == [("interrupted",)]
    assert [a.cause for trial in trials for a in trial.attempts] == [None] * len(trials)
