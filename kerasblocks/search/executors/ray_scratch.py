"""Temporary folders that do not outlive a killed process for long."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "kerasblocks-ray-"


@contextmanager
def scratch(root: str | Path | None = None) -> Iterator[Path]:
    """Give a temporary folder; first remove those that killed processes left.

    Beside each folder lies a file that its process has locked, and the kernel lets
    go of that lock however the process ends.

    Args:
        root: The folder to make it in, the system's for temporary files by default.

    Example:
        >>> with scratch() as folder:
        ...     folder.is_dir()
        True
        >>> folder.exists()
        False
    """
    root = Path(tempfile.gettempdir() if root is None else root)
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    number, draft = tempfile.mkstemp(".draft", _PREFIX, root)
    with os.fdopen(number, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        # Under this name it is never seen unlocked while its process lives.
        lock = Path(draft).rename(Path(draft).with_suffix(".lock"))
        folder = lock.with_suffix("")
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove(lock)


def _sweep(root: Path) -> None:
    for lock in root.glob(f"{_PREFIX}*.lock"):
        # A process that lives holds it, or another one sweeps it.
        with suppress(OSError):
            if lock.lstat().st_uid != os.getuid():
                continue
            with lock.open("r+") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _remove(lock)


def _remove(lock: Path) -> None:
    """Remove a folder, and then its lock: half a removal is swept later."""
    folder = lock.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        lock.unlink(missing_ok=True)
