"""`summary`: layers and operations that are hard to trace."""

import keras
from keras import layers, ops

from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import find


def test_what_cannot_be_traced_is_unknown():
    class Opaque(layers.Layer):
        def __init__(self):
            super().__init__(name="opaque")
            self.inner = layers.Dense(3, name="inner")

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            ops.convert_to_numpy(x) if isinstance(x, keras.KerasTensor) else None
            return self.inner(x)

    inputs = keras.Input((4,))
    model = keras.Model(inputs, layers.Dense(2)(Opaque()(inputs)))
    found = summary(model)
    assert found.macs is None
    assert found.known_macs == 6
    assert found.parameters == model.count_params()
    opaque = find(found, "opaque")
    assert opaque.output_shape == (None, 3)
    assert opaque.unknown.startswith("its call cannot be traced: ")
    assert [(row.name, row.parameters, row.macs) for row in opaque.children] == [
        ("inner", 15, None)
    ]
    assert find(found, "inner").output_shape is None


def test_a_trace_that_fails_leaves_nothing_in_the_tree():
    class Fails(layers.Layer):
        def __init__(self):
            super().__init__(name="fails")
            self.first = layers.Dense(3, name="first")
            self.rows = layers.TimeDistributed(layers.Dense(2), name="rows")

        def call(self, x):
            x = self.rows(self.first(x))
            if isinstance(x, keras.KerasTensor):
                raise TypeError("values, please")
            return x

    found = summary(
        lambda: keras.Sequential([Fails(), layers.Dense(5, name="after")]),
        (None, 4, 3),
    )
    fails = find(found, "fails")
    assert fails.unknown == "its call cannot be traced: TypeError: values, please"
    assert fails.output_shape == (None, 4, 2)
    assert [(row.name, row.shared_parameters) for row in fails.children] == [
        *(("first", 0), ("rows", 0))
    ]
    after = find(found, "after")
    assert (after.times, after.macs) == (1, 4 * 2 * 5)
    assert found.parameters == 12 + 8 + 15


def test_loops_and_decompositions_are_unknown():
    solve = layers.Lambda(lambda x: ops.linalg.inv(x), name="inverse")
    assert summary(solve, (None, 3, 3)).macs is None


def test_a_layer_on_constants_is_seen():
    class Positions(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(5, 8, name="embed")
            self.project = layers.Dense(8, name="project")

        def call(self, x):
            return x + self.project(self.embed(ops.arange(5)))

    found = summary(Positions(), (None, 5, 8))
    assert found.macs == 5 * 64
    assert [row.name for row in found.root.children] == ["embed", "project"]


def test_an_operation_of_ones_own_is_looked_into():
    class Twice(keras.Operation):
        def call(self, x):
            return ops.matmul(x, ops.transpose(x))

        def compute_output_spec(self, x):
            return keras.KerasTensor((x.shape[0], x.shape[0]))

    inputs = keras.Input(batch_shape=(3, 5))
    assert summary(keras.Model(inputs, Twice()(inputs))).macs == 45
