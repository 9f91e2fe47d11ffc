"""Loads what runs a command, and Keras with it, without the backend's noise."""

from __future__ import annotations

import importlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from _kerasblocks_cli.parsing import Run

_WANTED = "TF_CPP_MIN_LOG_LEVEL" in os.environ
_NOISE = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog"
    r"|[IW]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+\.cc:\d+\]"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] \S+\.cc:\d+\]"
    r"|To enable the following instructions:)"
)


def start(command: str) -> Run:
    """Import `kerasblocks.commands.<command>` and return its `run`."""
    with quiet_start():
        module = importlib.import_module(f"kerasblocks.commands.{command}")
    if not _WANTED:  # TensorFlow's warnings of retracing: each model is another one
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return module.run


@contextmanager
def quiet_start() -> Iterator[None]:
    """Import a backend without the lines that its C++ prints as it starts.

    TensorFlow prints some before it reads its own log level, straight to the file
    descriptor. Lines that are not known as noise are passed on. Where the user has set
    a log level, all lines are.
    """
    if _WANTED:
        yield
        return
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:
        yield
        return
    with tempfile.TemporaryFile() as caught:
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            caught.seek(0)
            for line in caught.read().decode(errors="replace").splitlines():
                if not _NOISE.match(line):
                    print(line, file=sys.stderr)
