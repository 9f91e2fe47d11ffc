"""A study whose epochs last long enough to be killed in the middle of one."""

import time

import keras

from tests.search.studies import study as tiny


class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.4)


study = tiny(name="slow", trials=4, epochs=2, callbacks=lambda: [Slow()])
