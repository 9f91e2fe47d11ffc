import sys

import pytest

from kerasblocks.search import tensorboard as ours
from tests.search.report.made import made

pytest.importorskip("tensorboard")


def events(folder):
    """Every value written to a folder, in order, as TensorBoard's own reader has it."""
    from tensorboard.backend.event_processing.event_file_loader import (
        LegacyEventFileLoader,
    )

    (file,) = folder.glob("*tfevents*")
    return [
        (event.step, value)
        for event in LegacyEventFileLoader(str(file)).Load()
        for value in event.summary.value
    ]


def scalars(folder):
    found = {}
    for step, value in events(folder):
        if value.HasField("simple_value"):
            found.setdefault(value.tag, []).append((step, value.simple_value))
    return found


def hparams(folder, tag, parse):
    from tensorboard.plugins.hparams import metadata

    (value,) = [v for _, v in events(folder) if v.tag == getattr(metadata, tag)]
    return getattr(metadata, parse)(value.metadata.plugin_data.content)


def started(folder):
    return hparams(
        folder, "SESSION_START_INFO_TAG", "parse_session_start_info_plugin_data"
    )


def ended(folder):
    return hparams(folder, "SESSION_END_INFO_TAG", "parse_session_end_info_plugin_data")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    result = made(trials=20)
    return result, ours.write(result, tmp_path_factory.mktemp("board"))


def test_each_trial_has_its_own_folder(folder):
    result, logs = folder
    assert sorted(path.name for path in logs.iterdir() if path.is_dir()) == [
        f"trial-{trial.number:04d}" for trial in result.trials
    ]


def test_experiment_says_what_is_searched(folder):
    result, logs = folder
    found = hparams(logs, "EXPERIMENT_TAG", "parse_experiment_plugin_data")
    assert found.name == "made"
    assert [info.name.tag for info in found.metric_infos] == ["val_accuracy", "macs"]
    infos = {info.name: info for info in found.hparam_infos}
    assert set(infos) == {name for t in result.trials for name in t.values}
    assert list(infos["stage/kind"].domain_discrete) == ["a", "b", "c"]
    assert all(info.differs for info in infos.values())


def test_trial_has_its_hyperparameters_and_metrics(folder):
    result, logs = folder
    for trial in result.trials[:4]:
        own = logs / f"trial-{trial.number:04d}"
        told = started(own).hparams
        assert {
            name: getattr(value, value.WhichOneof("kind"))
            for name, value in told.items()
        } == trial.values
        found = scalars(own)
        assert found["val_accuracy"] == [(6, pytest.approx(trial.score))]
        assert found["macs"] == [(6, trial.objectives["macs"])]
        assert found["epoch/val_accuracy"] == [
            (epoch, pytest.approx(metrics["val_accuracy"]))
            for epoch, metrics in enumerate(trial.epochs[:6], 1)
        ]


def test_trial_says_how_it_ended(folder):
    from tensorboard.plugins.hparams import api_pb2

    _, logs = folder
    good, bad = (ended(logs / f"trial-{number:04d}") for number in (1, 5))
    assert good.status == api_pb2.STATUS_SUCCESS
    assert bad.status == api_pb2.STATUS_FAILURE
    began = started(logs / "trial-0001").start_time_secs
    assert good.end_time_secs - began == 8


def test_written_again_it_is_the_same(folder, tmp_path):
    result, _ = folder
    ours.write(result, tmp_path)
    before = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    ours.write(result, tmp_path)
    after = {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert before == after
    assert len(after) == 21


def test_tensorboards_own_plugin_reads_it(folder):
    """What `tensorboard --logdir` would show in its HParams tab."""
    from tensorboard.backend.event_processing.plugin_event_multiplexer import (
        EventMultiplexer,
    )

    result, logs = folder
    runs = EventMultiplexer().AddRunsFromDirectory(str(logs))
    runs.Reload()
    seen = runs.PluginRunToTagToContent("hparams")
    assert len(seen) == len(result.trials) + 1
    (scalar,) = runs.Tensors("trial-0001", "val_accuracy")
    assert scalar.step == 6


def test_missing_package_is_said(monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.startswith("tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    with pytest.raises(ImportError, match=r"pip install 'kerasblocks\[tensorboard\]'"):
        ours.write(made(trials=1), tmp_path)


def test_it_needs_no_tensorflow(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    for name in [name for name in sys.modules if name.startswith("tensorboard.")]:
        monkeypatch.delitem(sys.modules, name)
    ours.write(made(trials=1), tmp_path)
    assert list(tmp_path.glob("trial-0001/*tfevents*"))
