"""Temporary folders that do not outlive a killed process for long."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PREFIX = "kerasblocks-"


@contextmanager
def scratch(root: str | Path | None = None) -> Iterator[Path]:
    """Give a temporary folder; first remove those that killed processes left.

    Each folder holds a file that its process has locked, and the kernel lets go of
    that lock however the process ends.

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
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    draft = folder / ".locking"
    with draft.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Under this name it is never seen unlocked while its process lives.
        draft.rename(folder / ".lock")
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _sweep(root: Path) -> None:
    for path in root.glob(f"{_PREFIX}*/.lock"):
        # A process that lives holds it, or another one sweeps it.
        with suppress(OSError):
            if path.parent.lstat().st_uid != os.getuid():
                continue
            with path.open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
