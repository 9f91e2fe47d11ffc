"""The folder of a study: where its files lie, and who may write there."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from kerasblocks.files import replacing
from kerasblocks.search.errors import StudyError


class Folder:
    """The paths of one study's results.

    Args:
        root: The folder; made when it is needed.

    Example:
        >>> Folder("runs/digits").model(3).as_posix()
        'runs/digits/models/trial-0003.keras'
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self.memory = self.root / "memory.sqlite"
        self.best = self.root / "best.keras"
        self.models = self.root / "models"
        self.checkpoints = self.root / "checkpoints"
        self.logs = self.root / "logs"
        self.csv = self.root / "trials.csv"
        self.json = self.root / "trials.json"
        self.png = self.root / "scores.png"

    def model(self, number: int) -> Path:
        """Return where the model of a trial is kept."""
        return self.models / f"trial-{number:04d}.keras"

    def checkpoint(self, number: int) -> Path:
        """Return where the state of a trial's training is kept."""
        return self.checkpoints / f"trial-{number:04d}.npz"

    def make(self) -> None:
        """Make the folder.

        Raises:
            StudyError: Something that is no folder stands in its place, or models of
                a search whose memory is lost, which another would overwrite.
        """
        try:
            self.models.mkdir(parents=True, exist_ok=True)
            self.checkpoints.mkdir(exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise StudyError(f"{self.root} is not a folder") from error
        if not self.memory.exists() and any(self.models.glob("trial-*.keras")):
            raise StudyError(
                f"{self.root} holds models of a search, and its memory "
                f"({self.memory.name}) is gone: put it back, or give this search "
                "another folder with --out"
            )

    def products(self) -> list[Path]:
        """Return the files that a search leaves to be read, as far as there are."""
        made = (self.best, self.csv, self.json, self.png)
        return [file for file in made if file.exists()]

    def move_aside(self, say: Callable[[Path], object] | None = None) -> Path | None:
        """Rename the folder so that a new one can begin; return its new path.

        Args:
            say: Called with the new path before anything is moved.

        Raises:
            StudyError: It holds no search, so that it is not ours to move, or it
                is the current folder.
        """
        begun = {".lock", self.models.name, self.checkpoints.name, self.logs.name}
        if not self.root.is_dir() or {f.name for f in self.root.iterdir()} <= begun:
            return None
        if not self.memory.exists():
            raise StudyError(
                f"{self.root} holds files but no search, so --fresh does not move it "
                "aside: give another folder with --out"
            )
        if not self.root.name or self.root.samefile("."):
            raise StudyError(
                f"{self.root} is the current folder, which cannot be moved aside: run "
                "the command from another one"
            )
        with self.lock():
            stamp = time.strftime("%Y%m%d-%H%M%S")
            aside = self.root.with_name(f"{self.root.name}.old-{stamp}")
            count = 1
            while aside.exists():
                count += 1
                aside = aside.with_name(f"{self.root.name}.old-{stamp}-{count}")
            if say is not None:
                say(aside)
            self.root.rename(aside)
        return aside

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the folder for one process; a killed process lets go of it.

        Raises:
            StudyError: Another process holds it.
        """
        # SQLite's lock is the one that every system has and none leaves behind.
        held = sqlite3.connect(self.root / ".lock", isolation_level=None, timeout=0)
        try:
            try:
                held.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                if "locked" not in str(error):
                    raise StudyError(f"{self.root}: {error}") from error
                raise StudyError(
                    f"{self.root} is in use by another search; wait for it to end, "
                    "or give this one another folder with --out"
                ) from error
            yield
        finally:
            held.close()

    def keep_models(
        self, ranked: Iterable[int], keep: int, running: Iterable[int] = ()
    ) -> None:
        """Make `best.keras` the best trial's model and drop what is not kept.

        Args:
            ranked: Finished trials, the best first.
            keep: How many models stay.
            running: Trials that did not end yet, whose models stay too: a worker
                saves one before it can say that its trial ended.
        """
        kept = [self.model(number) for number in list(ranked)[:keep]]
        if kept and kept[0].exists() and not _same(kept[0], self.best):
            with replacing(self.best) as draft:
                shutil.copy2(kept[0], draft)
        kept += [self.model(number) for number in running]
        for file in self.models.glob("trial-*.keras"):
            if file not in kept:
                file.unlink()

    def drop_checkpoints(self) -> None:
        """Remove the checkpoints, once no trial is to go on."""
        for file in self.checkpoints.glob("trial-*.npz"):
            file.unlink()

    def sweep(self) -> None:
        """Remove the half-written files that a killed process left."""
        for folder in (self.root, self.models, self.checkpoints):
            for draft in folder.glob(".*.tmp.*"):
                draft.unlink(missing_ok=True)


def _same(file: Path, copy: Path) -> bool:
    """Whether a file is a copy, which has the time of the other."""
    if not copy.exists():
        return False
    one, two = file.stat(), copy.stat()
    return (one.st_size, one.st_mtime_ns) == (two.st_size, two.st_mtime_ns)
