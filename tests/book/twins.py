"""The same model twice: how weights go across, and how the two are compared."""

import keras
import numpy as np

INEXACT = {"rtol": 1e-4, "atol": 1e-6}


def in_order(arrays):
    """What most twins need: their weights stand in the same order."""
    return list(arrays.values())


def after_a_stem(shape, module):
    """A model whose first weights get their gradients through `module`."""
    inputs = keras.Input(shape)
    stem = keras.layers.Conv2D(shape[-1], 1, name="stem")
    return keras.Model(inputs, module(stem(inputs)))


def transfer(book, ours, arrange=in_order):
    """Gives `ours` the weights of `book`, which become random, biases included.

    Args:
        book: The model as the book writes it.
        ours: The same with blocks.
        arrange: Takes a dict of the book's arrays by their paths to a list with
            what belongs to each weight of ours.
    """
    noise = np.random.default_rng(1)
    for weight in book.trainable_variables:
        weight.assign_add(0.05 * noise.standard_normal(weight.shape))
    arrays = arrange({weight.path: as_array(weight) for weight in book.weights})
    assert [a.shape for a in arrays] == [tuple(w.shape) for w in ours.weights]
    ours.set_weights(arrays)
    assert ours.count_params() == book.count_params()


def gradients(model, x, y, **compile_args):
    """The loss's gradient for each trainable weight, on any backend.

    The first velocity of SGD with momentum and a learning rate of 1 is the negative
    gradient. The model is as it was afterwards.
    """
    before = model.get_weights()
    optimizer = keras.optimizers.SGD(1.0, momentum=0.5)
    # Tracing takes longer than the one step, but on JAX it is the other way round.
    eagerly = keras.backend.backend() != "jax"
    model.compile(optimizer, run_eagerly=eagerly, **compile_args)
    model.train_on_batch(x, y)
    model.set_weights(before)
    found = {
        weight.path: -as_array(velocity)
        for weight, velocity in zip(
            model.trainable_variables, optimizer.momentums, strict=True
        )
    }
    # A comparison of zeros would show nothing.
    assert all(np.any(gradient) for gradient in found.values())
    return found


def assert_same_gradients(book, ours, arrange=in_order):
    """Compares what `gradients` gave for the two models."""
    expected = arrange(book)
    assert len(expected) == len(ours)
    for mine, (path, theirs) in zip(expected, ours.items(), strict=True):
        np.testing.assert_allclose(theirs, mine, **INEXACT, err_msg=path)


def assert_twins(book, ours, x, y, arrange=in_order, **compile_args):
    """Equal outputs to the bit, and equal gradients, from equal weights."""
    transfer(book, ours, arrange)
    np.testing.assert_array_equal(run(ours, x), run(book, x))
    assert_same_gradients(
        gradients(book, x, y, **compile_args),
        gradients(ours, x, y, **compile_args),
        arrange,
    )


def run(model, x):
    """The model's output for `x`, as NumPy arrays."""
    return keras.tree.map_structure(as_array, model(x))


def as_array(tensor):
    return keras.ops.convert_to_numpy(tensor)


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
