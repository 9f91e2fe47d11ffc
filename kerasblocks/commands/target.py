"""A class or function of the user, found by `module:Name` or `file.py:Name`."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import json
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import keras

from _kerasblocks_cli.errors import CommandError, did_you_mean, one_line, require_file

_FORM = "package.module:Name or path/to/file.py:Name"


@dataclass(frozen=True)
class Target:
    """A class or function that the user named.

    Attributes:
        text: As the user wrote it.
        factory: The class or function.
        module: The name of its module.
        root: The folder that the module is imported from, if it is the user's.
        folder: The same, if it must be put on `sys.path` to import the module.
        by_path: The file, if no `import` can name it.
    """

    text: str
    factory: Callable[..., Any]
    module: str
    root: Path | None
    folder: str = ""
    by_path: str = ""

    @property
    def name(self) -> str:
        """Its name in the module."""
        return self.text.rpartition(":")[2]

    def call(self, arguments: Mapping[str, Any]) -> str:
        """A call of it, as Python."""
        inside = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        return f"{self.name}({inside})"

    def runnable(self, snippet: str) -> str:
        """A snippet that imports the target, changed so that it runs in this folder."""
        if not snippet:
            return ""
        lines = snippet.splitlines()
        tops = ["import sys"] if self.folder else []
        if self.by_path:
            tops.insert(0, "import runpy")
            module = re.escape(self.module)
            for place, line in enumerate(lines):
                if found := re.fullmatch(rf"from {module} import (\w+)", line):
                    run = f"runpy.run_path({_quoted(self.by_path)})"
                    lines[place] = f'{found[1]} = {run}["{found[1]}"]'
        if self.folder:
            if "import keras" not in lines:
                lines.insert(0, "import keras")
            # After the other imports, so that no file in it shadows one of theirs.
            after = next(
                place
                for place, line in enumerate([*lines, ""])
                if not line.startswith("import ")
            )
            lines.insert(after, f"sys.path.insert(0, {_quoted(self.folder)})")
        return "\n".join([*tops, *lines])


def load(text: str) -> Target:
    """Import a target.

    The current folder is importable, and so are the modules beside a file.

    Raises:
        CommandError: The target has another form, does not exist, or fails.
    """
    module_name, colon, name = text.rpartition(":")
    if not colon or not module_name or not name:
        raise CommandError(_no_colon(text))
    here = Path.cwd()
    if str(here) not in sys.path:
        sys.path.insert(0, str(here))
    importlib.invalidate_caches()
    if module_name.endswith(".py") or "/" in module_name or os.sep in module_name:
        path = Path(module_name)
        require_file(path)
        module, target = _from_file(path, text)
    else:
        module, target = _from_module(module_name, text)
    return target(_attribute(module, module_name, name))


def _from_file(path: Path, text: str) -> tuple[ModuleType, Callable[..., Target]]:
    source = path.resolve()
    root, parts = source.parent, [source.stem]
    # A file of a package is imported as the package's, so that `from . import` works.
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if parts[-1] == "__init__" and len(parts) > 1:
        parts.pop()
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    folder = ""
    if root != Path.cwd().resolve():
        shown = root if path.is_absolute() else Path(os.path.relpath(root))
        folder = shown.as_posix()
    importable = _is_found(parts, source)
    if importable:
        module = _guarded(lambda: importlib.import_module(".".join(parts)), path, root)
    else:
        module = _guarded(lambda: _execute(source), path, root)

    def target(factory: Any) -> Target:
        by_path = "" if importable else path.as_posix()
        return Target(text, factory, module.__name__, root, folder, by_path)

    return module, target


def _is_found(parts: list[str], source: Path) -> bool:
    """Whether an import of this name finds this file."""
    if not all(part.isidentifier() for part in parts):
        return False
    loaded = sys.modules.get(parts[0])
    if loaded is not None and len(parts) == 1:
        file = getattr(loaded, "__file__", None)
        return file is not None and Path(file).resolve() == source
    if parts[0] in sys.builtin_module_names:
        return False
    try:
        spec = importlib.util.find_spec(parts[0])
    except (ImportError, ValueError):
        return False
    if spec is None or spec.origin is None:
        return False
    found = Path(spec.origin).resolve()
    return found == source or (len(parts) > 1 and found.parent in source.parents)


def _execute(source: Path) -> ModuleType:
    name = f"kerasblocks_target_{re.sub(r'[^0-9A-Za-z_]', '_', source.stem)}"
    loader = importlib.machinery.SourceFileLoader(name, str(source))
    spec = importlib.util.spec_from_loader(name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _from_module(name: str, text: str) -> tuple[ModuleType, Callable[..., Target]]:
    if not all(part.isidentifier() for part in name.split(".")):
        raise CommandError(f"{name!r} is no module's name; expected {_FORM}")
    try:
        module = _guarded(lambda: importlib.import_module(name), name, Path.cwd())
    except CommandError as error:
        cause = error.__cause__
        if isinstance(cause, ModuleNotFoundError) and _is_itself(cause.name, name):
            raise CommandError(_no_module(name, str(cause.name))) from cause
        raise

    def target(factory: Any) -> Target:
        return Target(text, factory, module.__name__, Path.cwd())

    return module, target


def _is_itself(missing: str | None, name: str) -> bool:
    return missing is not None and f"{name}.".startswith(f"{missing}.")


def _guarded(load: Callable[[], ModuleType], what: Any, root: Path) -> ModuleType:
    """Load a module; raise a CommandError for what fails inside it."""
    try:
        return load()
    except SystemExit as error:
        raise CommandError(
            f"{what} ends the process as it is imported (exit {error.code}); put what "
            "it runs under `if __name__ == '__main__':`"
        ) from error
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{what} is there, but what it imports is not: {one_line(error, root)}"
        ) from error
    except Exception as error:
        raise CommandError(
            f"{what} fails as it is imported: {one_line(error, root)}"
        ) from error


def _no_colon(text: str) -> str:
    message = f"expected {_FORM}, got {text!r}"
    path = Path(text.rstrip(":"))
    if text.endswith((".py", ".py:")):
        names = _layer_like(path)
        return message + (f"; did you mean {path}:{names[0]}?" if names else "")
    module, dot, name = text.strip(":").rpartition(".")
    if dot and name[:1].isupper():
        message += f"; did you mean {module}:{name}?"
    return message


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _no_module(name: str, missing: str) -> str:
    parent, _, last = missing.rpartition(".")
    if not parent:
        known = [found.name for found in pkgutil.iter_modules()]
        message = f"no module is called {missing!r}"
        message += did_you_mean(missing, known)
        if message.endswith("?"):
            return message
        return f"{message}; looked in {Path.cwd()} and in what is installed"
    package = sys.modules.get(parent)
    if isinstance(getattr(package, last, None), type):
        return f"{missing!r} is a class, not a module; did you mean {parent}:{last}?"
    if not hasattr(package, "__path__"):
        return f"{parent!r} is a module, not a package: it has no {last!r}"
    near = did_you_mean(last, _modules(package))
    return f"package {parent!r} has no module {last!r}{near}"


def _attribute(module: ModuleType, module_name: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        try:
            found = getattr(found, part)
        except AttributeError:
            names = [each for each in dir(found) if not each.startswith("_")]
            hint = did_you_mean(part, names)
            if not hint and found is module:
                layers = ", ".join(_layers(module))
                modules = ", ".join(_modules(module))
                hint = f"; its layers: {layers}" if layers else ""
                hint = hint or (f"; its modules: {modules}" if modules else "")
            raise CommandError(f"{module_name} has no {name!r}{hint}") from None
    return _require_factory(found, f"{module_name}:{name}")


def _require_factory(found: Any, text: str) -> Callable[..., Any]:
    kind = type(found).__name__
    if isinstance(found, keras.layers.Layer):
        raise CommandError(
            f"{text} is a {kind} already made; expected its class, or a function that "
            "makes a new one each time"
        )
    if isinstance(found, ModuleType):
        layers = ", ".join(_layers(found))
        raise CommandError(
            f"{text} is a module; expected a class or a function"
            + (f" in it, such as {layers}" if layers else "")
        )
    if not callable(found):
        raise CommandError(
            f"{text} is of type {kind}; expected a class, or a function that makes a "
            "layer"
        )
    if inspect.isclass(found) and not issubclass(found, keras.layers.Layer):
        raise CommandError(f"{text} is a class, but no subclass of keras.layers.Layer")
    return found


def _layers(module: ModuleType) -> list[str]:
    """The layers that a module defines, or else those that it holds."""
    found = {
        name: value
        for name, value in vars(module).items()
        if inspect.isclass(value)
        and issubclass(value, keras.layers.Layer)
        and not name.startswith("_")
    }
    own = [name for name, value in found.items() if value.__module__ == module.__name__]
    return (own or list(found))[:8]


def _modules(package: Any) -> list[str]:
    """The modules in a package."""
    path = getattr(package, "__path__", ())
    return [found.name for found in pkgutil.iter_modules(path)]


def _layer_like(path: Path) -> list[str]:
    """The classes at the top of a file that looks like Python."""
    with contextlib.suppress(OSError, SyntaxError, ValueError):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    return []
