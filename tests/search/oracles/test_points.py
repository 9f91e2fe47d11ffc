import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasblocks.search.oracles.points import (
    count,
    point_at,
    seed_for,
    share_of,
    value_at,
)
from tests.search.oracles.searches import active, spaces


@given(hp=spaces(), data=st.data())
def test_every_place_of_the_cube_is_a_point(hp, data):
    place = [data.draw(st.floats(0, 1)) for _ in hp.space]
    assert active(hp, point_at(hp.space, place))


@given(hp=spaces(), share=st.floats(0, 1))
def test_values_come_back_from_their_places(hp, share):
    for entry in hp.space:
        value = value_at(entry, share)
        place = share_of(entry, value)
        assert -1e-9 <= place <= 1 + 1e-9
        back = value_at(entry, place)
        if count(entry) is None and isinstance(value, float):
            assert back == pytest.approx(value)
        else:
            assert back == value


def test_seeds_are_positive_and_far_apart():
    seeds = {seed_for(seed, number) for seed in range(20) for number in range(20)}
    assert len(seeds) == 400
    assert min(seeds) > 0
    assert max(seeds) < 2**31
