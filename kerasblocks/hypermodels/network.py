"""`Network`: a ready hypermodel, from its inputs and its tasks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import keras_tuner as kt

from kerasblocks import spaces
from kerasblocks.blocks.multi_input import MultiInput
from kerasblocks.core.activations import make_activation
from kerasblocks.core.arguments import did_you_mean, positive_int
from kerasblocks.core.chain import Chain
from kerasblocks.heads.loss import TaskLoss
from kerasblocks.heads.metric import TaskMetric
from kerasblocks.heads.model import MultiHeadModel
from kerasblocks.heads.output import MultiHeadOutput
from kerasblocks.heads.task import Task, replaced
from kerasblocks.hypermodels.encoder import Encoder

OPTIMIZER = (
    *("optimizer", "learning_rate", "weight_decay", "momentum", "nesterov"),
    "clipnorm",
)
SCHEDULE = ("schedule", "warmup", "end")
TRUNK = ("hidden", "dropout")
HEADS = ("balancing", "head_layers", "head_units")


class Network(kt.HyperModel):
    """A hypermodel for images, sequences, tables, or several of them at once.

    Each input is encoded by what suits it, several are merged by `MultiInput`, and one
    task or several (`MultiHeadOutput`) end it. Every point of its space builds.

    What is searched beside the encoders' own, and can be fixed or narrowed:
    `optimizer`, `learning_rate`, `weight_decay`, `momentum`, `nesterov`,
    `clipnorm`; with `steps` the learning rate's `schedule`, `warmup`, `end`; `hidden`
    (the units of a dense layer before the tasks, or None), `dropout`; for classes
    `label_smoothing`; for several inputs `merge`; for several tasks `balancing`,
    `head_layers`, `head_units`.

    Args:
        inputs: `Images`, `Sequences`, `Tokens` or `Tables`, or a dict of them by the
            names of the inputs.
        outputs: A task, such as `kerasblocks.heads.Multiclass(10)`, or a dict of them
            by the names of the outputs.
        steps: How many steps training has in all; with it, the learning rate may
            follow a schedule.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`; with
            one input also what is the encoder's.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `inputs` or `outputs` is not as said above.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks.heads import Multiclass
        >>> from kerasblocks.hypermodels import Images
        >>> network = Network(Images((8, 8, 1)), Multiclass(10), block="residual")
        >>> model = network.build(kt.HyperParameters())
        >>> model.output_shape
        (None, 10)
    """

    def __init__(
        self,
        inputs: Encoder | Mapping[str, Encoder],
        outputs: Task | Mapping[str, Task],
        *,
        steps: int | None = None,
        **given: Any,
    ) -> None:
        super().__init__()
        self.inputs = _checked("inputs", inputs, Encoder, "Images, Sequences, ...")
        self.outputs = _checked("outputs", outputs, Task, "tasks such as Regression()")
        if steps is not None:
            positive_int("Network", "steps", steps)
        self.steps = steps
        own, encoders = self.arguments, self._encoders.values()
        legal = {*own, *(name for each in encoders for name in each.arguments)}
        for name in given:
            if name not in legal:
                raise TypeError(
                    f"Network: unexpected keyword argument {name!r}"
                    f"{did_you_mean(name, legal)}"
                )
        self.given = {name: value for name, value in given.items() if name in own}
        self.inputs = _each(
            self.inputs,
            lambda encoder: encoder.narrowed(
                **{n: v for n, v in given.items() if n in encoder.arguments}
            ),
        )

    @property
    def arguments(self) -> list[str]:
        """What may be given."""
        names = [*OPTIMIZER, *TRUNK]
        if self.steps is not None:
            names += SCHEDULE
        if any(map(_is_smoothed, self._tasks.values())):
            names.append("label_smoothing")
        if isinstance(self.inputs, Mapping):
            names.append("merge")
        if isinstance(self.outputs, Mapping):
            names += HEADS
        return names

    def space(self, hp: Any) -> dict[str, Any]:
        """Read every hyperparameter, and build no model.

        Args:
            hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.

        Returns:
            What `make` takes.
        """
        config: dict[str, Any] = {
            "encoders": {
                name: encoder.space(hp, name)
                for name, encoder in self._encoders.items()
            },
        }
        if isinstance(self.inputs, Mapping):
            config["merge"] = spaces.multi_input(hp, "merge", **self._part(["merge"]))
        with spaces.Space(hp, "Network", "trunk", self._part(TRUNK), TRUNK) as trunk:
            trunk.choose("hidden", spaces.among(None, 64, 128))
            trunk.choose("dropout", spaces.among(0.2, 0.0, 0.4))
        config["trunk"] = trunk.arguments
        config["outputs"] = self._outputs_space(hp)
        options = self._part([*OPTIMIZER[1:], *SCHEDULE])
        if "optimizer" in self.given:
            options["kind"] = self.given["optimizer"]
        config["optimizer"] = spaces.optimizer(
            hp, "optimizer", steps=self.steps, **options
        )
        return config

    def build(self, hp: Any) -> keras.Model:
        """Build and compile the model of one point."""
        return self.make(self.space(hp))

    def make(self, config: dict[str, Any]) -> keras.Model:
        """Make the compiled model of a configuration.

        Args:
            config: What `space` gave.
        """
        inputs: Any
        if isinstance(self.inputs, Mapping):
            inputs = {name: each.input(name) for name, each in self.inputs.items()}
            encoders = {
                name: Chain(encoder.layers(config["encoders"][name]), name=name)
                for name, encoder in self._encoders.items()
            }
            features = MultiInput(encoders, **config["merge"], name="merge")(inputs)
        else:
            (encoding,) = config["encoders"].values()
            inputs = features = self.inputs.input()
            for layer in self.inputs.layers(encoding):
                features = layer(features)
        for layer in _trunk(**config["trunk"]):
            features = layer(features)
        return self._finish(inputs, features, config)

    def _finish(self, inputs: Any, features: Any, config: dict[str, Any]) -> Any:
        tasks = config["outputs"]["heads"]
        if isinstance(self.outputs, Mapping):
            heads = MultiHeadOutput(**config["outputs"], name="outputs")
            model = MultiHeadModel(inputs, heads(features))
            judged: dict[str, Any] = heads.compile_args()
        else:
            (task,) = tasks.values()
            outputs = keras.layers.Dense(task.units, name="output")(features)
            last = make_activation(task.activation, name="prediction", dtype="float32")
            model = keras.Model(inputs, outputs if last is None else last(outputs))
            judged = {
                "loss": TaskLoss(task, "output"),
                "metrics": [
                    TaskMetric(task, metric, "output", name=_metric_name(metric))
                    for metric in metrics_of(task)
                ],
                "loss_weights": None if task.loss_weight == 1 else [task.loss_weight],
            }
        model.compile(
            keras.optimizers.get(config["optimizer"]),
            **judged,
            # XLA takes longer to compile than a short trial takes to train.
            jit_compile=False if keras.backend.backend() == "tensorflow" else "auto",
        )
        return model

    def _outputs_space(self, hp: Any) -> dict[str, Any]:
        smooth = 0.0
        if "label_smoothing" in self.arguments:
            given = self._part(["label_smoothing"])
            with spaces.Space(hp, "Network", "outputs", given, given) as space:
                smooth = space.choose("label_smoothing", spaces.among(0.0, 0.05, 0.1))
        tasks = {
            name: replaced(task, label_smoothing=smooth)
            if smooth and _is_smoothed(task) and not task.label_smoothing
            else task
            for name, task in self._tasks.items()
        }
        if not isinstance(self.outputs, Mapping):
            return {"heads": tasks}
        options = self._part(["balancing"])
        if "head_layers" in self.given:
            options["most"] = self.given["head_layers"]
        if "head_units" in self.given:
            options["units"] = self.given["head_units"]
        return spaces.multi_head(hp, "outputs", heads=tasks, **options)

    def _part(self, names: Any) -> dict[str, Any]:
        return {name: self.given[name] for name in names if name in self.given}

    @property
    def _tasks(self) -> Mapping[str, Task]:
        outputs = self.outputs
        return outputs if isinstance(outputs, Mapping) else {"output": outputs}

    @property
    def _encoders(self) -> Mapping[str, Encoder]:
        inputs = self.inputs
        return inputs if isinstance(inputs, Mapping) else {inputs.scope: inputs}


def metrics_of(task: Task) -> list[Any]:
    """What a task that stands alone is judged by, the most telling first.

    Example:
        >>> from kerasblocks.heads import Multiclass, Regression
        >>> metrics_of(Multiclass(3)), metrics_of(Regression())
        (['accuracy'], ['mean_absolute_error'])
    """
    return ["accuracy"] if task.label_kind.classes else task.used_metrics


def _is_smoothed(task: Task) -> bool:
    return "label_smoothing" in task.argument_names()


def _metric_name(metric: Any) -> str | None:
    return metric if isinstance(metric, str) else None


def _trunk(hidden: int | None, dropout: float) -> list[keras.layers.Layer]:
    layers = []
    if hidden:
        layers.append(keras.layers.Dense(hidden, activation="relu", name="trunk"))
    if dropout:
        layers.append(keras.layers.Dropout(dropout, name="trunk_dropout"))
    return layers


def _checked(argument: str, value: Any, kind: type, words: str) -> Any:
    parts = value.values() if isinstance(value, Mapping) else [value]
    if not parts or not all(isinstance(part, kind) for part in parts):
        raise ValueError(
            f"Network: {argument!r} must be {words}, or a dict of them by name, got "
            f"{value!r}"
        )
    return dict(value) if isinstance(value, Mapping) else value


def _each(parts: Any, change: Any) -> Any:
    if not isinstance(parts, Mapping):
        return change(parts)
    return {name: change(part) for name, part in parts.items()}
