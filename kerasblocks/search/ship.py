"""Send a study to another process: from its file where it has one, else by value."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib.util
import inspect
import io
import linecache
import os
import pickle
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cloudpickle
import keras

from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.study import Study

_Cached = type(functools.lru_cache(lambda: None))
_OURS = ("kerasblocks", "keras", "keras_tuner")


def pack(study: Study, *, copy: bool = True) -> bytes:
    """Return a study as bytes for `unpack`, in a process that ran nothing yet.

    A study that was loaded from a file travels as the text of that file, as it is
    now, with what was changed in it since; another by value, with the functions
    and classes of `__main__` and of the modules that its parts come from. Along
    go the path for imports and the settings of Keras.

    Args:
        study: The study.
        copy: Whether a study from a file is to be read also where the modules
            beside it are not: on another machine, say. It then goes by value too,
            if it can.

    Raises:
        StudyError: A part of it cannot be sent.

    Example:
        >>> import numpy as np
        >>> from kerasblocks.search import Splits
        >>> part = np.ones((8, 3)), np.ones((8, 1))
        >>> study = Study(
        ...     name="line",
        ...     hypermodel=lambda hp: None,
        ...     data=lambda: Splits(part, part),
        ...     objective="val_loss",
        ... )
        >>> unpack(pack(study)).splits().train[0].shape
        (8, 3)
    """
    parcel: dict[str, Any] = {
        "name": study.name,
        "path": [os.path.abspath(entry) for entry in sys.path],
        "settings": _settings(),
    }
    if study.source is None or not study.source.is_file():
        parcel["value"] = _by_value(study, _own_modules(study))
        return pickle.dumps(parcel)
    module = _module_of(study.source)
    changes = _changes(study, module)
    parcel |= {
        "source": str(study.source),
        "module": module.__name__ if module else f"study_{study.source.stem}",
        "text": study.source.read_bytes(),
        "changes": _by_value(study, _own_modules(study), changes),
    }
    if copy:
        beside = _own_modules(study) | _modules_beside(study.source)
        # Where it cannot go by value, its text alone may do.
        with contextlib.suppress(StudyError):
            parcel["value"] = _by_value(study, beside)
    return pickle.dumps(parcel)


def unpack(data: bytes) -> Study:
    """Return the study that `pack` gave, and set this process up for it.

    Sets the path for imports and Keras' settings (float type, order of axes, dtype
    policy) as they were where it was packed.

    Args:
        data: The bytes; from one's own process only, as unpickling runs code.

    Raises:
        StudyError: The study's file fails here or a module is not to be found, or
            Keras runs on another backend here.
    """
    parcel = pickle.loads(data)
    sys.path += [entry for entry in parcel["path"] if entry not in sys.path]
    _settle(parcel["name"], parcel["settings"])
    source = Path(parcel["source"]) if "source" in parcel else None
    if source is None or (not source.is_file() and "value" in parcel):
        return _read(parcel["name"], parcel["value"])
    study = _execute(source, parcel["module"], parcel["text"])
    changes = _read(parcel["name"], parcel["changes"])
    return dataclasses.replace(study, source=source, **changes)


def _settings() -> dict[str, Any]:
    policy = keras.config.dtype_policy()
    return {
        "backend": keras.backend.backend(),
        "floatx": keras.config.floatx(),
        "epsilon": keras.config.epsilon(),
        "image_data_format": keras.config.image_data_format(),
        "dtype_policy": keras.dtype_policies.serialize(policy),
    }


def _settle(name: str, settings: dict[str, Any]) -> None:
    here = keras.backend.backend()
    if here != settings["backend"]:
        raise StudyError(
            f"Study {name!r}: it was sent from a process with the Keras backend "
            f"{settings['backend']!r}, but here it is {here!r}; set KERAS_BACKEND"
        )
    keras.config.set_floatx(settings["floatx"])
    keras.config.set_epsilon(settings["epsilon"])
    keras.config.set_image_data_format(settings["image_data_format"])
    policy = settings["dtype_policy"]
    if not isinstance(policy, str):
        policy = keras.dtype_policies.deserialize(policy)
    keras.config.set_dtype_policy(policy)


def _execute(source: Path, name: str, text: bytes) -> Study:
    """Run a study's file as it was when it was packed, whatever it is now."""
    module = ModuleType(name)
    module.__file__ = str(source)
    sys.modules[name] = module
    sys.path.insert(0, str(source.parent))
    try:
        # For tracebacks, and for inspect.getsource in the study.
        lines = importlib.util.decode_source(text).splitlines(keepends=True)
        linecache.cache[str(source)] = (len(text), None, lines, str(source))
        exec(compile(text, source, "exec"), vars(module))
        return module.study
    except Exception as error:
        raise StudyError(f"{source}: {one_line(error, source)}") from error
    finally:
        sys.path.remove(str(source.parent))


def _changes(study: Study, module: ModuleType | None) -> dict[str, Any]:
    """What differs from the study that the file itself makes."""
    original = getattr(module, "study", None)
    names = [entry.name for entry in dataclasses.fields(study)]
    values = {name: getattr(study, name) for name in names if name != "source"}
    if not isinstance(original, Study):
        return values
    return {
        name: value
        for name, value in values.items()
        if not _same(value, getattr(original, name))
    }


def _same(value: Any, other: Any) -> bool:
    value, other = _bare(value), _bare(other)
    try:
        return value is other or bool(value == other)
    except Exception:
        # Arrays, say, whose comparison is no truth value.
        return False


