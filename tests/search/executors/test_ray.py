"""Trials on Ray, each test on machines of its own: see ray_cluster.py."""

import contextlib
import re
import shutil
import socket
import threading

import pytest

from kerasblocks.search.executors.ray import Ray
from kerasblocks.search.executors.ray_link import Node, probe
from kerasblocks.search.executors.ray_scratch import scratch
from tests.search.executors.ray_cluster import (
    HEAD,
    HERE,
    THOROUGH,
    connect,
    head,
    machine,
    node,
    report,
    script,
    until,
)
from tests.search.invariants import ask, check, check_whole

__all__ = ["machine"]

TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}


@pytest.mark.slow
def test_workers_succeed_fail_die_and_hang(machine, tmp_path):
    seen, said = report(machine(*script("ray_faults.py", tmp_path)), 300)
    assert "raylet" not in said
    assert "GCS" not in said
    well = seen["well"]
    assert sorted(well["names"].values()) == ["worker 1", "worker 2"]
    statuses = {number: each["status"] for number, each in well["outcomes"].items()}
    assert statuses == {"1": "COMPLETED", "2": "PRUNED"}
    assert well["epochs"] == {"1": [1, 2, 3], "2": [1, 2]}
    assert well["outcomes"]["1"]["best_epoch"] == 3
    assert well["outcomes"]["1"]["score"] == pytest.approx(1 / 3)
    assert seen["model"] == 200_000
    assert {address.removeprefix("::ffff:") for address in seen["listening"]} == {
        "127.0.0.1"
    }
    raised, left = seen["faults"]["3"], seen["faults"]["4"]
    assert (raised["status"], raised["cause"]) == ("FAILED", "exception")
    assert raised["error"].startswith("ArithmeticError: as it was told")
    assert left["cause"] == "killed"
    first, second = seen["killed"]["outcomes"]
    assert (first["status"], first["cause"]) == ("FAILED", "killed")
    assert "was killed or crashed" in first["error"]
    assert second["status"] == "COMPLETED"
    # Its checkpoint had come back before it died, and another worker got it.
    assert seen["killed"]["kept"] >= 1
    assert seen["killed"]["epochs"] == [
        [1, 2],
        list(range(seen["killed"]["kept"] + 1, 4)),
    ]
    hung = seen["hang"]["outcome"]
    assert (hung["status"], hung["cause"]) == ("FAILED", "hang")
    assert "gave no sign of life for 2 s and was ended" in hung["error"]
    assert seen["hang"]["seconds"] < 30
    assert seen["scratch"] == []
    assert "the cluster at 127.0.0.1:" in seen["lost"]["error"]
    assert "what had finished is kept" in seen["lost"]["error"]
    assert seen["lost"]["seconds"] < 40
    assert seen["closed"] < 40
    assert seen["left"] == []


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_trial(machine, tmp_path):
    kills = 17 if THOROUGH else 2
    folder = tmp_path / "out"
    study = HERE / "ray_study.py"
    command = script("ray_kills.py", study, folder, kills, 0)
    seen, _ = report(machine(*command), 60 * kills + 300)
    assert sum(seen["killed"].values()) == kills
    statuses = ask(folder, "SELECT status FROM attempts")
    # An actor may die between two trials.
    assert statuses.count(("FAILED",)) <= seen["killed"]["actor"]
    assert statuses.count(("INTERRUPTED",)) <= 2 * seen["killed"]["driver"]
    check_whole(folder, 40)


