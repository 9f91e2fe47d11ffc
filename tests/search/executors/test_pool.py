"""The pool with workers that die, hang and babble; no Keras in them but at the end."""

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pytest

from kerasblocks.search import Splits, Study, StudyError, load_study
from kerasblocks.search.executors import pool as pool_module
from kerasblocks.search.executors import process
from kerasblocks.search.executors.pool import Pool
from kerasblocks.search.executors.slot import Slot
from kerasblocks.search.jobs import Job
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def data():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    return Splits((x[:48], y[:48]), (x[48:], y[48:]))


def study(**changes):
    settings = {
        "name": "tiny",
        "hypermodel": lambda hp: None,
        "data": data,
        "objective": "val_loss",
    }
    return Study(**settings | changes)


def job(number, *do, **changes):
    point = {"do": do or ("train",)}
    settings = {"attempt": 1, "point": point, "seed": number, "epochs": 1}
    files = {"model": f"m{number}.keras", "checkpoint": f"c{number}.npz"}
    return Job(number, **settings | files | changes)


def yes(epoch):
    return True


def wait(pool, on_epoch=yes):
    (outcome,) = pool.wait(on_epoch)
    return outcome


def is_there(pid):
    """Whether a process is there and is no zombie, which nobody may come to reap."""
    try:
        os.kill(pid, 0)
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone_within(seconds, *pids):
    until = time.monotonic() + seconds
    while any(map(is_there, pids)) and time.monotonic() < until:
        time.sleep(0.02)
    return not any(map(is_there, pids))


@pytest.fixture
def light(monkeypatch):
    """Makes pools whose workers begin at once and do as the jobs say."""
    monkeypatch.setattr(process, "PROGRAM", HERE / "light_worker.py")
    with contextlib.ExitStack() as stack:

        def make(workers=1, **options):
            pool = Pool(study(), workers, **options)
            stack.callback(pool.close)
            return pool

        yield make


def test_trials_run_two_at_once_and_a_worker_keeps_its_name(light, tmp_path):
    pool = light(2)
    # Each waits for the other.
    files = [str(tmp_path / "a"), str(tmp_path / "b")]
    names = [
        pool.submit(job(1, "meet", *files)),
        pool.submit(job(2, "meet", *reversed(files))),
    ]
    ended = [*pool.wait(yes)]
    ended += [] if len(ended) == 2 else pool.wait(yes)
    assert names == ["worker 1", "worker 2"]
    assert {each.number for each in ended} == {1, 2}
    assert {each.status for each in ended} == {COMPLETED}
    assert len({each.point["values"]["process"] for each in ended}) == 2


def test_no_more_trials_than_workers(light):
    pool = light()
    pool.submit(job(1))
    with pytest.raises(RuntimeError, match="no worker is free for a trial: all 1 are"):
        pool.submit(job(2))
    pool.close()
    with pytest.raises(RuntimeError, match="it was closed"):
        pool.submit(job(2))


def test_without_a_trial_there_is_nothing_to_wait_for(light):
    assert light().wait(yes) == []


def test_epochs_are_answered_in_the_callers_thread(light):
    pool = light()
    seen = []

    def on_epoch(epoch):
        seen.append((epoch.number, epoch.epoch, epoch.metrics, threading.get_ident()))
        return epoch.epoch < 3

    pool.submit(job(5, epochs=9))
    outcome = wait(pool, on_epoch)
    assert outcome.status == PRUNED
    assert outcome.best_epoch == 3
    assert [each[:2] for each in seen] == [(5, 1), (5, 2), (5, 3)]
    assert seen[1][2] == {"val_loss": 0.5, "resident": None}
    assert {each[3] for each in seen} == {threading.get_ident()}


