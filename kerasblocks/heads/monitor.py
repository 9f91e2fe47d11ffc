"""`HeadMonitor`: which head drives the shared layers, epoch by epoch."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from kerasblocks.core.arguments import check_keys
from kerasblocks.files import replacing
from kerasblocks.heads.gradients import HeadGradients
from kerasblocks.heads.model import MultiHeadModel, find_balanced

_OWNER = "HeadMonitor"
MEASURES = ("loss", "weight", "share")


class HeadMonitor(keras.callbacks.Callback):
    """Records each head's loss, weight and share of the gradient on shared layers.

    It does so before training and after each epoch. The weight is the fixed loss
    weight, or that of the balancing. The share is the norm of the gradient of the
    weighted loss, with respect to the weights that at least two heads share, divided
    by the sum of these norms over all heads. A head whose share is near 1 decides
    alone what the shared layers learn.

    All values are measured on the batch given here, run as in training. The monitor
    does not change training by a single bit. A head without labels in the batch has
    the share 0. A second `fit` of the same model continues the history; another model
    starts a new one.

    Args:
        x: The inputs of a batch, as for `fit`: ten to a few hundred samples.
        y: A dict of labels by the names of the heads.
        sample_weight: None, or a dict of sample weights for some heads.

    Raises:
        ValueError: `y` or `sample_weight` is not such a dict; or, when training
            starts, the model is not compiled with a dict of losses, its output is not
            a dict, or its heads share no trainable weight.

    Example:
        >>> import kerasblocks as kb
        >>> x = np.ones((8, 3), "float32")
        >>> y = {"far": np.full(8, 100.0), "near": np.full(8, 0.1)}
        >>> inputs = keras.Input((3,))
        >>> shared = keras.layers.Dense(4)(inputs)
        >>> task = kb.heads.Regression()
        >>> heads = kb.MultiHeadOutput({"far": task, "near": task})
        >>> model = keras.Model(inputs, heads(shared))
        >>> model.compile("adam", **heads.compile_args())
        >>> monitor = HeadMonitor(x, y)
        >>> _ = model.fit(x, y, epochs=2, verbose=0, callbacks=[monitor])
        >>> [len(epochs) for epochs in monitor.history["far"].values()]
        [3, 3, 3]
        >>> monitor.history["far"]["share"][0] > 0.9
        True

    Reference: Chen et al., GradNorm: Gradient Normalization for Adaptive Loss Balancing
    in Deep Multitask Networks, ICML 2018, which makes these norms equal.
    """

    def __init__(
        self,
        x: Any,
        y: Mapping[str, Any],
        sample_weight: Mapping[str, Any] | None = None,
    ):
        super().__init__()
        if not isinstance(y, Mapping) or not y:
            raise ValueError(
                f"{_OWNER}: 'y' must be a dict of labels by the names of the heads, "
                f"got {y!r}"
            )
        if sample_weight is not None:
            check_keys(_OWNER, "sample_weight", sample_weight, list(y))
        self.x = x
        self.y = {name: np.asarray(labels) for name, labels in y.items()}
        self.sample_weight = {
            name: np.asarray(weights) for name, weights in (sample_weight or {}).items()
        }
        self.history: dict[str, dict[str, list[float]]] = {}
        self._seen: keras.Model | None = None
        self._heads: HeadGradients | None = None

    def on_train_begin(self, logs: Any = None) -> None:
        model = self.model
        losses = _find_losses(model)
        check_keys(_OWNER, "y", self.y, list(losses), complete=True)
        self._heads = HeadGradients(model, losses, self.x, self.y, self.sample_weight)
        self._fixed = _find_weights(model, list(losses))
        if model is not self._seen or set(losses) != set(self.history):
            self.history = {name: {key: [] for key in MEASURES} for name in losses}
            self._seen = model
            self._record()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self._record()

    def on_train_end(self, logs: Any = None) -> None:
        self._heads = None

    def table(self) -> list[dict[str, Any]]:
        """The history as rows, each a dict with the epoch, the head and its values.

        Epoch 0 is before training.
        """
        return [
            {"epoch": epoch, "head": name}
            | {key: self.history[name][key][epoch] for key in MEASURES}
            for epoch in range(self._epochs)
            for name in self.history
        ]

    def __str__(self) -> str:
        if not self.history:
            return f"{_OWNER}: nothing recorded yet"
        width = max(27, *(len(name) for name in self.history))
        names = "".join(f"   {name:^{width}}" for name in self.history)
        columns = f"   {'loss':>11}{'weight':>9}{'share':>7}".ljust(width + 3)
        lines = [" " * 5 + names, "epoch" + columns * len(self.history)]
        for epoch in range(self._epochs):
            line = f"{epoch:>5}"
            for records in self.history.values():
                loss, weight, share = (records[key][epoch] for key in MEASURES)
                line += f"   {loss:>11.4g}{weight:>9.3g}{share:>7.1%}".ljust(width + 3)
            lines.append(line)
        return "\n".join(line.rstrip() for line in lines)

    def plot(self, path: str | Path) -> None:
        """Draws losses, weights and shares of the gradient by epoch.

        Args:
            path: The file to write or replace, such as "heads.png".

        Raises:
            ValueError: nothing is recorded yet.
        """
        if not self.history:
            raise ValueError(f"{_OWNER}: nothing to plot before training")
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.ticker import MaxNLocator

        figure = Figure(figsize=(13, 4), layout="constrained")
        FigureCanvasAgg(figure)
        titles = ("Loss", "Weight of the loss", "Share of the shared gradient")
        panels = figure.subplots(1, 3)
        for axes, key, title in zip(panels, MEASURES, titles, strict=True):
            for name, records in self.history.items():
                marker = "o" if self._epochs == 1 else ""
                axes.plot(range(self._epochs), records[key], marker=marker, label=name)
            axes.set(title=title, xlabel="epoch (0: before training)")
            axes.grid(color="#e4e8ec", linewidth=0.8)
            axes.set_axisbelow(True)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        losses = np.concatenate([records["loss"] for records in self.history.values()])
        # A log scale leaves out NaN and 0, the loss of a head without labels, but it
        # cannot show the negative losses of some tasks.
        if (losses > 0).any() and not (losses < 0).any():
            panels[0].set_yscale("log")
        weights = [records["weight"] for records in self.history.values()]
        if np.min(weights) > 0 and np.max(weights) > 20 * np.min(weights):
            panels[1].set_yscale("log")
        else:
            panels[1].set_ylim(bottom=0)
        panels[2].set_ylim(0, 1)
        panels[0].legend(frameon=False)
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as draft:
            figure.savefig(draft, dpi=130)

    @property
    def _epochs(self) -> int:
        return min(
            (len(records["loss"]) for records in self.history.values()), default=0
        )

    def _record(self) -> None:
        model = self.model  # on JAX, this updates the weights of the model
        measured = self._heads.measure()
        weights = _find_balance(model) or self._fixed
        norms = {name: weights[name] * head.norm for name, head in measured.items()}
        total = sum(norms.values())
        for name, head in measured.items():
            share = norms[name] / total if total else 0.0
            for key, value in zip(
                MEASURES, (head.loss, weights[name], share), strict=True
            ):
                self.history[name][key].append(value)


def _find_losses(model: keras.Model) -> dict[str, Any]:
    """The losses that a model was compiled with, by the names of its outputs."""
    losses = getattr(model, "loss", None)
    if not isinstance(losses, Mapping):
        raise ValueError(
            f"{_OWNER}: the model must be compiled with a dict of losses by the names "
            f"of its outputs, got {losses!r}"
        )
    return {name: loss for name, loss in losses.items() if loss is not None}


def _find_weights(model: keras.Model, names: list[str]) -> dict[str, float]:
    """The fixed loss weights that a model was compiled with."""
    with warnings.catch_warnings():
        # Keras serializes the losses too, and warns of lambdas among them.
        warnings.simplefilter("ignore")
        weights = model.get_compile_config().get("loss_weights")
    if weights is not None and not isinstance(weights, Mapping):
        raise ValueError(
            f"{_OWNER}: the model must be compiled with a dict of loss weights, got "
            f"{weights!r}"
        )
    given = {name: w for name, w in (weights or {}).items() if w is not None}
    return {name: float(given.get(name, 1)) for name in names}


def _find_balance(model: keras.Model) -> dict[str, float] | None:
    """The current weights of the balancing, None where there is none."""
    heads = find_balanced(model) if isinstance(model, MultiHeadModel) else None
    if heads is None:
        return None
    values = ops.convert_to_numpy(heads.balancer.current_weights())
    return dict(zip(heads.heads, map(float, values), strict=True))
