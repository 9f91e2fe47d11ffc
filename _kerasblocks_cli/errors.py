"""Errors that end a command, and their wording."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable
from pathlib import Path


class CommandError(Exception):
    """Ends a command; the message is what the user reads.

    Attributes:
        code: The exit code; 2 where the command was used wrongly.
    """

    def __init__(self, message: str, code: int = 2):
        super().__init__(message)
        self.code = code


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, where the command has already printed what it keeps."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A suggestion to append to a message, or an empty string.

    `kerasblocks.core.arguments` has the same for names in Python, with quotes.

    Example:
        >>> did_you_mean("check_biuld", ["check_build", "check_jit"])
        '; did you mean check_build?'
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def one_line(error: BaseException, root: Path | None = None) -> str:
    r"""An exception in one line, with the last place in the user's own files.

    Args:
        error: The exception.
        root: The folder of the user's own files.

    Example:
        >>> one_line(ValueError("bad\n\n  shape"))
        'ValueError: bad shape'
    """
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    text = " ".join(text.split()) or "(no message)"
    if len(text) > 400:
        text = text[:397] + "..."
    line = f"{type(error).__name__}: {text}"
    if isinstance(error, SyntaxError) or root is None:
        return line
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if root in file.parents and "site-packages" not in file.parts:
            return f"{line} [{file.name}:{frame.lineno} in {frame.name}]"
    return line


def require_file(path: Path, what: str = "file") -> None:
    """Raise unless there is a Python file at `path`.

    Raises:
        CommandError: There is none; the message names the nearest.
    """
    if path.is_dir():
        files = ", ".join(sorted(file.name for file in path.glob("*.py"))) or "none"
        raise CommandError(f"{path} is a folder; expected a {what} (in it: {files})")
    if not path.is_file():
        beside = [str(file) for file in path.parent.glob("*.py")]
        if not beside and path.with_suffix(".py").is_file():
            beside = [str(path.with_suffix(".py"))]
        raise CommandError(f"no {what} at {path}{did_you_mean(str(path), beside)}")