def test_an_error_of_the_driver_passes_through(light):
    pool = light()
    pool.submit(job(1))

    def on_epoch(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.wait(on_epoch)
    pool.close()


@pytest.mark.parametrize(
    ("do", "words"),
    [
        (("kill", signal.SIGKILL), "SIGKILL .*memory ran out"),
        (("kill", signal.SIGTERM), "SIGTERM .*asked it to end"),
        (("crash",), "SIGSEGV .*a crash in native code"),
        (("leave", 3), "exit code 3 .*os._exit"),
        (("leave", 0), "exit code 0 .*os._exit"),
        (("exit_", 4), "exit code 4 .*sys.exit"),
        (("garble", "no message\n"), "sent what is no message, b'no message'"),
        (("garble", "[1, 2]\n"), "sent what is no message"),
        (("half",), "SIGKILL"),
        (("close",), "closed its pipe to the driver"),
    ],
    ids=str,
)
def test_a_death_costs_one_trial(light, do, words):
    pool = light()
    pool.submit(job(1, *do))
    outcome = wait(pool)
    assert (outcome.number, outcome.status, outcome.cause) == (1, FAILED, "killed")
    assert outcome.point is None
    assert outcome.seconds > 0
    assert re.search(words, outcome.error), outcome.error
    assert outcome.error.startswith("worker 1 (process ")
    assert "\n" not in outcome.error
    assert pool.submit(job(2)) == "worker 1"
    assert wait(pool).status == COMPLETED


def test_the_last_lines_are_told_of(light):
    pool = light()
    pool.submit(job(1, "train"))
    wait(pool)
    pool.submit(job(7, "crash"))
    text = wait(pool).traceback
    assert "Fatal Python error: Segmentation fault" in text
    assert "light_worker.py" in text
    assert "in crash" in text
    assert "worker 1 (process" in text
    assert "trial 7, attempt 1" in text
    assert "trial 1," not in text
    pool.submit(job(8, "leave", 1))
    text = wait(pool).traceback
    assert "the last words of the study" in text
    assert "Segmentation" not in text
    pool.submit(job(9, "exit_", 1))
    assert "SystemExit: 1" in wait(pool).traceback


def test_children_die_with_their_worker(light, tmp_path):
    pool = light()
    begun = time.monotonic()
    pool.submit(job(1, "children", str(tmp_path / "pids")))
    assert wait(pool).cause == "killed"
    # Though a forked child has the worker's descriptors.
    assert time.monotonic() - begun < 5
    pids = [int(each) for each in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 3
    assert gone_within(2, *pids)


def test_a_hang_is_ended_and_says_where(light):
    pool = light()
    pool.submit(job(1, "hang", hang=0.5))
    outcome = wait(pool)
    assert (outcome.status, outcome.cause) == (FAILED, "hang")
    assert "no sign of life for 0.5 s" in outcome.error
    assert "before it hung" in outcome.traceback
    assert "most recent call first" in outcome.traceback
    assert "in hang" in outcome.traceback
    pool.submit(job(2))
    assert wait(pool).status == COMPLETED


def test_signs_of_life_hold_a_hang_off(light):
    pool = light()
    pool.submit(job(1, "train", 2.5, hang=1.2))
    assert wait(pool).status == COMPLETED


def test_a_driver_that_looked_away_blames_nobody(light):
    pool = light()
    pool.submit(job(1, "train", 0.1, hang=3.0))

    def on_epoch(epoch):
        time.sleep(0.2)
        # As if it had been long.
        pool._looked_at -= 100
        return True

    assert wait(pool, on_epoch).status == COMPLETED


def test_logs_are_kept_where_they_are_asked_for(light, tmp_path):
    pool = light(2, logs=tmp_path / "logs")
    for number in (1, 2):
        pool.submit(job(number, "chatter", 2000, hang=20))
    ended = 0
    while ended < 2:
        ended += len(pool.wait(yes))
    pool.submit(job(3, "leave", 3))
    text = wait(pool).traceback
    assert "the last words of the study" in text
    assert "xxx" not in text
    pool.close()
    for name in ("worker-1.log", "worker-2.log"):
        assert (tmp_path / "logs" / name).stat().st_size > 2000 * 2048


def test_a_worker_over_its_memory_is_replaced_after_its_trial(light):
    pool = light(memory=1e15)
    pids = []
    for number in (1, 2):
        pool.submit(job(number))
        pids.append(wait(pool).point["values"]["process"])
    assert len(set(pids)) == 1
    pool = light(memory=1)
    pids = []
    for number in (1, 2, 3):
        assert pool.submit(job(number)) == "worker 1"
        outcome = wait(pool)
        assert outcome.status == COMPLETED
        pids.append(outcome.point["values"]["process"])
    assert len(set(pids)) == 3
    assert gone_within(3, *pids[:2])


def test_what_counts_as_a_leak():
    class Nothing:
        """In place of a process."""

    slot = Slot(0, Nothing())
    share = 4e9
    assert slot.leaks(10, memory=9, share=share)
    assert not slot.leaks(10**9, None, share)
    assert not slot.leaks(2 * 10**9, None, share)
    assert slot.leaks(2 * 10**9 + 1, None, share)
    assert slot.leaks(15 * 10**8, None, share=4e8)
    # A process of 100 MB is not thrown away for 200 MB.
    slot.renew(Nothing())
    assert not slot.leaks(10**8, None, share)
    assert not slot.leaks(3 * 10**8, None, share)
    assert slot.leaks(4 * 10**8, None, share)


def test_a_worker_that_dies_idle_is_replaced_and_costs_nothing(light):
    pool = light()
    pool.submit(job(1))
    pid = wait(pool).point["values"]["process"]
    os.kill(pid, signal.SIGKILL)
    assert gone_within(5, pid)
    assert pool.submit(job(2)) == "worker 1"
    outcome = wait(pool)
    assert (outcome.number, outcome.status) == (2, COMPLETED)


def test_a_worker_that_dies_before_it_began_is_replaced(light, tmp_path, monkeypatch):
    (tmp_path / "once").touch()
    monkeypatch.setenv("LIGHT_ONCE", str(tmp_path / "once"))
    pool = light()
    pool.submit(job(1))
    assert wait(pool).status == COMPLETED
    assert not (tmp_path / "once").exists()


def test_a_study_that_fails_in_the_workers_is_said_once(light, monkeypatch):
    monkeypatch.setenv("LIGHT_START", "raise")
    pool = light(2)
    pool.submit(job(1))
    with pytest.raises(StudyError, match=r"^ValueError: no data today$"):
        pool.wait(yes)
    pool.close()


def test_workers_that_cannot_begin_are_not_started_for_ever(light, monkeypatch):
    monkeypatch.setenv("LIGHT_START", "die")
    pool = light()
    pool.submit(job(1))
    words = (
        r"Study 'tiny': worker 1 \(process \d+\) left with exit code 7 .*3 in a row "
        r"without one trial. The last lines that it wrote:\nlast words"
    )
    with pytest.raises(StudyError, match=words):
        pool.wait(yes)
    pool.close()


def test_close_is_quick_and_leaves_nobody(light):
    pool = light(2)
    pids = [worker.process.pid for worker in pool._workers]
    pool.submit(job(1, "ignore"))
    pool.submit(job(2, "train", 60))
    with pytest.raises(KeyboardInterrupt):
        pool.wait(_interrupt)
    begun = time.monotonic()
    pool.close()
    assert time.monotonic() - begun < 6
    assert not any(map(is_there, pids))
    pool.close()
    assert pool.wait(yes) == []


def _interrupt(epoch):
    if epoch.number == 2:
        raise KeyboardInterrupt
    return True


def test_ctrl_c_is_the_drivers(light):
    pool = light()

    def on_epoch(epoch):
        os.killpg(pool._workers[0].process.pid, signal.SIGINT)
        return True

    pool.submit(job(1, "train", 0.3))
    assert wait(pool, on_epoch).status == COMPLETED


def test_no_process_leaves_a_descriptor_behind(light):
    def count():
        return len(os.listdir("/proc/self/fd"))

    light().close()
    before = count()
    pool = light(2, memory=1)
    for number in range(4):
        pool.submit(job(number, *(("crash",) if number % 2 else ("train",))))
        wait(pool)
    pool.close()
    assert count() == before


def test_kills_at_random_moments_lose_no_trial(light, monkeypatch):
    monkeypatch.setattr(pool_module, "_FIRST_STARTS", 10**6)
    monkeypatch.setattr(pool_module, "_STARTS", 10**6)
    random_ = random.Random(0)
    pool = light(3)
    todo, ended, flying = list(range(40 if THOROUGH else 12)), [], 0
    stop = threading.Event()

    def murder():
        while not stop.wait(random_.uniform(0.02, 0.2)):
            with contextlib.suppress(ProcessLookupError, IndexError):
                victim = random_.choice(list(pool._workers)).process
                if victim.returncode is None:
                    os.kill(victim.pid, signal.SIGKILL)

    thread = threading.Thread(target=murder)
    thread.start()
    try:
        while todo or flying:
            while todo and flying < 3:
                pool.submit(job(todo.pop(), "train", 0.1, epochs=3))
                flying += 1
            for outcome in pool.wait(yes):
                assert outcome.status == COMPLETED or outcome.cause == "killed"
                ended.append(outcome.number)
                flying -= 1
    finally:
        stop.set()
        thread.join()
    assert sorted(ended) == list(range(40 if THOROUGH else 12))


def test_a_large_study_goes_through_the_pipe(monkeypatch):
    monkeypatch.setattr(process, "PROGRAM", HERE / "light_worker.py")
    monkeypatch.setattr(Pool, "_busy", lambda pool: not pool._workers[0].ready)
    large = np.ones(3 * 2**20)
    pool = Pool(study(data=lambda: large), 1)
    assert pool.wait(yes) == []
    assert pool._workers[0].ready
    pool.close()


def test_the_driver_gone_native_code_is_not_trained_on(light, tmp_path):
    pool = light()
    file = tmp_path / "pid"
    pool.submit(job(1, "hold", str(file)))

    def on_epoch(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        pool.wait(on_epoch)
    worker = pool._workers[0].process
    worker.send({"go": True})
    while not file.exists() or not file.read_text():
        time.sleep(0.01)
    time.sleep(0.1)
    # What the kernel does to all that the driver has open.
    os.close(worker._life)
    worker._life = -1
    if sys.platform == "linux":
        assert gone_within(2, worker.pid)


def test_arguments_are_checked():
    with pytest.raises(
        ValueError, match="Pool: 'workers' must be a positive int, got 0"
    ):
        Pool(study(), 0)
    with pytest.raises(ValueError, match="Pool: 'memory' must be a positive number"):
        Pool(study(), memory=0)


FILE = """
import json, os, sys
from pathlib import Path

import keras
import kerasblocks as kb

import {beside}

LOG = Path(__file__).with_name("read.txt")


def data():
    with LOG.open("a") as file:
        file.write(f"{{os.getpid()}}\\n")
    return kb.search.Splits(*{beside}.parts())


def build(hp):
    do = hp.Choice("do", ["train", "exit", "tell"])
    if do == "exit":
        sys.exit(5)
    if do == "tell":
        names = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
        told = {{name: os.environ[name] for name in names}}
        raise RuntimeError(json.dumps(told | {{"backend": keras.backend.backend()}}))
    print("a line of the study's own")
    units = hp.Int("units", 1, 1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(units)])
    model.compile("sgd", "mse", jit_compile=False)
    return model


study = kb.search.Study(
    name="file", hypermodel=build, data=data, objective="val_loss", epochs=2
)
"""
BESIDE = """
import numpy as np


def parts():
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    y = x.sum(axis=1, keepdims=True)
    return (x[:48], y[:48]), (x[48:], y[48:])
"""


def point(do):
    hp = kt.HyperParameters()
    hp.values["do"] = do
    hp.Choice("do", ["train", "exit", "tell"])
    hp.Int("units", 1, 1)
    return hp.get_config()


def test_keras_in_two_workers(tmp_path, monkeypatch, capfd):
    """The real thing, on whatever backend the tests run."""
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "beside_the_study.py").write_text(BESIDE)
    path = tmp_path / "filed.py"
    path.write_text(FILE.format(beside="beside_the_study"))
    pool = Pool(load_study(path), 2, logs=tmp_path / "logs")
    files = {
        number: {
            "point": point(do),
            "epochs": 2,
            "model": str(tmp_path / f"{number}.keras"),
            "checkpoint": str(tmp_path / f"{number}.npz"),
        }
        for number, do in enumerate(["train", "train", "tell", "exit"], 1)
    }
    epochs, ended = [], {}

    def on_epoch(epoch):
        epochs.append((epoch.number, epoch.epoch))
        return epoch.number != 2

    try:
        names = {pool.submit(job(number, **files[number])) for number in (1, 2)}
        assert names == {"worker 1", "worker 2"}
        # Both have read the data, and the second trial runs on at the first's end.
        while len(ended) < 2:
            ended |= {each.number: each for each in pool.wait(on_epoch)}
        names = {pool.submit(job(number, **files[number])) for number in (3, 4)}
        while len(ended) < 4:
            ended |= {each.number: each for each in pool.wait(on_epoch)}
    finally:
        pool.close()
    assert sorted(epochs) == [(1, 1), (1, 2), (2, 1)]
    assert [ended[number].status for number in (1, 2)] == [COMPLETED, PRUNED]
    assert ended[1].costs["parameters"] == 4
    model = keras.saving.load_model(tmp_path / "1.keras")
    splits = load_study(path).splits()
    loss = model.evaluate(*splits.validation, verbose=0)
    assert ended[1].score == pytest.approx(loss, rel=1e-4)
    share = str(max(1, len(os.sched_getaffinity(0)) // 2))
    told = json.loads(re.search(r"{.*}", ended[3].error).group())
    assert ended[3].cause == "exception"
    assert told == {
        "OMP_NUM_THREADS": share,
        "TF_NUM_INTRAOP_THREADS": share,
        "backend": keras.backend.backend(),
    }
    assert ended[4].cause == "killed"
    assert "exit code 5" in ended[4].error
    assert "filed.py" in ended[4].traceback
    # Once in each worker, once above; perhaps by the worker that took a place.
    pids = (tmp_path / "read.txt").read_text().split()
    assert len(pids) == len(set(pids)) in (3, 4)
    logs = [(tmp_path / "logs" / f"worker-{i}.log").read_text() for i in (1, 2)]
    assert sum(text.count("a line of the study's own") for text in logs) == 2
    assert capfd.readouterr() == ("", "")


SCRIPT = """
import keras
import numpy as np

from kerasblocks.search import Splits, Study
from kerasblocks.search.executors.pool import Pool
from kerasblocks.search.jobs import Job


def data():
    return Splits(*[(np.ones((8, 3)), np.ones((8, 1)))] * 2)


@keras.saving.register_keras_serializable("script")
class Own(keras.layers.Dense):
    pass


def build(hp):
    model = keras.Sequential([keras.Input((3,)), Own(1)])
    model.compile("sgd", "mse", jit_compile=False)
    return model


class Busy(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 1:
            sum(range(10**12))


study = Study(
    name="script",
    hypermodel=build,
    data=data,
    objective="val_loss",
    callbacks=lambda: [Busy()],
)
pool = Pool(study, 1)
pool.submit(Job(1, 1, {"space": [], "values": {}}, 0, 9, "model.keras", "c.npz"))
print(pool._workers[0].process.pid, flush=True)
pool.wait(lambda epoch: print("epoch", epoch.epoch, flush=True) or True)
"""


def test_a_script_needs_no_guard_and_its_workers_die_with_it(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    driver = subprocess.Popen(
        [sys.executable, "script.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with driver:
        pid = int(driver.stdout.readline())
        assert driver.stdout.readline() == "epoch 1\n"
        assert is_there(pid)
        time.sleep(1)
        driver.kill()
        assert gone_within(2, pid)
