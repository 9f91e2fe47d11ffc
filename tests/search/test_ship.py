"""Studies sent to another process, and read again as if this were one."""

import dataclasses
import functools
import pickle
import sys
import threading

import keras
import keras_tuner as kt
import numpy as np
import pytest

from kerasblocks.search import Splits, Study, StudyError, load_study
from kerasblocks.search.ship import pack, unpack
from tests.search.studies import study as tiny

SIZE = 3


def width():
    return SIZE


def build(hp):
    return width()


@functools.cache
def data():
    return Splits(width(), None)


class Own(kt.HyperModel):
    def __init__(self, extra=None):
        super().__init__()
        self.extra = extra

    def build(self, hp):
        return self.extra


def study(**changes):
    settings = {
        "name": "sent",
        "hypermodel": build,
        "data": data,
        "objective": "val_loss",
    }
    return Study(**settings | changes)


def test_functions_go_with_what_they_need(monkeypatch):
    packed = pack(study())
    monkeypatch.setitem(globals(), "SIZE", 4)
    there = unpack(packed)
    assert there.hypermodel is not build
    assert there.hypermodel(None) == 3
    assert there.data() is there.data()
    assert there.splits().train == 3
    assert build(None) == 4


def test_closures_and_partials():
    number = 5
    there = unpack(
        pack(
            study(
                hypermodel=functools.partial(lambda hp, add: number + add, add=1),
                callbacks=lambda: [number],
            )
        )
    )
    assert there.hypermodel(None) == 6
    assert there.callbacks() == [5]


def test_hypermodels_and_layers_in_them():
    there = unpack(pack(study(hypermodel=Own(keras.layers.Dropout(0.25)))))
    assert there.hypermodel.build(None).rate == 0.25


def test_plain_settings_arrive():
    sent = study(
        objective=kt.Objective("val_odd", "max"), trials=7, epochs=3, batch_size=5
    )
    there = unpack(pack(sent))
    for name in ("name", "objective", "trials", "epochs", "batch_size", "seed"):
        assert getattr(there, name) == getattr(sent, name)


def test_a_study_of_another_module():
    assert unpack(pack(tiny())).splits().train[0].shape == (64, 64)


def test_kerastuners_own_models_go_by_name():
    sent = study(
        hypermodel=kt.applications.HyperResNet(input_shape=(8, 8, 1), classes=2)
    )
    there = unpack(pack(sent))
    assert type(there.hypermodel) is kt.applications.HyperResNet


def test_what_is_registered_with_keras_is_so_there():
    @keras.saving.register_keras_serializable("sent")
    class Layer(keras.layers.Layer):
        pass

    packed = pack(study(hypermodel=lambda hp: Layer))
    registry = keras.saving.get_custom_objects()
    del registry["sent>Layer"]
    there = unpack(packed)
    assert registry.pop("sent>Layer") is there.hypermodel(None)


def test_keras_settings_go_along():
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("mixed_bfloat16")
    packed = pack(study())
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    unpack(packed)
    assert keras.config.image_data_format() == "channels_first"
    assert keras.config.floatx() == "float64"
    assert keras.config.dtype_policy().name == "mixed_bfloat16"


def test_another_backend_is_refused():
    parcel = pickle.loads(pack(study()))
    parcel["settings"]["backend"] = "other"
    here = keras.backend.backend()
    words = f"Study 'sent': .*backend 'other', but here it is '{here}'; set KERAS_BACK"
    with pytest.raises(StudyError, match=words):
        unpack(pickle.dumps(parcel))


