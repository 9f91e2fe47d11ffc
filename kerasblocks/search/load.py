"""Read a study from a Python file."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.study import Study


def load_study(path: str | Path) -> Study:
    """Run a study's file and return the `Study` that it names `study`.

    Modules beside the file can be imported by it.

    Args:
        path: A `.py` file.

    Raises:
        StudyError: The file is not there, fails, or names no study.

    Example:
        >>> load_study("no_such_study.py")
        Traceback (most recent call last):
        kerasblocks.search.errors.StudyError: no study file at no_such_study.py
    """
    path = Path(path)
    if not path.is_file():
        raise StudyError(_missing(path))
    source = path.resolve()
    name = f"kerasblocks_study_{source.stem}"
    spec = importlib.util.spec_from_file_location(name, source)
    if spec is None or spec.loader is None:
        raise StudyError(f"{path}: expected a Python file (.py)")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(source.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise StudyError(f"{path}: {one_line(error, source)}") from error
    finally:
        sys.path.remove(str(source.parent))
    return dataclasses.replace(_find(vars(module), path), source=source)


def _find(names: dict[str, object], path: Path) -> Study:
    found = names.get("study")
    if isinstance(found, Study):
        return found
    expected = f"{path}: expected `study = kb.search.Study(...)` in the file"
    if found is not None:
        raise StudyError(f"{expected}, but 'study' is a {type(found).__name__}")
    others = [name for name, value in names.items() if isinstance(value, Study)]
    if others:
        raise StudyError(
            f"{expected}; rename {others[0]!r}, which is a Study, to 'study'"
        )
    public = [name for name in names if not name.startswith("_")]
    near = did_you_mean("study", public)
    raise StudyError(f"{expected}, found only {', '.join(public) or 'nothing'}{near}")


def _missing(path: Path) -> str:
    if path.is_dir():
        files = ", ".join(sorted(file.name for file in path.glob("*.py"))) or "none"
        return f"{path} is a folder; expected a study's file (in it: {files})"
    message = f"no study file at {path}"
    if path.parent.is_dir():
        near = {str(file) for file in path.parent.glob("*.py")}
        message += did_you_mean(str(path), near)
    return message
