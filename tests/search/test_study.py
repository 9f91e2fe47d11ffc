import keras_tuner as kt
import pytest

from kerasblocks.search import StudyError, load_study
from tests.search.studies import study


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"name": "a/b"}, "'name' must be letters, digits, .* got 'a/b'"),
        ({"hypermodel": 3}, r"'hypermodel' must be a function build\(hp\)"),
        ({"data": []}, r"'data' must be a function that returns Splits, got \[\]"),
        ({"objective": "val_acuracy"}, "'val_acuracy'; did you mean 'val_accuracy'"),
        ({"objective": 3}, "'objective' must be a metric's name or Objective, got 3"),
        ({"trials": 0}, "'trials' must be an int of 1 or more, got 0"),
        ({"epochs": 2.5}, "'epochs' must be an int of 1 or more, got 2.5"),
        ({"seed": -1}, "'seed' must be an int of 0 or more, got -1"),
        ({"oracle": "bayes"}, "'bayes'; did you mean 'bayesian'"),
        ({"oracle": 1}, "'oracle' must be one of"),
        ({"callbacks": []}, "'callbacks' must be a function that returns a list"),
        ({"batch_size": True}, "'batch_size' must be an int of 1 or more, got True"),
    ],
)
def test_wrong_argument_is_named_with_what_was_expected(change, words):
    with pytest.raises(StudyError, match=f"^Study .*{words}"):
        study(**change)


def test_direction_comes_from_the_metric_or_from_the_objective():
    assert study(objective="val_loss").goal.direction == "min"
    assert study(objective="val_accuracy").goal.direction == "max"
    assert study(objective="val_f1_score").goal.direction == "max"
    assert study(objective="val_age_mae").goal.direction == "min"
    mine = kt.Objective("val_score", "max")
    assert study(objective=mine).goal is mine


def test_unknown_argument_names_its_neighbour():
    with pytest.raises(StudyError, match=r"no argument 'trails'.*mean 'trials'"):
        study(trails=3)


def write(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def build(hp): pass\nsutdy = 1", "found only build, sutdy; did you mean 's"),
        ("study = 3", "but 'study' is a int"),
        ("x = 1 / 0", r"ZeroDivisionError: division by zero \[mine.py:1 in <module>\]"),
        ("x = (", "SyntaxError: .*mine.py, line 1"),
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such"),
        (
            "from tests.search.studies import study as make\nmine = make()",
            "rename 'mine', which is a Study, to 'study'",
        ),
    ],
)
def test_file_without_a_study_says_what_was_found(tmp_path, text, words):
    with pytest.raises(StudyError, match=words):
        load_study(write(tmp_path, text))


def test_missing_file_names_its_neighbour(tmp_path):
    write(tmp_path, "")
    with pytest.raises(StudyError, match=r"no study file at .*did you mean '.*mine.py"):
        load_study(tmp_path / "mime.py")
    with pytest.raises(StudyError, match=r"is a folder; expected .* \(in it: mine.py"):
        load_study(tmp_path)


def test_study_imports_from_beside_itself_and_knows_its_file(tmp_path):
    (tmp_path / "beside_the_study.py").write_text("NAME = 'here'\n")
    path = write(
        tmp_path,
        "from beside_the_study import NAME\n"
        "from tests.search.studies import study as make\n"
        "study = make(name=NAME)\n",
    )
    found = load_study(path)
    assert found.name == "here"
    assert found.source == path.resolve()
