"""What a search says: plain lines, the live table, JSON."""

import io
import json
import re

import keras_tuner as kt
import pytest
from rich.console import Console

from kerasblocks.search import Attempt, Result, Trial
from kerasblocks.search.display import Display, JsonDisplay, LiveDisplay, display_for
from kerasblocks.search.display.live import picture
from kerasblocks.search.display.standing import Standing
from kerasblocks.search.display.words import last_lines

ONE = [kt.Objective("val_loss", "min")]
TWO = [kt.Objective("val_accuracy", "max"), kt.Objective("macs", "min")]
TRACEBACK = """Traceback (most recent call last):
  File "/venv/lib/python3.12/site-packages/keras/layer.py", line 9, in __call__
    return self.call(inputs)
  File "/home/me/mine.py", line 3, in build
    raise ValueError("no such\\n  width")
    ~~~~~^^^
ValueError: no such
  width
"""


class Terminal(io.StringIO):
    def isatty(self):
        return True


def trial(number, status="COMPLETED", score=0.5, names=("units", "rate"), **more):
    space = [
        {"class_name": "Int", "config": {"name": name, "min_value": 1}}
        for name in names
    ]
    point = {"space": space, "values": dict.fromkeys(names, number * 2)}
    attempt = Attempt(1, more.pop("worker", "this process"), "2026-01-01T00:00:00Z")
    facts = {"score": score, "best_epoch": 1, "costs": {"parameters": 1234.0}}
    facts |= {"seconds": 1.5, "attempts": [attempt], "epochs": [{"val_loss": score}]}
    return Trial(number, status, point, number, **facts | more)


def failed(number, cause="exception", traceback=TRACEBACK, error="ValueError: no such"):
    attempt = Attempt(
        1, "worker 2", "", None, "FAILED", 1, cause, error, traceback=traceback
    )
    return trial(number, "FAILED", None, attempts=[attempt], costs={})


def result(folder, trials=(), goals=ONE, **more):
    return Result("mine", goals, 0, folder, list(trials), **more)


def said(display):
    return display.stream.getvalue().splitlines()


def plain(folder, *ended, goals=ONE, **begin):
    display = Display(io.StringIO())
    display.begin(result(folder, goals=goals), 12, **begin)
    for one in ended:
        display.trial_begins(one, 2)
        display.trial_ends(one)
    return said(display)


def test_a_line_for_each_trial_says_what_matters(tmp_path):
    lines = plain(
        tmp_path, trial(1), trial(2, score=0.00001), trial(3, "PRUNED", 0.7), trial(10)
    )
    assert lines == [
        "trial  1/12  val_loss 0.5000*     1,234 params   1.5 s  units=2 rate=2",
        "trial  2/12  val_loss 1e-05*     1,234 params   1.5 s  units=4 rate=4",
        "trial  3/12  pruned after 1 epoch, val_loss 0.7000   1.5 s  units=6 rate=6",
        "trial 10/12  val_loss 0.5000      1,234 params   1.5 s  units=20 rate=20",
    ]


def test_several_workers_and_objectives_are_named(tmp_path):
    one = trial(1, worker="worker 2", objectives={"val_accuracy": 0.5}, costs={})
    one.costs["macs"] = 5_000_000
    (line,) = plain(tmp_path, one, goals=TWO, slots=2)
    assert "val_accuracy 0.5000* macs 5,000,000" in line
    assert "worker 2  units=2" in line


def test_a_failure_is_said_with_its_settings_and_where_it_was(tmp_path):
    lines = plain(tmp_path, failed(1))
    assert lines == [
        "trial  1/12  FAILED after 1.5 s: ValueError: no such",
        "    units=2 rate=2",
        '    File "/home/me/mine.py", line 3, in build',
        '      raise ValueError("no such\\n  width")',
        "    ValueError: no such",
        "      width",
    ]
    display = Display(io.StringIO())
    display.begin(result(tmp_path), 12, slots=2)
    display.trial_begins(failed(1), 2)
    display.trial_failed(failed(1))
    assert said(display)[:2] == [
        "trial 1 (worker 2) failed and runs again: ValueError: no such",
        "    units=2 rate=2",
    ]


