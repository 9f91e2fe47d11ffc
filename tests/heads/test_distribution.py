"""Heads under tf.distribute: two replicas give what one device gives."""

import json
import subprocess
import sys

import keras
import pytest

SCRIPT = """
import json
import tensorflow as tf
import keras
import numpy as np
import kerasblocks as kb

cpu = tf.config.list_physical_devices("CPU")[0]
two = [tf.config.LogicalDeviceConfiguration()] * 2
tf.config.set_logical_device_configuration(cpu, two)
x = np.random.default_rng(0).standard_normal((16, 4)).astype("float32")
y = {"size": 5 * x[:, :1], "good": np.arange(16) % 2}
histories = []
for strategy in (
    tf.distribute.get_strategy(), tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
):
    keras.utils.set_random_seed(0)
    with strategy.scope():
        heads = kb.MultiHeadOutput(
            {"size": kb.heads.Regression(), "good": kb.heads.Binary()},
            balancing="uncertainty",
        )
        inputs = keras.Input((4,))
        hidden = keras.layers.Dense(3, kernel_regularizer="l2")(inputs)
        model = kb.MultiHeadModel(inputs, heads(hidden))
        model.compile(keras.optimizers.SGD(0.1), **heads.compile_args())
    fitted = model.fit(x, y, batch_size=16, epochs=4, shuffle=False, verbose=0)
    histories.append(fitted.history)
print(json.dumps(histories))
"""


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="tf.distribute")
def test_two_replicas_give_what_one_device_gives():
    # A process of its own: devices are split before TensorFlow starts.
    process = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    one, two = json.loads(process.stdout.splitlines()[-1])
    assert one.keys() == two.keys()
    for name in one:
        assert two[name] == pytest.approx(one[name], rel=1e-4), name
