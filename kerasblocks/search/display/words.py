"""How trials are said in a line: scores, settings, what failed."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path

import keras_tuner as kt

from kerasblocks.search.report.tables import value_of
from kerasblocks.search.report.words import number, setting
from kerasblocks.search.results import tunable
from kerasblocks.search.trial import Trial

_OURS = str(Path(__file__).parents[2])
_FRAME = re.compile(r'\s*File "(?P<file>.+?)", line \d+')
_MARKS = re.compile(r"\s*[~^]+\s*")
_LAST_LINES = 5


def score(value: float | None) -> str:
    """Write a score in as many digits as tell it from its neighbours.

    Example:
        >>> score(0.5), score(0.00001234), score(12345.678), score(None)
        ('0.5000', '1.234e-05', '1.235e+04', '-')
    """
    if value is None:
        return "-"
    plain = value == 0 or 1e-3 <= abs(value) < 1e4
    return f"{value:.4f}" if plain else f"{value:.4g}"


def scores(trial: Trial, goals: Sequence[kt.Objective], mark: str = "") -> str:
    """Write a trial's value of each objective.

    Args:
        trial: Any trial.
        goals: The objectives.
        mark: What follows the first.

    Example:
        >>> goals = [kt.Objective("val_loss", "min"), kt.Objective("macs", "min")]
        >>> scores(Trial(1, "COMPLETED", {}, 0, score=0.5, costs={"macs": 7e6}), goals)
        'val_loss 0.5000 macs 7,000,000'
    """
    first, *others = goals
    words = [f"{first.name} {score(trial.score)}{mark}"]
    words += [f"{goal.name} {number(value_of(trial, goal.name))}" for goal in others]
    return " ".join(words)


def settings(trial: Trial) -> str:
    """Write the hyperparameters of a trial that could have been other than they are.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16]), hp.Fixed("depth", 2)
        >>> settings(Trial(1, "RUNNING", hp.get_config(), 0))
        'units=8'
    """
    return " ".join(f"{name}={setting(trial.values[name])}" for name in tunable(trial))


def standing(done: int, total: int) -> str:
    """Write how far a search has come, as it begins.

    Example:
        >>> standing(0, 1), standing(3, 12)
        ('1 trial to run', '3 of 12 trials are done, 9 to go')
        >>> standing(12, 12)
        'finished, 12 trials are done; nothing is run again'
    """
    if done >= total:
        return f"finished, {done} trials are done; nothing is run again"
    if not done:
        return f"{total} trial{'s' * (total > 1)} to run"
    return f"{done} of {total} trials are done, {total - done} to go"


def last_lines(text: str | None, error: str | None = None) -> list[str]:
    r"""Return the lines of a traceback that matter most.

    Of an exception's these are its message and the calls in the user's own files; of
    a stack of a thread that hung, where it stood; of a log, its end.

    Args:
        text: The traceback.
        error: What was said already, in one line.

    Example:
        >>> text = '  File "mine.py", line 3, in build\n    1 / 0\nOh: no'
        >>> last_lines(f"Traceback (most recent call last):\n{text}")
        ['File "mine.py", line 3, in build', '  1 / 0', 'Oh: no']
    """
    lines = [
        line.rstrip()
        for line in (text or "").splitlines()
        if line.strip() and not _MARKS.fullmatch(line)
    ]
    if lines and lines[0] == error:
        lines = lines[1:]
    for head, pick in (("most recent call last)", _raised), ("call first)", _stood)):
        places = [place for place, line in enumerate(lines) if head in line]
        if places:
            current = [at for at in places if lines[at].startswith("Current")]
            return pick(lines[(current or places)[-1] + 1 :])
    return [] if len(lines) == 1 and lines[0].endswith(":") else lines[-_LAST_LINES:]


def fold(text: str, width: int) -> list[str]:
    """Break a line between words, what follows indented further than it began.

    Example:
        >>> fold("  units=3 rate=0.5 kernel=5", 20)
        ['  units=3 rate=0.5', '      kernel=5']
    """
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.wrap(
        text,
        max(width, len(indent) + 12),
        subsequent_indent=f"{indent}    ",
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ) or [text]


def _raised(lines: list[str]) -> list[str]:
    """Of a traceback: the innermost calls of the user's, and the message."""
    inside = [line.startswith("  ") for line in lines]
    end = len(inside)
    frames: list[list[str]] = []
    for place, line in enumerate(lines):
        if not inside[place]:
            end = place
            break
        if _FRAME.match(line):
            frames.append([])
        if frames and len(frames[-1]) < 2:
            frames[-1].append(line[2:])
    message = lines[end:][:3]
    room = max(1, (_LAST_LINES - len(message)) // 2)
    mine = [frame for frame in frames if _users(frame[0])][-room:] or frames[-1:]
    return [*(line for frame in mine for line in frame), *message]


def _stood(lines: list[str]) -> list[str]:
    """Of a thread's stack, the innermost call first: where it stood."""
    frames = []
    for line in lines:
        if not _FRAME.match(line):
            break
        frames.append(line.strip())
    mine = [frame for frame in frames if _users(frame)]
    return (mine or frames)[:_LAST_LINES]


def _users(frame: str) -> bool:
    """Whether a call is in a file of the user's, and in no library."""
    found = _FRAME.match(frame)
    if found is None:
        return False
    file = Path(found["file"])
    library = {"site-packages", "dist-packages"} & set(file.parts)
    standard = re.search(r"/lib/python3[.\d]*/", file.as_posix())
    return not library and not standard and not str(file).startswith(_OURS)