def test_last_lines_of_what_has_no_traceback():
    killed = "worker 1 was ended\nThe last lines that it wrote:\n"
    assert last_lines(killed, "worker 1 was ended") == []
    log = last_lines(killed + "a\nb\nout of memory", "worker 1 was ended")
    assert log[-1] == "out of memory"
    hung = (
        "it hung\nThread 0x1 (most recent call first):\n"
        '  File "/usr/lib/python3.12/threading.py", line 1 in wait\n\n'
        "Current thread 0x2 (most recent call first):\n"
        '  File "/usr/lib/python3.12/time.py", line 5 in sleep\n'
        '  File "/home/me/mine.py", line 7 in data\n'
    )
    assert last_lines(hung, "it hung") == ['File "/home/me/mine.py", line 7 in data']
    assert last_lines(None) == last_lines("loss became nan", "loss became nan") == []
    library = TRACEBACK.replace("/home/me", "/x/site-packages")
    assert last_lines(library)[0].startswith('File "/x/site-packages/mine.py"')


def test_a_reader_that_leaves_does_not_end_the_search(tmp_path):
    class Pipe(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    for kind in (Display, JsonDisplay, LiveDisplay):
        display = kind(Pipe())
        display.line("one")
        display.line("two")


def test_a_terminal_of_ascii_gets_what_it_can_show():
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, "ascii")
    Display(stream).line("größe=3")
    assert raw.getvalue() == rb"gr\xf6\xdfe=3" + b"\n"


def test_time_left_is_said_once_it_can_be_known(tmp_path):
    now = [100.0]
    standing = Standing(result(tmp_path), 4, slots=2, clock=lambda: now[0])
    standing.begins(trial(1), 10)
    standing.begins(trial(2), 10)
    now[0] += 20
    standing.epoch(1, 10, {"val_loss": 0.5})
    assert standing.left is None
    standing.ends(trial(1))
    standing.epoch(2, 5, {"val_loss": 0.5})
    # 1.5 trials took 20 s, and 2.5 are left.
    assert standing.left == pytest.approx(2.5 * 20 / 1.5)
    assert standing.elapsed == 20
    limited = Standing(result(tmp_path), 4, until=130.0, clock=lambda: now[0])
    assert limited.left == 10


def test_a_trial_that_goes_on_counts_what_it_still_has_to_do(tmp_path):
    standing = Standing(result(tmp_path), 4)
    attempt = Attempt(2, "worker 1", "", epoch=5)
    standing.begins(trial(1, attempts=[attempt]), 8)
    assert standing.running[1].epoch == 4
    assert standing.running[1].share == 0
    standing.epoch(1, 6, {})
    assert standing.running[1].share == 0.5


def drawn(standing, width, height=24, ascii_only=False):
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(picture(standing, width, height, ascii_only))
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [20, 40, 60, 80, 140])
@pytest.mark.parametrize("many", [0, 1, 2, 40])
def test_live_part_fits_every_terminal(width, many, tmp_path):
    ended = [trial(1), failed(2), trial(3, "PRUNED")]
    standing = Standing(result(tmp_path, ended), 100, slots=many)
    for number in range(10, 10 + many):
        standing.begins(trial(number, worker=f"worker {number - 9}"), 30)
        standing.epoch(number, number - 10, {"val_loss": 0.25})
    lines = drawn(standing, width)
    assert max(map(len, lines)) <= width
    assert len(lines) < 24
    text = "\n".join(lines)
    assert "3/100 trials" in text
    if many == 2:
        assert [("0/30" in lines[0]), ("1/30" in lines[1])] == [True, True]
        assert "0.2500" in lines[0]
    if width >= 40:
        assert "best val_loss 0.5000 (trial 1)" in text
        assert "1 failed" in text
        assert "1 pruned" in text
    if width >= 80 and many == 2:
        assert re.match(r"trial 10  worker 1 +0/30  val_loss 0.2500  0:00", text)
    if width >= 140 and many == 2:
        assert "units=20 rate=20" in lines[0]
    if many == 40:
        assert "more that run" in text


def test_live_part_in_ascii(tmp_path):
    standing = Standing(result(tmp_path, [trial(1)]), 5)
    assert " | " in drawn(standing, 80, ascii_only=True)[-1]


