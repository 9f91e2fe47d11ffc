"""`kerasblocks search`: its options, its JSON, its list of searches."""

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from _kerasblocks_cli import main, searches
from _kerasblocks_cli.parsing import seconds
from kerasblocks.search import run, store
from kerasblocks.search.display import Display
from kerasblocks.search.display.plain import Nowhere
from tests.search.studies import study

STUDY = "from tests.search.studies import study as make\nprint('noise')\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a study of one trial in it."""
    (tmp_path / "mine.py").write_text(f"{STUDY}study = make(trials=1)\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished search's folder, not to be changed."""
    out = tmp_path_factory.mktemp("runs") / "tiny"
    run(study(trials=2), out=out, display=Display(Nowhere()))
    return out


def call(command, capsys, code=0):
    assert main(command.split()) == code
    return capsys.readouterr()


def exit_code(arguments):
    try:
        return main(arguments)
    except SystemExit as error:  # argparse ends the process itself
        return error.code


def objects(text):
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90", 90),
        ("90s", 90),
        ("10m", 600),
        ("1h30m", 5400),
        ("1d", 86400),
        ("0.5", 0.5),
    ],
)
def test_time_is_read(text, expected):
    assert seconds(text) == expected


@pytest.mark.parametrize(
    "text", ["", "0", "-5", "5x", "m", "30m1h", "1h1h", ".", "inf"]
)
def test_wrong_time_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="like 90, 90s, 10m or 1h30m"):
        seconds(text)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("mine.py --time 10x", "expected a time above 0 like 90"),
        ("mine.py --workers 0", "a whole number of 1 or more, got '0'"),
        ("mine.py --workers -1", "a whole number of 1 or more, got '-1'"),
        ("mine.py --fresh --resume", "not allowed with argument --fresh"),
        ("--list --trials 2 --fresh", "leave out --trials, --fresh"),
        ("mine.py --list", "leave out the study mine.py"),
        ("", "required: STUDY"),
    ],
)
def test_wrong_use_is_said_in_words_and_as_json(arguments, words, folder, capsys):
    for more in ([], ["--json"]):
        assert exit_code(["search", *arguments.split(), *more]) == 2
        told = capsys.readouterr()
        assert words in told.err
        if more:
            (error,) = objects(told.out)
            assert (error["event"], error["code"]) == ("error", 2)
            assert words in error["message"]
        else:
            assert told.out == ""


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ("val_lss", "--objective: expected a metric whose direction is known"),
        ("val_lss", "did you mean 'val_loss'?"),
        ("macs", "expected a metric first and costs after it, got 'macs' first"),
        ("val_loss,", "expected names with commas between, got 'val_loss,'"),
        ("val_loss,val_loss", "objectives that differ, got 'val_loss' twice"),
    ],
)
def test_wrong_objective_is_said(objective, words, folder, capsys):
    told = call(f"search mine.py --objective {objective} --json", capsys, code=2)
    assert words in told.err
    (error,) = objects(told.out)
    assert words in error["message"]


def test_a_search_as_json_and_then_fresh_with_other_objectives(folder, capsys):
    told = call("search mine.py --json --seed 3 --out out", capsys)
    assert told.err.startswith("noise\n")
    events = objects(told.out)
    assert [event["event"] for event in events] == [
        *("opened", "trial_began", "epoch", "trial_ended", "finished")
    ]
    assert events[0]["seed"] == 3
    assert events[0]["folder"] == "out"
    assert set(events[-1]["files"]) == {
        *("best.keras", "trials.csv", "trials.json", "scores.png")
    }
    score = events[-1]["best"]["score"]

    other = "search mine.py --out out --objective val_accuracy,parameters"
    error = call(other, capsys, code=2).err
    assert "holds a search with" in error
    lines = call(f"{other} --fresh --time 10m", capsys).out.splitlines()
    aside = next(folder.glob("out.old-*"))
    assert lines[1] == (
        "the earlier search in out (1 finished trial, the best val_accuracy "
        f"{score:.4f} in trial 1) is moved to {aside.name}"
    )
    assert lines[2].startswith("study 'tiny': 1 trial to run (folder out)")
    assert "parameters" in lines[3]
    assert "front" in lines[5]
    again = call(f"{other} --resume", capsys).out
    assert "finished, 1 trials are done; nothing is run again" in again


@pytest.mark.parametrize(
    ("address", "code", "words"),
    [
        ("here", 2, "must be None, 'local', 'auto' or HOST:PORT, got 'here'"),
        ("127.0.0.1:1", 1, "no cluster answers at '127.0.0.1:1'"),
    ],
)
def test_wrong_cluster_is_said(address, code, words, folder, capsys):
    pytest.importorskip("ray")
    told = call(f"search mine.py --ray {address} --json", capsys, code)
    assert words in objects(told.out)[-1]["message"]
    assert "Traceback" not in told.err


def test_time_up_is_no_failure(folder, capsys):
    told = call("search mine.py --time 0.001 --json", capsys)
    events = {event["event"]: event for event in objects(told.out)}
    assert events["stopped"]["why"] == "time"
    assert events["finished"]["best"] is None


def test_fresh_moves_nothing_that_is_no_search(folder, capsys):
    (folder / "photos").mkdir()
    (folder / "photos" / "1.png").write_text("")
    error = call("search mine.py --out photos --fresh", capsys, code=2).err
    assert "photos holds files but no search" in error
    assert (folder / "photos" / "1.png").exists()


