import keras_tuner as kt

from kerasblocks.search import Trial
from kerasblocks.search.report.space import Parameter, parameters
from tests.search.report.made import made


def trials(*builds):
    found = []
    for number, build in enumerate(builds, 1):
        hp = kt.HyperParameters()
        build(hp)
        found.append(Trial(number, "COMPLETED", hp.get_config(), 0))
    return found


def test_kinds_of_axes():
    axes = {axis.name: axis for axis in parameters(made().trials)}
    assert axes["rate"].log
    assert not axes["dropout"].log
    assert sorted(axes["stage/kind"].values) == ["a", "b", "c"]
    assert axes["augment"].values == (False, True)
    assert [label for _, label in axes["rate"].ticks()] == [
        *("0.0001", "0.001", "0.01", "0.1", "1"),
    ]


def test_numbers_of_a_choice_stand_in_order():
    def build(value):
        return lambda hp: hp.Choice("units", [64, 8, 16], default=value)

    (axis,) = parameters(trials(build(8), build(64)))
    assert axis.values == (8, 16, 64)
    assert axis.place(16) == 0.5


def test_a_range_that_changed_holds_both():
    def build(low, high, value):
        return lambda hp: hp.Int("units", low, high, default=value)

    (axis,) = parameters(trials(build(1, 8, 2), build(4, 32, 9)))
    assert (axis.low, axis.high) == (1, 32)


def test_a_short_range_of_whole_numbers_is_a_list():
    def build(value):
        return lambda hp: hp.Int("stages", 1, 5, step=2, default=value)

    (axis,) = parameters(trials(build(1), build(5)))
    assert axis.values == (1, 3, 5)


def test_a_range_of_steps_that_are_no_whole_numbers():
    def build(value):
        return lambda hp: hp.Float("dropout", 0.0, 0.5, step=0.1, default=value)

    (axis,) = parameters(trials(build(0.0), build(0.1 + 0.2)))
    assert (axis.values, axis.low, axis.high) == ((), 0.0, 0.5)


def test_ticks_of_whole_numbers_are_whole():
    ticks = Parameter("units", low=1.0, high=32.0, whole=True).ticks()
    assert [label for _, label in ticks] == ["1", "16", "32"]


def test_a_range_of_one_value_has_a_middle():
    assert Parameter("a", low=2.0, high=2.0).place(2.0) == 0.5
    assert Parameter("a", values=("x",)).place("x") == 0.0


def test_a_narrow_log_range_has_ticks():
    ticks = Parameter("rate", low=2e-3, high=8e-3, log=True).ticks()
    assert [label for _, label in ticks] == ["0.002", "0.004", "0.008"]
