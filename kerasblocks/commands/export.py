"""Write a saved model in another form: whole, or not at all."""

from __future__ import annotations

import importlib
import os
import shutil
import tempfile
from pathlib import Path

from kerasblocks.commands.errors import CommandError, one_line

_WEIGHTS = ".weights.h5"
_FORMS = ".keras, .weights.h5, .onnx, or no ending for the folder of a SavedModel"
_SAVED_MODEL = "saved_model.pb"


def check_target(target: Path, force: bool) -> None:
    """Check where a model is to go.

    Args:
        target: The file or folder; its ending says the form.
        force: Whether what is there may be replaced.

    Raises:
        CommandError: The ending is none of those known, there is no such folder, or
            something is in its place.

    Example:
        >>> check_target(Path("model.pt"), force=False)
        Traceback (most recent call last):
        kerasblocks.commands.errors.CommandError: --export: expected a name that ends \
with .keras, .weights.h5, .onnx, or no ending for the folder of a SavedModel, got \
'model.pt'
    """
    if _form(target) is None:
        raise CommandError(
            f"--export: expected a name that ends with {_FORMS}, got {target.name!r}"
        )
    if not target.absolute().parent.is_dir():
        raise CommandError(f"--export: there is no folder {target.parent}")
    if not os.path.lexists(target):
        return
    if not force:
        raise CommandError(f"--export: {target} is there already; --force replaces it")
    saved_model = (target / _SAVED_MODEL).is_file()
    if target.is_dir() and not (_form(target) == "tf_saved_model" and saved_model):
        raise CommandError(
            f"--export: {target} is a folder, and no SavedModel: it is not replaced"
        )


def export(model: Path, target: Path) -> None:
    """Write a saved model to `target`.

    It is written beside its place and then moved there: who reads it, or kills this,
    finds what was there before or all of the new.

    Args:
        model: A `.keras` file.
        target: As `check_target` allowed it.

    Raises:
        CommandError: It cannot be loaded, or not be written in this form.
    """
    place = target.absolute()
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{place.name}.", dir=place.parent
        ) as beside:
            draft = Path(beside) / place.name
            if _form(target) == "keras":
                shutil.copyfile(model, draft)
            else:
                _convert(model, draft)
            if place.is_dir():
                os.rename(place, Path(beside) / "before")
            os.replace(draft, place)
    except OSError as error:
        raise CommandError(
            f"--export: {target} cannot be written: {error.strerror or error}", code=1
        ) from error


def _convert(model: Path, draft: Path) -> None:
    import keras

    importlib.import_module("kerasblocks.names")  # which registers the layers
    try:
        loaded = keras.saving.load_model(model)
    except Exception as error:
        raise CommandError(
            f"--export: {model} cannot be loaded here: {one_line(error)}; a model with "
            "layers of your own needs them imported and registered, so export it in "
            "Python, or as .keras, which is a copy",
            code=1,
        ) from error
    form = _form(draft)
    try:
        if form == "onnx" and getattr(loaded, "inputs", None):
            # Keras 3.15 refuses a model that was loaded and not yet called.
            sequential = isinstance(loaded, keras.Sequential)
            loaded(loaded.inputs[0] if sequential else loaded.input)  # pyright: ignore
        if form == "weights":
            loaded.save_weights(draft)  # pyright: ignore
        else:
            loaded.export(str(draft), format=form, verbose=False)  # pyright: ignore
    except ImportError as error:
        needs = f"pip install {error.name}" if error.name else one_line(error)
        raise CommandError(
            f"--export: a package is missing to write {form}: {needs}", code=1
        ) from error
    except Exception as error:
        backend = keras.backend.backend()
        raise CommandError(
            f"--export: this model cannot be written as {form} on the {backend} "
            f"backend: {one_line(error)}",
            code=1,
        ) from error


def _form(target: Path) -> str | None:
    name = target.name.lower()
    if name.endswith(_WEIGHTS):
        return "weights"
    return {".keras": "keras", ".onnx": "onnx", "": "tf_saved_model"}.get(
        Path(name).suffix
    )
