import keras
import numpy as np
import pytest

from kerasblocks.search import checkpoint
from kerasblocks.search.checkpoint import Checkpoint, Progress, epochs_done
from tests.search.studies import data, dense


def trained(seed, **options):
    keras.utils.set_random_seed(seed)
    model = dense(4)
    model.fit(*data().train, verbose=0, **options)
    return model


def test_training_goes_on_as_if_it_had_not_stopped(tmp_path):
    path = tmp_path / "a.npz"
    options = {"shuffle": False, "batch_size": 16}
    whole = trained(0, epochs=3, **options)
    half = trained(0, epochs=1, **options)
    checkpoint.save(path, half, Progress(epoch=1))
    other = trained(7, epochs=1, **options)
    Checkpoint(path).restore(other)
    # Adam's moments and step count are in the file: without them this differs.
    other.fit(*data().train, epochs=3, initial_epoch=1, verbose=0, **options)
    for a, b in zip(whole.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_progress_comes_back_with_the_best_weights(tmp_path):
    path = tmp_path / "deep" / "a.npz"
    model = trained(0)
    best = [weight * 2 for weight in model.get_weights()]
    checkpoint.save(path, model, Progress(4, 0.5, 3, {"val_loss": 0.5}, best))
    progress = Checkpoint(path).progress
    assert (progress.epoch, progress.score, progress.best_epoch) == (4, 0.5, 3)
    assert progress.objectives == {"val_loss": 0.5}
    for a, b in zip(best, progress.best_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    assert epochs_done(path) == 4
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


def test_other_models_and_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    checkpoint.save(path, trained(0), Progress())
    wider = dense(5)
    wider.fit(*data().train, verbose=0)
    with pytest.raises(ValueError, match="checkpoint's model has 4 variables"):
        Checkpoint(path).restore(wider)
    np.savez(tmp_path / "b.npz", a=np.ones(3))
    with pytest.raises(ValueError, match="is no checkpoint of a trial"):
        Checkpoint(tmp_path / "b.npz")


@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16"])
def test_half_precision_and_seed_generators_come_back(tmp_path, policy):
    def build():
        layers = [
            keras.Input((64,)),
            keras.layers.Dense(4, dtype=policy),
            keras.layers.BatchNormalization(dtype=policy),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(10, activation="softmax", dtype="float32"),
        ]
        model = keras.Sequential(layers)
        loss = "sparse_categorical_crossentropy"
        model.compile("adam", loss, run_eagerly=True)
        model.fit(*data().train, verbose=0)
        return model

    first, second = build(), build()
    checkpoint.save(tmp_path / "a.npz", first, Progress())
    Checkpoint(tmp_path / "a.npz").restore(second)
    for one, two in (
        (first.variables, second.variables),
        (first.optimizer.variables, second.optimizer.variables),
    ):
        for a, b in zip(one, two, strict=True):
            a, b = (keras.ops.convert_to_numpy(v).astype("float64") for v in (a, b))
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 cut short", b"\x93NUMPY", b"a"])
def test_checkpoint_that_cannot_be_read_counts_as_none(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    assert checkpoint.epochs_done(path) == 0
    with pytest.raises(ValueError, match="is no checkpoint of a trial"):
        Checkpoint(path)