@pytest.mark.parametrize("colour", [True, False])
def test_live_display_prints_above_and_leaves_the_terminal_clean(
    colour, tmp_path, monkeypatch
):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "60")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    display = display_for(Terminal())
    assert type(display) is LiveDisplay
    display.begin(result(tmp_path), 2)
    display.trial_begins(trial(1), 2)
    display.epoch(1, 1, {"val_loss": 0.5})
    display.trial_ends(failed(1))
    display.end()
    display.end()
    text = display.stream.getvalue()
    assert "FAILED after 1.5 s" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l")  # the cursor is shown
    assert ("\x1b[31m" in text) == colour
    bare = re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]", "", text)
    assert max(len(line) for line in re.split(r"[\r\n]", bare)) <= 60


def test_a_terminal_that_cannot_move_gets_plain_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert type(display_for(Terminal())) is Display


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize("goals", [ONE, TWO])
def test_table_fits_a_terminal_and_is_whole_elsewhere(
    width, goals, tmp_path, monkeypatch
):
    monkeypatch.setenv("COLUMNS", str(width))
    names = [f"block_{index}/filters" for index in range(8)]
    values = [(0.9, 100.0), (0.8, 50.0), (0.7, 80.0)]
    trials = [
        trial(
            n,
            score=score,
            names=names,
            objectives={"val_accuracy": score, "val_loss": score, "macs": macs},
            costs={"parameters": 7.0},
        )
        for n, (score, macs) in enumerate(values, 1)
    ]
    found = result(tmp_path, trials, goals, test={"loss": 0.125})
    for stream in (io.StringIO(), Terminal()):
        Display(stream).results(found)
        text = re.sub(r"\x1b\[[0-9;]*m", "", stream.getvalue())
        *lines, test = text.splitlines()
        assert test == "held-out test data, best model (trial " + (
            "3): loss 0.1250" if goals is ONE else "1): loss 0.1250"
        )
        assert "…" not in text
        if stream.isatty():
            assert max(map(len, lines)) <= width
            assert all(name in text for name in names)
        else:
            assert all(name in lines[1] for name in names)
            if goals is TWO:  # trial 3 is beaten by trial 2 in both
                assert [line.split()[0] for line in lines[3:6]] == ["yes", "yes", "3"]


def test_json_is_one_object_a_line_with_stable_fields(tmp_path):
    display = JsonDisplay(io.StringIO())
    first = trial(1)
    found = result(tmp_path, [first, failed(2)], test={"loss": float("nan")})
    display.moving_aside(tmp_path, tmp_path / "aside", found)
    display.opened(result(tmp_path), 3)
    display.line("the space changed")
    display.begin(result(tmp_path), 3)
    display.trial_begins(first, 2)
    display.epoch(1, 1, {"val_loss": None})
    display.trial_ends(first)
    display.trial_begins(failed(2), 2)
    display.trial_failed(failed(2))
    display.trial_begins(failed(2), 2)
    display.trial_ends(failed(2))
    display.stopped("time", found, 3)
    display.end()
    display.results(found)
    display.finished(found, [tmp_path / "best.keras"], 1.5)
    events = [json.loads(line) for line in said(display)]
    assert [event["event"] for event in events] == [
        *("moving_aside", "opened", "note", "trial_began", "epoch", "trial_ended"),
        *("trial_began", "attempt_failed", "trial_began", "trial_ended"),
        *("stopped", "finished"),
    ]
    of = {event["event"]: event for event in reversed(events)}
    assert of["moving_aside"]["finished"] == 2
    assert of["opened"]["objectives"] == [{"name": "val_loss", "direction": "min"}]
    assert of["epoch"]["metrics"] == {"val_loss": None}
    ended = of["trial_ended"]
    fields = {"trial", "status", "score", "objectives", "best_epoch", "epochs"}
    fields |= {"costs", "seconds", "seed", "attempts", "worker", "hyperparameters"}
    fields |= {"new_best", "finished", "trials", "event", "time"}
    assert set(ended) == fields
    assert (ended["new_best"], ended["finished"], ended["trials"]) == (True, 1, 3)
    assert of["attempt_failed"]["traceback"] == TRACEBACK
    assert events[-3]["cause"] == "exception"
    assert of["finished"]["best"]["trial"] == 1
    assert of["finished"]["test"] == {"loss": None}
    assert of["finished"]["files"] == {"best.keras": str(tmp_path / "best.keras")}
