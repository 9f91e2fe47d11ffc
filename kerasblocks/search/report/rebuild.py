"""How to have the best model again, as Python that runs."""

from __future__ import annotations

from kerasblocks.search.folder import Folder
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial


def load_snippet(result: Result) -> str:
    """Return code that loads the best model with its weights.

    Empty where none is kept.
    """
    if result.best is None or not Folder(result.folder).best.exists():
        return ""
    folder = result.folder.as_posix()
    return (
        f"import kerasblocks as kb\n\nmodel = kb.search.read({folder!r}).best_model()\n"
    )


def build_snippet(trial: Trial) -> str:
    """Return code that builds a trial's model anew, given the study's `build(hp)`.

    Args:
        trial: Any trial.

    Example:
        >>> point = {"space": [], "values": {"units": 8}}
        >>> print(build_snippet(Trial(1, "COMPLETED", point, 7)))
        import keras
        import keras_tuner as kt
        <BLANKLINE>
        hp = kt.HyperParameters()
        hp.values = {
            'units': 8,
        }
        keras.utils.set_random_seed(7)
        model = build(hp)  # the study's own function
        <BLANKLINE>
    """
    values = "".join(f"    {k!r}: {value!r},\n" for k, value in trial.values.items())
    return (
        "import keras\nimport keras_tuner as kt\n\n"
        "hp = kt.HyperParameters()\n"
        f"hp.values = {{\n{values}}}\n"
        f"keras.utils.set_random_seed({trial.seed})\n"
        "model = build(hp)  # the study's own function\n"
    )
