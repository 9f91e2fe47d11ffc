"""The spaces of training: optimizer, learning rate, regularization."""

from __future__ import annotations

from typing import Any

from kerasblocks.core.arguments import one_of, positive_int
from kerasblocks.spaces.domains import Domain, among, between, candidates
from kerasblocks.spaces.space import Space

# Each with the range of learning rates in which it is at its best.
RATES: dict[str, Domain] = {
    "adam": between(5e-4, 1e-2, log=True, default=3e-3),
    "adamw": between(5e-4, 1e-2, log=True, default=3e-3),
    "nadam": between(5e-4, 1e-2, log=True, default=3e-3),
    "rmsprop": between(2e-4, 5e-3, log=True, default=1e-3),
    "lion": between(5e-5, 1e-3, log=True, default=3e-4),
    "sgd": between(1e-2, 0.3, log=True, default=0.1),
}
CLASSES = {
    "adam": "Adam",
    "adamw": "AdamW",
    "nadam": "Nadam",
    "rmsprop": "RMSprop",
    "lion": "Lion",
    "sgd": "SGD",
}
SCHEDULES = ("cosine", "constant", "exponential")


def optimizer(
    hp: Any, name: str = "optimizer", *, steps: int | None = None, **given: Any
) -> dict[str, Any]:
    """The space of optimizers, as `model.compile` takes them.

    Each kind has the learning rates that suit it, `momentum` and `nesterov` are only
    there for "sgd", `weight_decay` only for "adamw".

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        steps: How many steps training has in all: with it there is a schedule of
            learning rates, whose settings are those of `learning_rate`.
        **given: What is fixed, or narrowed by `among` and `between`: `kind` ("adam",
            "adamw", "nadam", "rmsprop", "lion", "sgd"), `learning_rate`,
            `weight_decay`, `momentum`, `nesterov`, `clipnorm`; with `steps` also
            `schedule`, `warmup` and `end`.

    Returns:
        A config of a Keras optimizer.

    Raises:
        TypeError: `given` has another name.
        ValueError: A value is not legal.

    Example:
        >>> import keras_tuner as kt
        >>> config = optimizer(kt.HyperParameters(), kind="sgd", learning_rate=0.1)
        >>> config["class_name"], config["config"]["momentum"]
        ('SGD', 0.9)
        >>> import keras
        >>> keras.optimizers.get(config).name
        'sgd'
    """
    of_schedule = ("schedule", "warmup", "end")
    legal = ["kind", "learning_rate", "weight_decay", "momentum", "nesterov"]
    legal += ["clipnorm", *(of_schedule if steps is not None else ())]
    planned = {
        "kind" if key == "schedule" else key: given.pop(key)
        for key in of_schedule
        if key in given and steps is not None
    }
    narrowed = "learning_rate" in given
    with Space(hp, "optimizer", name, given, legal) as space:
        kind = space.choose("kind", among("adamw", "adam", "sgd"), legal=CLASSES)
        if narrowed:
            space.choose("learning_rate", RATES["adam"])
        else:
            _rates(space, candidates(given.get("kind", among("adamw", "adam", "sgd"))))
        space.choose(
            "weight_decay",
            between(1e-4, 0.1, log=True, default=0.01),
            when=("kind", lambda kind: kind == "adamw"),
        )
        for argument, values in {
            "momentum": among(0.9, 0.95, 0.0),
            "nesterov": among(True, False),
        }.items():
            space.choose(argument, values, when=("kind", lambda kind: kind == "sgd"))
        space.choose("clipnorm", among(None, 1.0))
        config = dict(space.arguments)
        rates = [config.pop(key) for key in list(config) if "learning_rate" in key]
        rate = rates[0]
        if steps is not None:
            rate = learning_rate(hp, "schedule", peak=rate, steps=steps, **planned)
    del config["kind"]
    return {"class_name": CLASSES[kind], "config": {"learning_rate": rate, **config}}