def _bare(value: Any) -> Any:
    return value.__wrapped__ if isinstance(value, _Cached) else value


class _Pickler(cloudpickle.Pickler):
    """Sends also functions that remember their results, without these."""

    dispatch_table = cloudpickle.Pickler.dispatch_table.new_child(
        {_Cached: lambda f: (_cached, (f.__wrapped__, f.cache_parameters()))}
    )


def _cached(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _dumps(value: Any) -> bytes:
    buffer = io.BytesIO()
    _Pickler(buffer).dump(value)
    return buffer.getvalue()


def _by_value(
    study: Study, modules: set[ModuleType], changes: dict[str, Any] | None = None
) -> bytes:
    """Pickle a study, or what was changed in it, with the code of some modules."""
    value = study if changes is None else changes
    if value == {}:
        return _dumps(({}, {}))
    parts = changes or {
        entry.name: getattr(study, entry.name) for entry in dataclasses.fields(study)
    }
    with _registered(modules):
        try:
            return _dumps((value, _custom_objects(modules)))
        except Exception as error:
            raise _cannot_send(study, parts, error) from error


def _read(name: str, data: bytes) -> Any:
    try:
        value, custom = pickle.loads(data)
    except Exception as error:
        raise StudyError(
            f"Study {name!r}: it cannot be read in another process: {one_line(error)}"
        ) from error
    for key, thing in custom.items():
        package, _, own = key.rpartition(">")
        if package:
            keras.saving.register_keras_serializable(package, own)(thing)
        else:
            keras.saving.get_custom_objects()[key] = thing
    return value


def _custom_objects(modules: set[ModuleType]) -> dict[str, Any]:
    """What those modules have registered for Keras to load models with."""
    names = {"__main__", *(module.__name__ for module in modules)}
    return {
        key: thing
        for key, thing in keras.saving.get_custom_objects().items()
        if getattr(thing, "__module__", None) in names and _fails(thing) is None
    }


@contextlib.contextmanager
def _registered(modules: set[ModuleType]) -> Iterator[None]:
    """Have cloudpickle send what these modules define by value, for once."""
    before = cloudpickle.list_registry_pickle_by_value()
    new = [module for module in modules if module.__name__ not in before]
    for module in new:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in new:
            cloudpickle.unregister_pickle_by_value(module)


def _module_of(source: Path) -> ModuleType | None:
    for module in list(sys.modules.values()):
        if _file(module) == source and isinstance(vars(module).get("study"), Study):
            return module
    return None


def _own_modules(study: Study) -> set[ModuleType]:
    """The modules that the study's parts come from, installed packages left out."""
    parts = [getattr(study, entry.name) for entry in dataclasses.fields(study)]
    while any(isinstance(part, functools.partial) for part in parts):
        parts = [
            part.func if isinstance(part, functools.partial) else part for part in parts
        ]
    names = {getattr(part, "__module__", None) for part in parts}
    found = {sys.modules[name] for name in names if name in sys.modules}
    return {module for module in found if _is_users(module)}


def _modules_beside(source: Path) -> set[ModuleType]:
    return {
        module
        for module in list(sys.modules.values())
        if _is_users(module)
        and (file := _file(module)) is not None
        and file.is_relative_to(source.parent)
    }


def _is_users(module: ModuleType) -> bool:
    """Whether a module is the user's own: not of Python, ours, or installed."""
    file = _file(module)
    return (
        file is not None
        and module.__name__ != "__main__"
        and module.__name__.partition(".")[0] not in _OURS
        and not {"site-packages", "dist-packages"} & set(file.parts)
        and not file.is_relative_to(sysconfig.get_path("stdlib"))
    )


def _file(module: ModuleType) -> Path | None:
    # Not by getattr, for which some modules import what they stand for.
    file = getattr(module, "__dict__", {}).get("__file__")
    return Path(file) if isinstance(file, str) else None


def _cannot_send(study: Study, parts: dict[str, Any], error: Exception) -> StudyError:
    """Say which part of a study cannot be sent, and what in it."""
    for name, value in parts.items():
        reason = _fails(value)
        if reason is not None:
            where = "".join(f", in it {inner!r}" for inner in _culprit(value))
            error, what = reason, f"{name!r}{where}"
            break
    else:
        what = "it"
    return StudyError(
        f"Study {study.name!r}: {what} cannot be sent to another process "
        f"({one_line(error)}); make such things inside the function that needs "
        "them, or put the study in a file of its own and give load_study(FILE)"
    )


def _fails(value: Any) -> Exception | None:
    try:
        _dumps(value)
    except Exception as error:
        return error
    return None


def _culprit(value: Any, depth: int = 4) -> list[str]:
    """The names that lead from a function or object to what cannot be pickled."""
    for name, inner in _inside(_bare(value)).items():
        if depth and _fails(inner) is not None:
            return [name, *_culprit(inner, depth - 1)]
    return []


def _inside(value: Any) -> dict[str, Any]:
    if isinstance(value, functools.partial):
        return {"func": value.func, **value.keywords}
    if inspect.ismethod(value):
        return {"self": value.__self__}
    if inspect.isfunction(value):
        found = inspect.getclosurevars(value)
        return {**found.nonlocals, **found.globals}
    if isinstance(value, dict):
        return {str(key): inner for key, inner in value.items()}
    return {
        name: inner
        for name, inner in getattr(value, "__dict__", {}).items()
        # A HyperModel keeps its own methods, which would lead back to it.
        if getattr(inner, "__self__", None) is not value
    }
