"""What can go wrong around a search, as two exceptions that say what to do."""

from __future__ import annotations

import re
import traceback
from pathlib import Path


class StudyError(ValueError):
    """A study, or the way it was asked for, is wrong: nothing was trained."""


class SearchFailed(RuntimeError):
    """Too many trials in a row failed; the message begins with the cause."""


class ExecutorLost(RuntimeError):
    """What runs the trials is gone, as a cluster may be; all that ended is kept."""


class Hung(BaseException):
    """A trial gave no sign of life for too long; user code is not to catch it."""


def readable(text: str) -> str:
    r"""Return a text that can be written anywhere.

    The name of a file that is no UTF-8 comes with surrogates, which no file takes.

    Example:
        >>> readable("no file '\udcff'")
        "no file '\\udcff'"
    """
    return text.encode("utf-8", "backslashreplace").decode()


def one_line(error: BaseException, source: Path | str | None = None) -> str:
    r"""Say an exception in one line, with the place in the user's file if known.

    Args:
        error: The exception.
        source: The study's file; the innermost frame in it is named.

    Example:
        >>> one_line(ValueError("bad\n\n  shape"))
        'ValueError: bad shape'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", readable(str(error)))
    text = " ".join(text.split()) or "(no message)"
    if len(text) > 300:
        text = text[:297] + "..."
    line = f"{type(error).__name__}: {text}"
    if isinstance(error, SyntaxError):
        return line
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if source is not None and Path(frame.filename) == Path(source):
            return f"{line} [{Path(source).name}:{frame.lineno} in {frame.name}]"
    return line
