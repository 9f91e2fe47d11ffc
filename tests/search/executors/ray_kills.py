"""Kills a search's driver and Ray's actors at random moments, and looks each time.

    python ray_kills.py STUDY FOLDER KILLS SEED

It is the first process of a machine of its own, and imports no Keras.
"""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.search.invariants import ask, check, check_whole

TRIALS = 40
DRIVER = """
import sys
import kerasblocks as kb
from kerasblocks.search import load_study
kb.search.run(load_study(sys.argv[1]), ray="local", workers=2, out=sys.argv[2])
"""


def start():
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, study, folder],
        stdout=subprocess.DEVNULL,
        stderr=(folder.parent / "errors.log").open("a"),
    )


def actors():
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if path.read_bytes().startswith(b"ray::TrialActor"):
                found.append(int(path.parent.name))
    return found


def attempts():
    with contextlib.suppress(sqlite3.OperationalError):
        return ask(folder, "SELECT count(*) FROM attempts")[0][0]
    return 0


def wait(there, seconds):
    end = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def ended():
    return driver.poll() is not None


study, folder = map(Path, sys.argv[1:3])
kills, seed = map(int, sys.argv[3:])
chance = random.Random(seed)
killed = {"driver": 0, "actor": 0}
kept = {}
driver, so_far = start(), 0
for kill in range(kills):
    victim = ("actor", "driver")[kill % 2]
    if victim == "driver" and chance.random() < 0.25:
        # Perhaps before there is anything.
        time.sleep(chance.uniform(0, 10))
    else:
        wait(lambda many=so_far: attempts() > many or ended(), 120)
        time.sleep(chance.uniform(0, 0.5))
    if ended():
        break
    if victim == "driver":
        driver.kill()
        driver.wait()
        # Nothing of it goes on.
        wait(lambda: not actors(), 60)
    elif found := actors():
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(found), signal.SIGKILL)
    killed[victim] += 1
    kept = check(folder, kept)
    so_far = attempts()
    if victim == "driver":
        driver = start()
assert driver.wait(300) == 0, (folder.parent / "errors.log").read_text()
check_whole(folder, TRIALS, kept)
causes = ask(folder, "SELECT worker, status, cause, epoch FROM attempts")
sys.stdout.write(json.dumps({"killed": killed, "attempts": causes}) + "\n")
