"""The examples run, and learn what they say they do."""

import runpy
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"
TESTED = {}


def example(file):
    """Marks a test of the example `file`, which it gets as a dict of its names."""

    def mark(test):
        TESTED[file] = test
        return pytest.mark.parametrize("names", [file], indirect=True, ids=[file])(test)

    return mark


@pytest.fixture
def names(request):
    return runpy.run_path(str(EXAMPLES / request.param))


@example("inception_digits.py")
def test_inception(names):
    assert names["main"](epochs=4) > 0.9


@example("residual_digits.py")
def test_residual_connections_let_a_deep_stack_learn(names):
    residual, plain = names["main"](epochs=3)
    assert residual > 0.85
    assert plain < 0.5


@example("siamese_digits.py")
def test_siamese_network_knows_new_images_and_its_encoder_works_alone(names):
    result = names["main"](epochs=4, pairs=3000)
    assert result["pairs"] > 0.8
    assert result["neighbours"] > 0.9


@example("one_shot_digits.py")
def test_a_siamese_network_compares_digits_that_it_has_never_seen(names):
    result = names["main"](epochs=2, splits=[(6, 7)])
    assert result["anywhere, encoder AUC"] > 0.65
    assert result["anywhere, pixels AUC"] < 0.6
    assert result["centred, encoder one-shot"] > 0.65


@example("stereo.py")
def test_a_learned_description_matches_better_than_pixels(names):
    result = names["main"](epochs=2, pairs=20_000)
    assert result["encoder"] < result["squared differences"]


@example("multi_head_digits.py")
def test_every_head_learns_and_the_weights_are_felt(names):
    equal, weighted = names["main"](epochs=5).values()
    for result in (equal, weighted):
        assert result["digit"] > 0.85
        assert result["odd"] > 0.85
    assert weighted["ink"] < 0.7 * equal["ink"]


@example("cars.py")
def test_weights_set_by_hand_save_the_small_losses_from_the_large(names):
    rows = names["main"](epochs=20, only=["equal", "by hand", "scale"])
    equal, by_hand = rows["equal"], rows["by hand"]
    assert by_hand["origin"] > 0.9 > equal["origin"] + 0.1
    assert equal["mpg's gradient, before"] > 0.9 > by_hand["mpg's gradient, before"]
    for row in rows.values():
        assert row["mpg error"] < 8  # the mean of all cars is off by 6.5
    assert (Path("runs") / "cars.png").exists()


@example("missing_labels.py")
def test_labels_that_are_there_are_worth_more_than_complete_rows(names):
    rows = names["main"](steps=150)
    complete, known, full = rows.values()
    assert complete["rows"] < 0.45 * known["rows"]
    assert known["digit"] > complete["digit"]
    for row in (known, full):
        assert min(row["digit"], row["odd"]) > 0.85
        assert row["ink"] < 1.5


@example("question_answering.py")
def test_question_answering(names):
    assert names["main"](epochs=10) > 0.9  # a guess that sees the text gets 0.63


@example("gradient_flow.py")
def test_the_gradient_vanishes_in_plain_blocks_and_arrives_in_residual_ones(names):
    medians = names["main"](samples=64, kinds=("plain", "residual"))
    first, last = medians["plain"]
    assert 0 < first < 1e-9 * last
    first, last = medians["residual"]
    assert 0.3 < first / last < 3
    assert (Path("runs") / "gradient_flow.png").exists()


@pytest.mark.slow
@example("price.py")
def test_price_is_told_by_all_inputs_and_without_a_picture(names):
    errors = names["main"](epochs=10, parcels=3000)
    there, lost = errors[None]
    assert there < 0.7 * min(errors[name][0] for name in ("picture", "text", "numbers"))
    # Where there is no picture, as good as a model that never saw one.
    assert lost < 1.15 * errors["picture"][1]


def test_every_example_is_tested():
    assert {file.name for file in EXAMPLES.glob("*.py")} == set(TESTED)
