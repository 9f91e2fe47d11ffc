"""Points of a space, as KerasTuner's random search makes them."""

import keras_tuner as kt


def sampled(space, seed, **given):
    """What a space gives at a random point, and the point."""
    hp = kt.HyperParameters()
    space(hp, **given)
    hp.values = {}
    for count, parameter in enumerate(hp.space):
        if hp.is_active(parameter):
            hp.values[parameter.name] = parameter.random_sample(seed + count)
    return hp, space(hp, **given)


def searched(space, **given):
    """The hyperparameters of a space by name."""
    hp = kt.HyperParameters()
    space(hp, **given)
    return {parameter.name: parameter for parameter in hp.space}


def at(space, values, **given):
    """What a space gives at a point, and the values that were asked for."""
    hp = kt.HyperParameters()
    hp.values = dict(values)
    config = space(hp, **given)
    return config, {p.name: hp.values[p.name] for p in hp.space if hp.is_active(p)}


def filters_and_strides(config):
    """The filters and the strides of a configuration, of steps too."""
    steps = config.get("branch")
    if steps is None:
        return config["filters"], config["strides"]
    convolutions = [step for step in steps if isinstance(step, dict)]
    pooled = [step[2] for step in steps if isinstance(step, tuple)]
    strides = pooled or [convolutions[0].get("strides", 1)]
    return convolutions[-1]["filters"], strides[0]