def test_a_failed_search_is_an_event_too(folder, capsys):
    (folder / "mine.py").write_text(
        "from tests.search.studies import dense, study as make\n"
        "built = []\n"
        "def build(hp):\n"
        "    built.append(hp.Float('a', 0.0, 1.0))\n"
        "    if len(built) > 1:\n"
        "        raise OSError('no room')\n"
        "    return dense(2)\n"
        "study = make(hypermodel=build, max_failures=1)\n"
    )
    events = objects(call("search mine.py --json", capsys, code=1).out)
    assert [event["event"] for event in events[-2:]] == ["trial_ended", "error"]
    assert events[-2]["error"] == "OSError: no room [mine.py:6 in build]"
    assert events[-2]["traceback"].startswith("Traceback")
    assert events[-1]["message"].startswith("OSError: no room")
    (row,) = objects(call("search --list --json", capsys).out)
    assert (row["state"], row["finished"], row["trials"]) == ("failed", 1, 3)


def state(folder):
    return {
        str(path): (path.stat().st_mtime_ns, path.is_file() and path.read_bytes())
        for path in sorted(folder.rglob("*"))
    }


HOLD = """
import sqlite3, sys
lock = sqlite3.connect(sys.argv[1] + "/.lock", isolation_level=None)
lock.execute("BEGIN EXCLUSIVE")
memory = sqlite3.connect(sys.argv[1] + "/memory.sqlite", isolation_level=None)
memory.execute("UPDATE sessions SET outcome = NULL, ended = NULL")
memory.execute("INSERT INTO sessions SELECT NULL, '2199-01-01T00:00:00.000+00:00', "
               "NULL, NULL, replace(settings, '2', '9'), versions FROM sessions")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def runs(finished, tmp_path):
    """Searches in every state, one of them running."""
    root = tmp_path / "runs"
    for name in ("done", "cut", "busy"):
        shutil.copytree(finished, root / name)
    with sqlite3.connect(root / "cut" / "memory.sqlite") as memory:
        memory.execute("DELETE FROM sessions")
        memory.execute("UPDATE trials SET status = 'INTERRUPTED' WHERE number = 2")
    (root / "bad").mkdir()
    (root / "bad" / "memory.sqlite").write_bytes(b"no database at all" * 100)
    (root / "old").mkdir()
    with sqlite3.connect(root / "old" / "memory.sqlite") as memory:
        memory.execute("PRAGMA user_version = 1")
    (root / "weird" / "memory.sqlite").mkdir(parents=True)
    (root / "none").mkdir()
    command = [sys.executable, "-c", HOLD, root / "busy"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield root
        holder.kill()


def test_list_says_how_each_search_stands_and_touches_none(runs, finished, capsys):
    before = state(runs)
    rows = objects(call(f"search --list {runs} --json", capsys).out)
    of = {Path(row["folder"]).name: row for row in rows}
    assert state(runs) == before
    assert next(iter(of)) == "busy"  # what was active last comes first
    assert {name: row["state"] for name, row in of.items()} == {
        "busy": "running",
        "done": "finished",
        "cut": "interrupted",
        **dict.fromkeys(("bad", "old", "weird"), "broken"),
    }
    assert (of["busy"]["finished"], of["busy"]["trials"]) == (2, 9)
    assert of["cut"]["trials"] is None
    done = of["done"]
    assert (done["study"], done["finished"], done["trials"]) == ("tiny", 2, 2)
    assert done["objectives"] == ["val_accuracy"]
    with sqlite3.connect(finished / "memory.sqlite") as memory:
        assert (
            done["best"]
            == memory.execute("SELECT max(score) FROM trials").fetchone()[0]
        )
    assert "file is not a database" in of["bad"]["error"]
    assert "an earlier kerasblocks wrote it (format 1)" in of["old"]["error"]
    assert "irectory" in of["weird"]["error"]


@pytest.mark.parametrize("columns", [40, 60, 80, 140])
def test_list_fits_where_it_is_shown(columns, runs, capsys, monkeypatch):
    monkeypatch.chdir(runs.parent)
    text = call("search --list", capsys).out
    assert [word for word in ("2/9", "2/2", "broken") if word not in text] == []
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    text = re.sub(r"\x1b\[[0-9;]*m", "", call("search --list", capsys).out)
    table = [line for line in text.splitlines() if "memory.sqlite" not in line]
    assert max(map(len, table)) <= columns
    assert "running" in "\n".join(table)


def test_list_of_a_killed_search_reads_its_log_and_leaves_it(
    finished, tmp_path, capsys
):
    out = tmp_path / "killed"
    shutil.copytree(finished, out)
    command = [sys.executable, "-c", HOLD, out]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as holder:
        holder.stdout.readline()
        holder.send_signal(signal.SIGKILL)
    assert (out / "memory.sqlite-wal").stat().st_size
    before = state(out)
    (row,) = objects(call(f"search --list {out} --json", capsys).out)
    assert (row["state"], row["finished"], row["trials"]) == ("interrupted", 2, 9)
    assert state(out) == before


def test_list_of_nothing(folder, capsys):
    assert "no folder runs" in call("search --list", capsys, code=2).err
    (folder / "runs").mkdir()
    assert call("search --list", capsys).out == "no search in runs\n"
    assert "did you mean runs?" in call("search --list rns", capsys, code=2).err
    assert call("search --list --json", capsys).out == ""


def test_list_knows_the_memory_it_reads():
    assert store.FORMAT == searches.FORMAT


def test_json_has_standard_output_for_itself(tmp_path):
    """Not even C code, or a child of the study, gets into it."""
    code = (
        "import os, sys\n"
        "from _kerasblocks_cli.json_lines import json_lines, say\n"
        "with json_lines() as stream:\n"
        "    print('python'); os.write(1, b'native\\n'); os.system('echo child')\n"
        "    say(stream, 'opened')\n"
        "print('after')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.stdout == '{"event": "opened"}\nafter\n'
    assert sorted(done.stderr.split()[-3:]) == ["child", "native", "python"]