def learning_rate(
    hp: Any, name: str = "learning_rate", *, peak: float, steps: int, **given: Any
) -> Any:
    """The space of schedules of the learning rate, as Keras' optimizers take them.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        peak: The highest learning rate.
        steps: How many steps training has in all.
        **given: What is fixed, or narrowed by `among` and `between`: `kind` ("cosine",
            "constant" or "exponential"), `end` (the share of `peak` that remains, not
            for "constant") and `warmup` (the share of the steps in which the rate
            rises from 0, not for "exponential").

    Returns:
        A number, or the config of a Keras schedule, for an optimizer's config.

    Raises:
        TypeError: `given` has another name.
        ValueError: A value is not legal, or `steps` is not a positive int.

    Example:
        >>> import keras_tuner as kt
        >>> rate = learning_rate(kt.HyperParameters(), peak=0.01, steps=100, warmup=0.1)
        >>> rate["class_name"], rate["config"]["warmup_steps"]
        ('CosineDecay', 10)
        >>> import keras
        >>> schedule = keras.optimizers.schedules.deserialize(rate)
        >>> round(float(schedule(10)), 4), round(float(schedule(100)), 6)
        (0.01, 0.0001)
    """
    positive_int("learning_rate", "steps", steps)
    with Space(hp, "learning_rate", name, given, ["kind", "end", "warmup"]) as space:
        kind = space.choose("kind", among("cosine", "constant"), legal=SCHEDULES)
        space.choose("end", among(0.01), when=("kind", lambda kind: kind != "constant"))
        space.choose(
            "warmup",
            among(0.05, 0.2),
            when=("kind", lambda kind: kind != "exponential"),
        )
    warm = round(space.arguments.get("warmup", 0.0) * steps)
    if kind == "exponential":
        return _exponential(peak, steps, space.arguments["end"])
    if kind == "constant" and not warm:
        return peak
    return _cosine(peak, max(1, steps - warm), space.arguments.get("end", 1.0), warm)


def regularization(
    hp: Any, name: str = "regularization", **given: Any
) -> dict[str, float]:
    """The space of what keeps a model from learning by heart.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        **given: What is fixed, or narrowed by `among` and `between`: `dropout`, `l2`,
            `label_smoothing`.

    Returns:
        The three as numbers, 0.0 for none.

    Example:
        >>> import keras_tuner as kt
        >>> regularization(kt.HyperParameters(), l2=0.0)
        {'dropout': 0.2, 'l2': 0.0, 'label_smoothing': 0.0}
    """
    legal = ["dropout", "l2", "label_smoothing"]
    with Space(hp, "regularization", name, given, legal) as space:
        space.choose("dropout", between(0.0, 0.5, step=0.1))
        space.choose("l2", among(0.0, 1e-5, 1e-4))
        space.choose("label_smoothing", among(0.0, 0.05, 0.1))
    return space.arguments


def _rates(space: Space, kinds: tuple[Any, ...]) -> None:
    """A learning rate for each range among those of the kinds."""
    groups: dict[Domain, list[str]] = {}
    for kind in kinds:
        one_of(space.owner, "kind", kind, list(RATES))
        groups.setdefault(RATES[kind], []).append(kind)
    for place, (domain, members) in enumerate(groups.items()):
        suffix = f"_{members[0]}" if place else ""
        space.choose(
            f"learning_rate{suffix}",
            domain,
            when=("kind", lambda kind, members=members: kind in members),
        )


def _cosine(peak: float, steps: int, end: float, warm: int) -> dict[str, Any]:
    config = {"decay_steps": steps, "alpha": end, "initial_learning_rate": peak}
    if warm:
        config |= {"initial_learning_rate": 0.0, "warmup_target": peak}
        config |= {"warmup_steps": warm}
    return _serialized("CosineDecay", config)


def _exponential(peak: float, steps: int, end: float) -> dict[str, Any]:
    config = {"initial_learning_rate": peak, "decay_steps": steps, "decay_rate": end}
    return _serialized("ExponentialDecay", config)


def _serialized(schedule: str, config: dict[str, Any]) -> dict[str, Any]:
    module = {"module": "keras.optimizers.schedules", "registered_name": None}
    return {"class_name": schedule, "config": config, **module}