@pytest.mark.slow
def test_a_machine_that_is_lost_costs_its_trials_an_attempt(machine, tmp_path):
    study, folder = tmp_path / "study" / "told.py", tmp_path / "out"
    study.parent.mkdir()
    shutil.copy(HERE / "ray_study.py", study)
    folder.mkdir()
    quick = {
        **TOKEN,
        "RAY_health_check_period_ms": "500",
        "RAY_health_check_timeout_ms": "2000",
        "RAY_health_check_failure_threshold": "4",
    }
    first = machine(*head("ray_machines.py", study, folder, f"{HEAD}:6379"), **quick)
    second = machine(*node("10.77.0.2", tmp_path), **TOKEN)
    connect(first, second, "10.77.0.2")
    running = (
        "SELECT number FROM attempts WHERE status = 'RUNNING' AND worker LIKE "
        "'%(10.77.0.2)' AND (SELECT count(*) FROM trials WHERE status = 'COMPLETED') "
        "> 1 AND (SELECT max(epoch) FROM epochs WHERE number = attempts.number) > 0"
    )
    ((cut,),) = until(lambda: ask(folder, running), 120, first, second)
    second.kill()
    before = check(folder)
    until((folder / "lonely").exists, 120, first)
    third = machine(*node("10.77.0.3", tmp_path), **TOKEN)
    connect(first, third, "10.77.0.3")
    names, _ = report(first, 120)
    assert names == ["worker 1", "worker 2 (10.77.0.3)"]
    check_whole(folder, 12, before)
    rows = ask(folder, "SELECT attempt, worker, status, cause, error FROM attempts")
    failed = [row for row in rows if row[2] == "FAILED"]
    ((_, worker, _, cause, error),) = failed
    assert cause == "killed"
    assert worker in ("worker 1 (10.77.0.2)", "worker 2 (10.77.0.2)")
    assert re.match(rf"{re.escape(worker)} \(process \d+\) .*is gone", error)
    again = f"SELECT status FROM attempts WHERE number = {cut} AND attempt = 2"
    assert ask(folder, again) == [("COMPLETED",)]


@contextlib.contextmanager
def server(answer):
    """Something that listens, and is not Ray."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            with contextlib.suppress(OSError):
                channel, _ = listening.accept()
                with channel:
                    channel.sendall(answer)
                    channel.recv(999)
                    channel.recv(999)

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


def test_an_address_where_nothing_answers_is_named_at_once():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        address = f"127.0.0.1:{closed.getsockname()[1]}"
    with pytest.raises(ConnectionError, match=f"no cluster answers at '{address}': "):
        probe(address)


def test_an_address_where_something_else_answers_is_named(monkeypatch):
    monkeypatch.setattr("kerasblocks.search.executors.ray_link._CONNECT", 0.2)
    with (
        server(b"HTTP/1.0 505") as address,
        pytest.raises(
            ConnectionError, match=r"is no Ray cluster \(it began with b'HTTP"
        ),
    ):
        probe(address)
    with (
        server(b"") as address,
        pytest.raises(ConnectionError, match=r"no cluster answers at .*timed out"),
    ):
        probe(address)


@pytest.mark.parametrize("address", ["somewhere", "a b:1", "host:99999", "host:", ""])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="'address' must be None, 'local', 'auto' or"):
        probe(address)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"workers": 0}, "'workers' must be a positive int, got 0"),
        ({"cpus_per_worker": -1}, "'cpus_per_worker' must be a positive number, got"),
        ({"gpus_per_worker": -1}, "gpus_per_worker must be a number of 0 or more"),
        ({"patience": 0}, "'patience' must be a positive number, got 0"),
    ],
)
def test_arguments_are_checked_before_anything_starts(arguments, words):
    with pytest.raises(ValueError, match=words):
        Ray(None, "local", **arguments)


@pytest.mark.parametrize(
    ("cpus", "gpus", "workers"),
    [(1, 0, 8), (3, 0, 2), (1, 1, 2), (1, 0.5, 4), (9, 0, 0)],
)
def test_a_node_holds_as_many_workers_as_its_scarcest_resource(cpus, gpus, workers):
    assert Node("a", "10.0.0.1", 1, 8.0, 2.0).holds(cpus, gpus) == workers


def test_a_folder_that_a_killed_process_left_is_swept(tmp_path):
    left = tmp_path / "kerasblocks-ray-left"
    left.mkdir()
    (left / "checkpoint").touch()
    lock = left.with_suffix(".lock")
    lock.touch()
    strange = tmp_path / "kerasblocks-ray-strange"
    strange.mkdir()
    with scratch(tmp_path) as mine:
        assert not left.exists()
        assert not lock.exists()
        with scratch(tmp_path) as other:
            assert mine.exists()
            assert other != mine
    assert list(tmp_path.iterdir()) == [strange]
