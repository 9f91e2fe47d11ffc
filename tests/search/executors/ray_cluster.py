"""Machines for the tests of Ray: each a network, a process tree, a folder of its own.

A machine ends with all that runs on it as soon as it is killed, or as the test is;
its network, and what it mounted, end with it.
"""

import contextlib
import importlib.util
import json
import os
import shlex
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
HEAD = "10.77.0.1"
_RAY = f"{Path(sysconfig.get_path('scripts')) / 'ray'} start --num-cpus=1"
_HEAD = f"--head --port=6379 --include-dashboard=false --node-ip-address={HEAD}"
_MACHINE = (
    *("setpriv", "--pdeathsig", "KILL", "--"),
    *("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"),
    *("sh", "-c", 'ip link set lo up && exec "$@"', "sh"),
)


def why_not():
    """Says why these tests cannot run here, or returns an empty string."""
    for package in ("ray", "jax"):
        if importlib.util.find_spec(package) is None:
            return f"{package} is not installed"
    tools = ("setpriv", "unshare", "nsenter", "ip")
    lacking = [tool for tool in tools if shutil.which(tool) is None]
    if lacking:
        return f"there is no {lacking[0]}, for networks of the test's own"
    tried = subprocess.run([*_MACHINE, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "networks of one's own are not allowed"


@pytest.fixture
def machine(tmp_path):
    """Starts programs, each on a machine of its own, and ends them."""
    if reason := why_not():
        pytest.skip(reason)
    # Unix sockets lie in it, so its path is to be short.
    temporary = Path(tempfile.mkdtemp(prefix="kbr", dir="/tmp"))
    # Keras imports TensorFlow, if it is there, to save any model: seconds for each
    # of many processes that run on JAX.
    (temporary / "tensorflow.py").write_text("raise ImportError\n")
    started = []

    def start(*command, **options):
        environment = {
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": f"{temporary}:{ROOT}",
            "RAY_TMPDIR": str(temporary),
            "TMPDIR": str(temporary),
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "RAY_USAGE_STATS_ENABLED": "0",
            **options,
        }
        process = subprocess.Popen(
            [*_MACHINE, *map(str, command)],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        network = f"/proc/{process.pid}/ns/net"
        until(
            lambda: os.readlink(network) != os.readlink("/proc/self/ns/net"),
            30,
            process,
        )
        return process

    start.temporary = temporary
    try:
        yield start
    finally:
        for process in started:
            process.kill()
            with contextlib.suppress(ValueError):
                process.communicate()
        shutil.rmtree(temporary, ignore_errors=True)


def report(process, seconds):
    """Waits for a script; returns the JSON that its last line is, and all it said."""
    said, errors = process.communicate(timeout=seconds)
    assert process.returncode == 0, said + errors
    *lines, last = said.splitlines()
    return json.loads(last), "\n".join(lines) + errors


def script(name, *arguments):
    """Returns the command that runs a script beside this file."""
    return sys.executable, HERE / name, *arguments


def head(*arguments):
    """Returns what makes a machine the cluster's head and then runs a script there.

    It begins when a line comes, as the cable is in.
    """
    run = " ".join(shlex.quote(str(word)) for word in script(*arguments))
    return "sh", "-c", f"read go; {_RAY} {_HEAD} > head.log 2>&1 && exec {run}"


def node(address, *hidden):
    """Returns what makes a machine a node, without what lies in some folders."""
    hide = " && ".join(f"mount -t tmpfs none {folder}" for folder in hidden)
    start = f"{_RAY} --address={HEAD}:6379 --node-ip-address={address}"
    # Until the head is up.
    return (
        "sh",
        "-c",
        f"{hide} && read go; until {start}; do sleep 0.5; done; sleep 999",
    )


def connect(one, other, address):
    """Lays a cable from the head to another machine, and lets both begin."""
    name = "kb" + address.rpartition(".")[2]
    _ip("link", "add", name, "netns", one.pid, "type", "veth",
        "peer", "name", name, "netns", other.pid)  # fmt: skip
    # Not the cable's own address: it stays when the other machine goes.
    _ip("addr", "replace", f"{HEAD}/32", "dev", "lo", inside=one)
    _ip("link", "set", name, "up", inside=one)
    _ip("route", "add", f"{address}/32", "dev", name, "src", HEAD, inside=one)
    _ip("addr", "add", f"{address}/24", "dev", name, inside=other)
    _ip("link", "set", name, "up", inside=other)
    for process in (one, other):
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write("go\n")
            process.stdin.flush()


def _ip(*command, inside=None):
    where = () if inside is None else ("nsenter", "-t", inside.pid, "-n")
    subprocess.run([str(word) for word in (*where, "ip", *command)], check=True)


def until(there, seconds, process, *others):
    """Waits until something is there while a process runs; returns it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(sqlite3.OperationalError):
            if found := there():
                return found
        time.sleep(0.05)
    for each in (process, *others):
        each.kill()
    raise AssertionError([each.communicate() for each in (process, *others)])
