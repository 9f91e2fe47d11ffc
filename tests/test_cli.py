import os
import subprocess
import sys
import sysconfig
import time
from pathlib import Path

import pytest

from _kerasblocks_cli import main

ROOT = Path(__file__).parents[1]
SCRIPT = Path(sysconfig.get_path("scripts")) / "kerasblocks"


def command(*arguments, flags=(), cwd=None):
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("TF_CPP_MIN_LOG_LEVEL")
    return subprocess.run(
        [sys.executable, *flags, SCRIPT, *map(str, arguments)],
        env=env,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["search"], "required: STUDY"),
        (["check"], "required: TARGET"),
        (["summary"], "required: TARGET"),
        (["search", "tuning/digit.py"], "did you mean tuning/digits.py?"),
        (["search", "tuning"], "tuning is a folder; expected a study file"),
        (["search", "no/where.py"], "no study file at no/where.py"),
    ],
)
def test_wrong_path_is_said_in_one_line(arguments, words, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("kerasblocks: error: ")
    assert error.count("\n") == 1
    assert words in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["serch"], "serch"),
        (["search", "x.py", "--trials", "0"], "a whole number of 1 or more, got '0'"),
        (["search", "x.py", "--seed", "one"], "a whole number of 0 or more, got 'one'"),
    ],
)
def test_wrong_arguments_are_said(arguments, words, capsys):
    with pytest.raises(SystemExit) as info:
        main(arguments)
    assert info.value.code == 2
    assert words in capsys.readouterr().err


def test_error_of_a_study_is_one_line_and_code_2(tmp_path, capsys):
    study = tmp_path / "mine.py"
    study.write_text("x = 1\n")
    assert main(["search", str(study)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "expected `study = kb.search.Study(...)`" in error


def test_failed_search_begins_with_the_cause_and_has_code_1(tmp_path, capsys):
    study = tmp_path / "mine.py"
    study.write_text(
        "from tests.search.studies import dense, study as make\n"
        "built = []\n"
        "def build(hp):\n"
        "    built.append(hp.Float('a', 0.0, 1.0))\n"
        "    if len(built) > 1:\n"
        "        raise OSError('no room')\n"
        "    return dense(2)\n"
        "study = make(hypermodel=build)\n"
    )
    assert main(["search", str(study), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert error.startswith(
        "kerasblocks: error: OSError: no room [mine.py:6 in build]\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("--help", 0, "search"),
        ("--version", 0, "kerasblocks 0."),
        ("search --help", 0, "--trials"),
        ("search --trails 3", 2, "--trails"),
        ("search no_such_file.py", 2, "no study file at no_such_file.py"),
        ("search --list .", 0, "no search in ."),
        ("best no_such_folder", 2, "no search in no_such_folder"),
        ("summary keras.layers:Dense --shape a", 2, "--shape: expected positive"),
    ],
)
def test_without_running_anything_keras_is_not_loaded(arguments, code, words, tmp_path):
    begun = time.monotonic()
    done = command(*arguments.split(), flags=["-X", "importtime"], cwd=tmp_path)
    assert time.monotonic() - begun < 4
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    imported = {line.split("|")[-1].strip() for line in done.stderr.splitlines()}
    assert "_kerasblocks_cli" in imported
    assert not {"keras", "kerasblocks", "rich"} & imported


@pytest.mark.slow
def test_a_stranger_reads_only_lines_worth_reading(tmp_path):
    done = command("search", ROOT / "tests/search/quick_study.py", "--out", tmp_path)
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("study 'tiny': 1 trial to run")
    assert lines[1].startswith("trial 1/1  val_accuracy ")
    assert lines[-2].startswith("held-out test data, best model (trial 1): accuracy")
    assert "best.keras, trials.csv, trials.json, scores.png" in lines[-1]
    assert len(lines) == 9
