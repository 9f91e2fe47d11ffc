"""Writes files that are complete or do not exist."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path, and moves its file to `path` at the end.

    A reader finds the old file or the new one, and never half of one, even if the
    process is killed.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> with replacing(path) as draft:
        ...     _ = draft.write_text("whole")
        >>> path.read_text()
        'whole'
    """
    draft = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield draft
        # The file is on the disk before it gets its name, in case of a power cut.
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
