"""A backend's start without its noise."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

_NOISE = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog"
    r"|[IW]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+\.cc:\d+\]"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] \S+\.cc:\d+\]"
    r"|To enable the following instructions:)"
)


@contextmanager
def quiet_start() -> Iterator[None]:
    """Import a backend without the lines that its C++ writes as it starts.

    TensorFlow writes some before it reads its own log level, straight to the
    file descriptor. What is not known as noise is passed on; where the user set
    a log level, all of it is.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ:
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
