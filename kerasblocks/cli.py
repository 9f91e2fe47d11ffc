"""The command line: `kerasblocks search STUDY`.

Keras is imported as late as possible, so that `--help` and wrong arguments are
answered at once, and its backend's start-up lines do not reach the reader.
"""

from __future__ import annotations

import argparse
import difflib
import importlib.metadata
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_NOISE = re.compile(
    r"^(WARNING: All log messages before absl::InitializeLog"
    r"|[IW]\d{4} \d\d:\d\d:[\d.]+\s+\d+ \S+\.cc:\d+\]"
    r"|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: [IW] \S+\.cc:\d+\]"
    r"|To enable the following instructions:)"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the command's name; the process's own by default.

    Returns:
        The exit code: 0; 1 where the search failed, 2 where the study or the
        arguments are wrong, 130 after Ctrl-C.

    Example:
        >>> main(["search", "no_such_file.py"])
        2
    """
    options = _parser().parse_args(arguments)
    try:
        return _search(options)
    except KeyboardInterrupt:
        return _error("interrupted", code=130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerasblocks", description="Composite Keras layers and searches over them."
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    search = commands.add_parser(
        "search",
        help="search a study's hyperparameters, or go on with a search",
        description="Run the search that a Python file describes as `study = "
        "kerasblocks.search.Study(...)`. Run again, it goes on where it stopped.",
    )
    search.add_argument("study", metavar="STUDY", help="the study's Python file")
    search.add_argument(
        "--trials",
        type=_whole(1),
        metavar="N",
        help="how many trials in all (more than before extends a search)",
    )
    search.add_argument(
        "--out", metavar="DIR", help="folder for the results (default: runs/NAME)"
    )
    search.add_argument(
        "--seed", type=_whole(0), metavar="N", help="in place of the study's seed"
    )
    search.add_argument(
        "--fresh",
        action="store_true",
        help="begin anew; an earlier search is moved aside, not deleted",
    )
    return parser


def _search(options: argparse.Namespace) -> int:
    wrong = _wrong_path(Path(options.study))
    if wrong:
        return _error(wrong)
    with _quiet_start():
        from kerasblocks.search import SearchFailed, StudyError, load_study, run
    try:
        study = load_study(options.study)
        run(
            study,
            out=options.out,
            trials=options.trials,
            seed=options.seed,
            fresh=options.fresh,
        )
    except StudyError as error:
        return _error(str(error))
    except SearchFailed as error:
        return _error(str(error), code=1)
    except KeyboardInterrupt:
        return 130  # the search has said what is kept
    return 0


def _wrong_path(path: Path) -> str:
    """Say what is wrong with a study's path, before Keras takes its seconds."""
    if path.is_dir():
        files = ", ".join(sorted(file.name for file in path.glob("*.py"))) or "none"
        return f"{path} is a folder; expected a study's Python file (in it: {files})"
    if path.is_file():
        return ""
    beside = [str(file) for file in path.parent.glob("*.py")]
    near = difflib.get_close_matches(str(path), beside, n=1)
    return f"no study file at {path}" + (f"; did you mean {near[0]}?" if near else "")


def _error(message: str, code: int = 2) -> int:
    print(f"kerasblocks: error: {message}", file=sys.stderr)
    return code


def _version() -> str:
    try:
        return f"kerasblocks {importlib.metadata.version('kerasblocks')}"
    except importlib.metadata.PackageNotFoundError:
        return "kerasblocks (not installed)"


def _whole(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of {least} or more, got {text!r}"
            )
        return value

    return parse


@contextmanager
def _quiet_start() -> Iterator[None]:
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


if __name__ == "__main__":
    sys.exit(main())
