"""Write a saved model in another form: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import keras

from _kerasblocks_cli.errors import CommandError, one_line
from _kerasblocks_cli.results import export_form


def export(model: Path, target: Path) -> None:
    """Write a saved model to `target`.

    It is written beside its place and then moved there, so a reader finds the old file
    or the whole new one, even if this process is killed.

    Args:
        model: A `.keras` file.
        target: The file or folder; the ending of its name is the form.

    Raises:
        CommandError: The model cannot be loaded, or cannot be written in this form.
    """
    place = target.absolute()
    try:
        with tempfile.TemporaryDirectory(
            prefix=f".{place.name}.", dir=place.parent
        ) as beside:
            draft = Path(beside) / place.name
            if export_form(target) == "keras":
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
    try:
        loaded = keras.saving.load_model(model)
    except Exception as error:
        raise CommandError(
            f"--export: {model} cannot be loaded here: {one_line(error)}; a model with "
            "layers of your own needs them imported and registered, so export it in "
            "Python, or as .keras, which is a copy",
            code=1,
        ) from error
    form = export_form(draft)
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
