"""A worker without Keras, which does what the job's point says: for tests of the pool.

All but the study and the trial is the real worker's.
"""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

WORKER = (
    Path(__file__).parents[3] / "kerasblocks" / "search" / "executors" / "worker.py"
)


def load(data):
    start = os.environ.get("LIGHT_START", "")
    if start == "raise":
        raise ValueError("no data today")
    if start == "die":
        os.write(1, b"last words\n")
        os._exit(7)
    once = Path(os.environ.get("LIGHT_ONCE", "/nowhere"))
    if once.exists():
        once.unlink()
        os._exit(8)
    return run


def run(job, on_epoch, alive):
    do, *arguments = job["point"]["do"]
    status, epoch = "COMPLETED", 0
    for epoch in range(1, job["epochs"] + 1):
        metrics = {"val_loss": 1 / epoch, "resident": None}
        if not on_epoch({"number": job["number"], "epoch": epoch, "metrics": metrics}):
            status = "PRUNED"
            break
    globals()[do](alive, *arguments)
    point = {"values": {"process": os.getpid(), "environment": dict(os.environ)}}
    number = job["number"]
    return {"number": number, "status": status, "point": point, "best_epoch": epoch}


def train(alive, seconds=0.0, every=0.05):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(every)
        alive()


def meet(alive, mine, other):
    Path(mine).touch()
    while not Path(other).exists():
        time.sleep(0.01)


def kill(alive, number):
    os.kill(os.getpid(), number)
    time.sleep(60)


def crash(alive):
    import ctypes

    ctypes.string_at(0)


def leave(alive, code):
    sys.stdout.write("the last words of the study\n")
    os._exit(code)


def exit_(alive, code):
    sys.exit(code)


def hang(alive):
    sys.stdout.write("before it hung\n")
    time.sleep(600)


def hold(alive, file):
    """Keeps Python to itself, as native code may."""
    Path(file).write_text(str(os.getpid()))
    sum(range(10**12))


def children(alive, file):
    child = subprocess.Popen(["sleep", "600"])
    forked = os.fork()
    if not forked:
        time.sleep(600)
    Path(file).write_text(f"{os.getpid()} {child.pid} {forked}")
    os.kill(os.getpid(), signal.SIGKILL)


def chatter(alive, size):
    for _ in range(size):
        sys.stdout.write("x" * 1023 + "\n")
        sys.stderr.write("y" * 1023 + "\n")


def garble(alive, text):
    os.write(OUTBOX, text.encode())
    time.sleep(60)


def half(alive):
    os.write(OUTBOX, b'{"kind": "outcome", "outco')
    os.kill(os.getpid(), signal.SIGKILL)


def close(alive):
    os.close(OUTBOX)
    time.sleep(60)


def ignore(alive):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)


if __name__ == "__main__":
    OUTBOX = int(sys.argv[2])
    spec = importlib.util.spec_from_file_location("worker", WORKER)
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    worker.main(sys.argv[1:], load)
