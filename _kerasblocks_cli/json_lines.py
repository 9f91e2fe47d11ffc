"""JSON on standard output, one object a line, and nothing else there."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from _kerasblocks_cli.errors import CommandError


@contextlib.contextmanager
def json_lines() -> Iterator[TextIO]:
    """Give the stream for JSON; what else is printed goes to standard error.

    What a study prints, and what C++ code writes to the file descriptor, would break
    a program that reads the lines. An error is written as the event `error`, with its
    `message` and exit `code`, and raised again.
    """
    sys.stdout.flush()
    stream, moved = sys.stdout, None
    if _descriptor(sys.stdout) == 1 and _descriptor(sys.stderr) == 2:
        moved = os.dup(1)
        stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield stream
    except CommandError as error:
        say(stream, "error", message=str(error), code=error.code)
        raise
    except KeyboardInterrupt:
        say(stream, "error", message="interrupted", code=130)
        raise
    except Exception as error:
        say(stream, "error", message=f"{type(error).__name__}: {error}", code=1)
        raise
    finally:
        if moved is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.close()
            os.dup2(moved, 1)
            os.close(moved)


def say(stream: TextIO, event: str, **facts: Any) -> None:
    r"""Write one event; a reader that has gone away is not an error.

    Example:
        >>> say(sys.stdout, "error", message="no\nroom", code=1)
        {"event": "error", "message": "no\nroom", "code": 1}
    """
    with contextlib.suppress(OSError, ValueError):
        stream.write(json.dumps({"event": event, **facts}) + "\n")
        stream.flush()


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return None
