"""Searches to be killed: `python -m tests.search.killable` with options for `run`.

With options, as JSON, it searches. Without, each line of standard input is such
options, searched in a fork of this process, which need not import all again.
"""

import json
import os
import sys
import time

import keras

from kerasblocks.search import run
from kerasblocks.search.display import Display
from tests.search.studies import dense
from tests.search.studies import study as tiny


class Slow(keras.callbacks.Callback):
    """Gives a kill time to come, at no cost."""

    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.15)


def build(hp):
    return dense(hp.Choice("units", [2, 4, 8]), hp.Float("rate", 1e-3, 1e-1))


study = tiny(
    name="killable",
    hypermodel=build,
    epochs=2,
    callbacks=lambda: [Slow()],
    checkpoint=0,
    # The kills are many, and none is the trials' fault.
    retries={"killed": 99},
    max_failures=99,
)


def search(options):
    with open(options.pop("log"), "a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        run(study, display=Display(log), **options)


def serve():
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                search(json.loads(line))
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        search(json.loads(sys.argv[1]))
    else:
        serve()