def test_the_path_for_imports_goes_along(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    packed = pack(study())
    monkeypatch.setattr(sys, "path", [p for p in sys.path if p != str(tmp_path)])
    unpack(packed)
    assert str(tmp_path) in sys.path


FILE = """
import kerasblocks as kb
from neighbour_of_the_study import SIZE, Thing

HERE = __file__


def data():
    return kb.search.Splits(SIZE, Thing)


def build(hp):
    return "as it was"


study = kb.search.Study(
    name="filed", hypermodel=build, data=data, objective="val_loss", trials=4
)
"""


@pytest.fixture
def filed(tmp_path, monkeypatch):
    """A study's file with a module beside it, and no trace of them in this process."""
    folder = tmp_path / "with a space"
    folder.mkdir()
    (folder / "neighbour_of_the_study.py").write_text("SIZE = 8\nclass Thing: pass\n")
    (folder / "filed.py").write_text(FILE)
    yield folder / "filed.py"
    forget()


def forget():
    for name in list(sys.modules):
        if "neighbour_of_the_study" in name or name.endswith("_filed"):
            del sys.modules[name]


def test_a_study_from_a_file_goes_as_the_file_was(filed):
    packed = pack(load_study(filed))
    forget()
    filed.write_text("an error")
    there = unpack(packed)
    assert there.source == filed
    assert there.hypermodel(None) == "as it was"
    assert there.splits().train == 8
    assert there.hypermodel.__globals__["HERE"] == str(filed)
    assert str(filed.parent) not in sys.path


def test_what_was_changed_since_goes_along(filed):
    loaded = load_study(filed)
    changed = dataclasses.replace(
        loaded,
        trials=9,
        seed=3,
        data=functools.cache(loaded.data),
        hypermodel=lambda hp: "another",
        objective="val_accuracy",
    )
    packed = pack(changed, copy=False)
    changes, _ = pickle.loads(pickle.loads(packed)["changes"])
    assert set(changes) == {"trials", "seed", "hypermodel", "objective"}
    there = unpack(packed)
    assert (there.trials, there.seed, there.objective) == (9, 3, "val_accuracy")
    assert there.hypermodel(None) == "another"
    assert there.splits().train == 8


def test_without_its_file_a_study_goes_by_value(filed):
    loaded = load_study(filed)
    packed, short = pack(loaded), pack(loaded, copy=False)
    forget()
    for file in filed.parent.glob("*.py"):
        file.unlink()
    there = unpack(packed)
    assert there.hypermodel(None) == "as it was"
    assert there.splits().train == 8
    assert there.splits().validation.__name__ == "Thing"
    with pytest.raises(StudyError, match=r"filed.py: ModuleNotFoundError: .*neighbour"):
        unpack(short)


def test_a_file_may_hold_what_cannot_be_sent(filed):
    text = filed.read_text() + "\nimport threading\nlock = threading.Lock()\n"
    text = text.replace('"as it was"', "lock")
    filed.write_text(text)
    packed = pack(load_study(filed))
    assert unpack(packed).hypermodel(None).acquire()
    filed.unlink()
    # The text does, as the module beside it is there.
    assert unpack(packed).hypermodel(None).acquire()


def test_a_file_in_another_encoding(filed):
    text = FILE.replace("as it was", "où")
    filed.write_bytes(b"# coding: latin-1\n" + text.encode("latin-1"))
    assert unpack(pack(load_study(filed))).hypermodel(None) == "où"


def test_a_file_that_is_gone_goes_by_value(filed):
    loaded = load_study(filed)
    filed.unlink()
    there = unpack(pack(loaded))
    assert there.hypermodel(None) == "as it was"
    assert there.source == filed


def test_a_file_that_fails_there_is_named(filed):
    packed = pack(load_study(filed))
    forget()
    (filed.parent / "neighbour_of_the_study.py").unlink()
    words = r"filed.py: ModuleNotFoundError: .*neighbour.*\[filed.py:3 in <module>\]"
    with pytest.raises(StudyError, match=words):
        unpack(packed)


def test_a_module_that_is_not_there_is_named(filed, monkeypatch):
    monkeypatch.syspath_prepend(filed.parent)
    import neighbour_of_the_study

    thing = neighbour_of_the_study.Thing
    packed = pack(study(hypermodel=lambda hp: thing))
    forget()
    (filed.parent / "neighbour_of_the_study.py").unlink()
    with pytest.raises(StudyError, match=r"Study 'sent': .*No module named 'neighb"):
        unpack(packed)


LOCK = threading.Lock()


def guarded(hp):
    return LOCK


def calls_guarded(hp):
    return guarded(hp)


def test_what_cannot_be_sent_is_named(tmp_path):
    with pytest.raises(StudyError) as caught:
        pack(study(hypermodel=calls_guarded))
    said = str(caught.value)
    assert said.startswith(
        "Study 'sent': 'hypermodel', in it 'guarded', in it 'LOCK' cannot be sent to "
        "another process (TypeError: cannot pickle '_thread.lock' object); "
    )
    assert "put the study in a file of its own" in said
    with (tmp_path / "open").open("wb") as file:
        opened = {"a": file}
        with pytest.raises(StudyError, match="'data', in it 'file' cannot be sent"):
            pack(study(data=lambda: file))
        with pytest.raises(StudyError, match="'hypermodel', in it 'extra' cannot be"):
            pack(study(hypermodel=Own(file)))
        with pytest.raises(
            StudyError, match="'callbacks', in it 'opened', in it 'a' c"
        ):
            pack(study(callbacks=lambda: [opened]))


def test_no_module_stays_marked_for_cloudpickle():
    import cloudpickle

    before = cloudpickle.list_registry_pickle_by_value()
    pack(study())
    with pytest.raises(StudyError):
        pack(study(hypermodel=guarded))
    assert cloudpickle.list_registry_pickle_by_value() == before


def test_nothing_is_written_beside_the_study(filed):
    def files():
        return {p.name for p in filed.parent.rglob("*") if p.name != "__pycache__"}

    before = {name for name in files() if not name.endswith(".pyc")}
    unpack(pack(load_study(filed)))
    assert {name for name in files() if not name.endswith(".pyc")} == before


def test_large_data_go_along():
    large = np.arange(10**6)
    there = unpack(pack(study(data=lambda: Splits(large, None))))
    np.testing.assert_array_equal(there.splits().train, large)
